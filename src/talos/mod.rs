//! The Talos API as this program reaches it: through the connector, judged by the run's clock.

mod access;
mod error_text;

pub use access::{Met, Talos};
pub use error_text::error_text;
