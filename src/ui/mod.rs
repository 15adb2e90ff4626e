//! The terminal: results to standard output, everything else to standard error.
//!
//! Nothing else in the program prints.

pub mod changes;
mod counter;
pub mod diagnostics;
pub mod explained;
pub mod health;
pub mod images;
pub mod machines;
mod printer;
pub mod progress;
pub mod rehearsal;
mod table;
mod wrap;

pub use counter::Counter;
pub use printer::Ui;
pub use table::table;
