//! How a command ends: done with a status, or failed with a kind, an error and hints.

use std::fmt;
use std::process::ExitCode;

/// The kinds of failure; each is an exit code (`docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something went wrong while doing it: 1.
    Failed,
    /// The command line is wrong: 2.
    Usage,
    /// `homelab.yaml` is wrong: 3.
    Spec,
    /// The cluster cannot be reached: 5.
    Unreachable,
    /// A fence refused to go on: 6.
    Refused,
    /// The user interrupted: 130.
    Interrupted,
}

/// A command that could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What happened, with its causes.
    pub error: anyhow::Error,
    /// What to do about it, as imperative sentences.
    pub hints: Vec<String>,
}

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done: 0.
    Done,
    /// What was looked at differs from what should be: 4.
    Differs,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// A failure of this kind that a sentence describes.
    pub fn message(kind: Kind, message: impl fmt::Display) -> Self {
        Self::new(kind, anyhow::anyhow!("{message}"))
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Kind::Failed, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl Kind {
    /// Every kind, in the order of the exit codes.
    pub const ALL: [Self; 6] = [
        Self::Failed,
        Self::Usage,
        Self::Spec,
        Self::Unreachable,
        Self::Refused,
        Self::Interrupted,
    ];

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Spec => 3,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Interrupted => 130,
        }
    }

    /// What the exit code means, as `docs/exit-codes.md` says it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "Something went wrong on the way; the message says where.",
            Self::Usage => "The command line is wrong.",
            Self::Spec => "`homelab.yaml` is wrong; the findings name file, line and column.",
            Self::Unreachable => "The cluster, or a node that is needed, cannot be reached.",
            Self::Refused => {
                "A fence refused to go on, since going on could lose data; the message names the way out."
            }
            Self::Interrupted => {
                "The user interrupted; the message says what stands and how to go on."
            }
        }
    }
}

impl ExitStatus {
    /// Every status, in the order of the exit codes.
    pub const ALL: [Self; 2] = [Self::Done, Self::Differs];

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differs => 4,
        }
    }

    /// What the exit code means, as `docs/exit-codes.md` says it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done.",
            Self::Differs => {
                "What was looked at differs from what should be: changes are pending, the rendered tree is stale, or a check found something."
            }
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        Self::from(kind.code())
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
