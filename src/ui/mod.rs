//! The terminal: results to standard output, everything else to standard error.
//!
//! Nothing else in the program prints.

pub mod diagnostics;
mod printer;
pub mod progress;
pub mod rehearsal;

pub use printer::Ui;
