//! `homelab secrets …`.

pub mod answers;
pub mod decrypt;
pub mod encrypt;
mod file;
pub mod init;
mod json;
mod unlock;

use super::Outcome;
use crate::cli::Context;

/// The commands about secrets.
#[derive(Debug, clap::Subcommand)]
pub enum SecretsCommand {
    /// Make the cluster's secrets, encrypted.
    Init(init::InitArgs),
    /// Encrypt files in place by the rules of .sops.yaml.
    Encrypt(encrypt::EncryptArgs),
    /// Decrypt a file to standard output.
    Decrypt(decrypt::DecryptArgs),
}

/// Runs one of them.
pub fn run(context: &Context, command: SecretsCommand) -> Outcome {
    match command {
        SecretsCommand::Init(args) => init::run(context, args),
        SecretsCommand::Encrypt(args) => encrypt::run(context, args),
        SecretsCommand::Decrypt(args) => decrypt::run(context, args),
    }
}
