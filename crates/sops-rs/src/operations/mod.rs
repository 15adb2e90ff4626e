//! What is done to files and documents as a whole: look up, change, rotate, hand over, compare.
//!
//! Everything works on trees, so it holds for every format; nothing here touches a file system.

mod edit;
mod lookup;
mod reuse;
mod rewrap;
mod value_text;

pub use edit::{Edit, SaveError};
pub use lookup::LookupError;
pub(crate) use reuse::{Ivs, KnownIvs};
pub use rewrap::{KeyDifference, RecipientChange, RewrapError};
pub use value_text::{BareNumbers, ValueError};
