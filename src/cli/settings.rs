//! Arguments and environment, resolved once; immutable afterwards.

use camino::Utf8PathBuf;

use super::args::{ColorChoice, GlobalArgs};

/// How results are written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What holds for the whole run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The repository's root.
    pub root: Utf8PathBuf,
    /// How results are written.
    pub output: OutputFormat,
    /// Whether standard error is coloured.
    pub color: ColorChoice,
}

impl Settings {
    /// Resolves the settings of this process.
    pub fn resolve(args: &GlobalArgs) -> Self {
        Self {
            root: args
                .directory
                .clone()
                .unwrap_or_else(|| Utf8PathBuf::from(".")),
            output: args.output,
            color: args.color,
        }
    }
}
