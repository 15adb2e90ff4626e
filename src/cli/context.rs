//! What every command is given.

use super::args::ColorChoice;
use super::settings::{OutputFormat, Settings};
use crate::ui::Ui;

/// What every command is given: the settings and the way to the user.
#[derive(Debug)]
pub struct Context {
    /// Arguments and environment, resolved.
    pub settings: Settings,
    /// The terminal, or what stands in its place.
    pub ui: Ui,
}

impl Context {
    /// Prepares a run.
    pub fn new(settings: Settings) -> Self {
        let color = match settings.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let ui = Ui::new(settings.output == OutputFormat::Json, color);
        Self { settings, ui }
    }
}
