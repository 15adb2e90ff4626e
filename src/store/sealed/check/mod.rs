//! Whether a repository's secrets are as they should be: what `.sops.yaml` says against what the files
//! hold, what Flux will make of them, and private keys where Git would take them.
//!
//! A check reads and never writes, needs no key, and finds more with one. What it says holds no
//! secret. Where the files come from, a working tree or Git's index, is the caller's business.

mod allow;
mod bundle;
mod clear;
mod damage;
mod encrypted;
mod file;
mod finding;
mod flux;
mod places;
mod private_keys;
mod rules;

pub use allow::{ALLOW_FILE, AllowError, AllowList, Scope};
pub use damage::damage;
pub use file::{Check, FileReport, Status};
pub use finding::{Code, Finding};
pub use flux::{ClusterKey, FluxView};
pub use private_keys::{PrivateKey, private_keys};
pub use rules::idle_rules;
