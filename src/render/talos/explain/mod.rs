//! Where each leaf of a machine's configuration comes from.
//!
//! Which layer put a leaf there is recorded while the layers are laid over one another. Which line of the spec
//! is behind a leaf of the first two layers is found by experiment: the configuration is rendered with one
//! value of the spec other than it is, and what changes is what the value is behind. So the answer holds for
//! every contract and for every field that the spec gets later, and no table has to follow the renderer. What
//! that costs, and where it ends, is in `docs/decisions/0008-provenance-by-experiment.md`.

mod leaf;
mod patch_place;
mod sources;
mod trace;
mod written;

pub use leaf::{Filter, Leaf};
pub use sources::{Place, Source, explain};

#[cfg(test)]
mod tests;
