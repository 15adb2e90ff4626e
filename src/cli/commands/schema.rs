//! `homelab schema`.

use super::Outcome;
use crate::cli::{Context, ExitStatus};
use crate::spec;

/// Arguments of `homelab schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab schema > homelab.schema.json

  Editors with the YAML language server find the schema by the first line of homelab.yaml:
  # yaml-language-server: $schema=homelab.schema.json")]
pub struct SchemaArgs {}

/// Prints the JSON schema of `homelab.yaml`.
pub fn run(context: &Context, _args: SchemaArgs) -> Outcome {
    context.ui.json(spec::schema())?;
    Ok(ExitStatus::Done)
}
