//! How a run's events reach a person or a program: live on a terminal, as plain lines elsewhere, as
//! one JSON object a line for programs. All of it goes to standard error.

mod plain;
mod terminal;
mod words;

use std::io::IsTerminal;
use std::sync::Arc;

use super::Ui;
use crate::execute::Sink;

pub use plain::{JsonLines, PlainLines};
pub use terminal::Terminal;
pub use words::{duration, line};

/// Returns the sink that fits where standard error goes.
pub fn sink(ui: &Ui) -> Arc<dyn Sink> {
    if ui.is_json() {
        Arc::new(JsonLines)
    } else if std::io::stderr().is_terminal() {
        Arc::new(Terminal::default())
    } else {
        Arc::new(PlainLines::default())
    }
}
