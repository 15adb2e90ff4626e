//! Arguments and environment, resolved once; immutable afterwards.

use camino::Utf8PathBuf;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{ColorChoice, GlobalArgs};

/// How results are written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For code scanning: SARIF 2.1.0, of `secrets check` only.
    Sarif,
}

impl OutputFormat {
    /// Reads a format that every command has.
    pub fn common() -> impl TypedValueParser<Value = Self> {
        let formats = Self::value_variants().iter();
        let common = formats.filter(|format| **format != Self::Sarif);
        PossibleValuesParser::new(common.filter_map(ValueEnum::to_possible_value))
            .map(|name| Self::from_str(&name, false).unwrap_or_default())
    }
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
