//! age keys: the public ones that files are encrypted for, the private ones that open them, and
//! where the latter are found.

mod environment;
mod identities;
mod identity;
mod key_text;
mod origin;
mod passphrase;
#[cfg(feature = "plugin")]
mod plugin;
mod post_quantum;
mod prompt;
mod recipient;
mod sources;
#[cfg(feature = "ssh")]
mod ssh;

pub use environment::Environment;
pub use identities::{Identities, LoadedIdentity};
pub use identity::{Identity, IdentityError, IdentityFailure, IdentityKind};
pub use origin::{IdentityOrigin, IdentityProblem};
pub use prompt::{NoPrompt, Prompt};
pub use recipient::{Recipient, RecipientError, RecipientKind};
