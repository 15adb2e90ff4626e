//! Standard output and standard error.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use dialoguer::console::Term;

use super::wrap::wrapped;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The way to the user.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    json: bool,
}

impl Ui {
    /// Prepares the streams; colour is decided once, for the process.
    pub fn new(json: bool, color: anstream::ColorChoice) -> Self {
        color.write_global();
        Self { json }
    }

    /// Tells whether results are for programs.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a result to standard output; colours go where nobody sees them. A reader that went away
    /// is no error.
    pub fn result(&self, text: &[u8]) -> io::Result<()> {
        write(&mut anstream::stdout(), text)
    }

    /// Writes a result to standard output, byte for byte.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        write(&mut io::stdout().lock(), bytes)
    }

    /// Writes a text for people to standard output; on a terminal its lines break between words.
    pub fn text(&self, text: &str) -> io::Result<()> {
        let text = match width(&Term::stdout()) {
            Some(width) => wrapped(text, width),
            None => text.to_owned(),
        };
        self.result(text.as_bytes())
    }

    /// Writes a longer text beside the result; on a terminal its lines break between words.
    pub fn page(&self, text: &str) {
        match width(&Term::stderr()) {
            Some(width) => self.note(&wrapped(text, width)),
            None => self.note(text),
        }
    }

    /// Writes a result as indented JSON.
    pub fn json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        self.result(&text)
    }

    /// Writes a line of progress.
    pub fn note(&self, line: &str) {
        stderr_line(format_args!("{line}"));
    }

    /// Writes a warning.
    pub fn warning(&self, line: &str) {
        stderr_line(format_args!("{WARNING}warning{WARNING:#}: {line}"));
    }

    /// Writes why the command failed and what to do about it.
    pub fn failure(&self, message: &str, hints: &[String]) {
        if !message.is_empty() {
            stderr_line(format_args!("{ERROR}error{ERROR:#}: {message}"));
        }
        for hint in hints {
            stderr_line(format_args!("{HINT}hint{HINT:#}: {hint}"));
        }
    }
}

/// The width of a terminal; nothing else has one.
fn width(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked()?;
    term.is_term().then_some(usize::from(columns))
}

fn write(stdout: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A closed standard error leaves nobody to tell.
fn stderr_line(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{line}");
}
