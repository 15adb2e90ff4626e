//! What can be typed: the global options and the list of commands.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

use super::commands;
use super::settings::OutputFormat;

/// From one homelab.yaml to a Kubernetes cluster at home that reconciles itself from Git.
#[derive(Debug, Parser)]
#[command(
    name = "homelab",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Work in this directory instead of the current one.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub directory: Option<Utf8PathBuf>,
    /// How results are written to standard output.
    #[arg(long, global = true, value_parser = OutputFormat::common(), default_value = "text")]
    pub output: OutputFormat,
    /// When to use colour; `NO_COLOR` is respected.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: ColorChoice,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a new cluster's repository.
    Init(commands::init::InitArgs),
    /// Check homelab.yaml.
    Validate(commands::validate::ValidateArgs),
    /// Write the node configurations and the GitOps tree.
    Render(commands::render::RenderArgs),
    /// Bring bare machines up to a cluster that reconciles itself from Git.
    Bootstrap(commands::bootstrap::BootstrapArgs),
    /// Show what would change in the machines.
    Plan(commands::plan::PlanArgs),
    /// Change the machines to what homelab.yaml says, one at a time.
    Apply(commands::apply::ApplyArgs),
    /// Show how the cluster is.
    Status(commands::status::StatusArgs),
    /// Name likely causes of what is not as it should be, and what to try.
    Doctor(commands::doctor::DoctorArgs),
    /// Rehearse on simulated machines built from homelab.yaml.
    Rehearse(commands::rehearse::RehearseArgs),
    /// Look at the nodes and their configurations.
    #[command(subcommand)]
    Nodes(commands::nodes::NodesCommand),
    /// List every image that the cluster pulls, and what machines are booted with.
    Images(commands::images::ImagesArgs),
    /// Compare a node's configuration with a file, or with what the machine runs.
    Diff(commands::diff::DiffArgs),
    /// Make a context for talosctl from the secrets bundle.
    Talosconfig(commands::talosconfig::TalosconfigArgs),
    /// Make a context for kubectl from the secrets bundle.
    Kubeconfig(commands::kubeconfig::KubeconfigArgs),
    /// Make, encrypt and decrypt secrets.
    #[command(subcommand)]
    Secrets(commands::secrets::SecretsCommand),
    /// Explain a diagnostic code.
    Explain(commands::explain::ExplainArgs),
    /// Print the JSON schema of homelab.yaml.
    Schema(commands::schema::SchemaArgs),
    /// Print the completions of a shell.
    Completions(commands::completions::CompletionsArgs),
    /// Write the manual pages.
    Man(commands::man::ManArgs),
}
