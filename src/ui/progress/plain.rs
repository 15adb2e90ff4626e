//! Lines for logs and programs.

use std::io::Write;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::words;
use crate::execute::{Event, Sink};

/// One line of text for each event.
#[derive(Debug, Default)]
pub struct PlainLines {
    start: OnceLock<Timestamp>,
}

impl Sink for PlainLines {
    fn event(&self, event: &Event) {
        let start = *self.start.get_or_init(|| event.at);
        if let Some(line) = words::line(event, start) {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }
}

/// One JSON object a line for each event.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLines;

impl Sink for JsonLines {
    fn event(&self, event: &Event) {
        if let Ok(line) = serde_json::to_string(event) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}
