//! The small values everybody shares: names, versions, addresses, secrets, file trees, time.
//!
//! Each is parsed once at the edge and then cannot be wrong. Nothing here knows a file format, the
//! network or a terminal.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod clock;
mod file_tree;
mod hexadecimal;
mod label;
mod leaf_path;
mod mac_address;
mod node_name;
mod secret;
mod version;

pub use clock::{Clock, FixedClock, SystemClock};
pub use file_tree::{File, FileTree, Mode};
pub use hexadecimal::hexadecimal;
pub use label::{LONGEST_WORD, is_domain, is_label_key, is_word};
pub use leaf_path::{LeafPath, ParseLeafPathError, Step};
pub use mac_address::{MacAddress, ParseMacAddressError};
pub use node_name::{NodeName, ParseNodeNameError};
pub use secret::Secret;
pub use version::{ParseVersionError, Version};
