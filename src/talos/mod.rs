//! The Talos API as this program reaches it: through the connector, judged by the run's clock.

mod access;

pub use crate::connect::error_text;
pub use access::{Met, Talos};
