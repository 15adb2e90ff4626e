//! The terminal: results to standard output, everything else to standard error.
//!
//! Nothing else in the program prints.

mod printer;

pub use printer::Ui;
