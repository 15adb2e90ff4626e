//! age keys: the public ones that files are encrypted for, the private ones that open them, and
//! where the latter are found.

mod environment;
mod identities;
mod identity;
mod recipient;
mod words;

pub use environment::Environment;
pub use identities::{Identities, IdentityOrigin, IdentityProblem, LoadedIdentity};
pub use identity::{Identity, IdentityError};
pub use recipient::{Recipient, RecipientError};
