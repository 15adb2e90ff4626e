//! What is wrong with a spec, where, and what to do about it: plain values.

use camino::{Utf8Path, Utf8PathBuf};

use super::code::Code;
use crate::yaml::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing goes on until it is mended.
    Error,
    /// Things go on; the owner should know.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong, as a fragment.
    pub message: String,
    /// The places it is about, the main one first; none when it is about the file as a whole.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
    /// Why its owner accepts it.
    pub accepted: Option<String>,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file; the spec itself when there is none.
    pub file: Option<Utf8PathBuf>,
    /// The place in it.
    pub span: Span,
    /// What is to be said; may be nothing.
    pub text: String,
}

impl Diagnostic {
    /// A finding about one place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let text = String::new();
        Self {
            code,
            message: message.into(),
            labels: vec![Label {
                file: None,
                span,
                text,
            }],
            help: None,
            accepted: None,
        }
    }

    /// A finding about a whole file, of which nothing can be shown.
    pub fn of_file(code: Code, message: impl Into<String>) -> Self {
        Self {
            labels: Vec::new(),
            ..Self::new(code, Span::default(), message)
        }
    }

    /// Says that the main place is in another file than the spec.
    #[must_use]
    pub fn in_file(mut self, file: Option<&Utf8Path>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.file = file.map(Utf8Path::to_owned);
        }
        self
    }

    /// Says something about the main place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Adds another place, of the spec.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = text.into();
        self.labels.push(Label {
            file: None,
            span,
            text,
        });
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Tells whether it stops everything.
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// Returns the file of the main place; none when that is the spec.
    pub fn file(&self) -> Option<&Utf8Path> {
        self.labels.first()?.file.as_deref()
    }

    /// Returns the main place.
    pub fn span(&self) -> Span {
        self.labels
            .first()
            .map(|label| label.span)
            .unwrap_or_default()
    }
}
