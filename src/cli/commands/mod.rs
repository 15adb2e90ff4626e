//! One file per command; each `run` reads like a table of contents.

pub mod apply;
pub mod bootstrap;
pub mod completions;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod images;
pub mod init;
pub mod kubeconfig;
pub mod man;
pub mod nodes;
pub mod plan;
pub mod rehearse;
pub mod render;
pub mod schema;
pub mod secrets;
pub mod status;
pub mod talosconfig;
pub mod validate;

use super::args::Command;
use super::{Context, ExitStatus, Failure};

/// What a command returns.
pub type Outcome = Result<ExitStatus, Failure>;

/// Runs one command.
pub fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Init(args) => init::run(context, args),
        Command::Validate(args) => validate::run(context, args),
        Command::Render(args) => render::run(context, args),
        Command::Bootstrap(args) => bootstrap::run(context, args),
        Command::Plan(args) => plan::run(context, args),
        Command::Apply(args) => apply::run(context, args),
        Command::Status(args) => status::run(context, args),
        Command::Doctor(args) => doctor::run(context, args),
        Command::Rehearse(args) => rehearse::run(context, args),
        Command::Nodes(command) => nodes::run(context, command),
        Command::Images(args) => images::run(context, args),
        Command::Diff(args) => diff::run(context, args),
        Command::Talosconfig(args) => talosconfig::run(context, args),
        Command::Kubeconfig(args) => kubeconfig::run(context, args),
        Command::Secrets(command) => secrets::run(context, command),
        Command::Explain(args) => explain::run(context, args),
        Command::Schema(args) => schema::run(context, args),
        Command::Completions(args) => completions::run(context, args),
        Command::Man(args) => man::run(context, args),
    }
}
