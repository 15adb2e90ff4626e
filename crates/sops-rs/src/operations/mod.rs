//! What is done to files and documents as a whole: look up, change, rotate, hand over, compare,
//! merge, save what can be saved.
//!
//! Everything works on trees, so it holds for every format; nothing here touches a file system.

mod changes;
mod edit;
mod in_place;
mod lookup;
mod merge;
mod reuse;
mod rewrap;
mod salvage;
mod value_text;

pub use changes::{ChangeKind, ValueChange};
pub use edit::{Edit, SaveError};
pub use lookup::LookupError;
pub use merge::{FileMerge, Merge, Side};
pub(crate) use reuse::{Ivs, KnownIvs};
pub use rewrap::{KeyDifference, RecipientChange, RewrapError};
pub use salvage::Salvage;
pub use value_text::{BareNumbers, ValueError};
