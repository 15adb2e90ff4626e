//! What would change in a machine's configuration, leaf by leaf, and what each change does.
//!
//! Two lists of documents go in, a list of [`Change`]s comes out: by kind, name and path, secrets
//! hidden, each with its [`Effect`] from one table. Whether a machine really reboots is the
//! machine's own decision; the table is what Talos documents and its source says.

mod compare;
mod effect;

pub use compare::{Change, changes};
pub use effect::Effect;

#[cfg(test)]
mod tests;
