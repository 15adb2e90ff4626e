//! `homelab secrets …`.

pub mod answers;
mod change;
pub mod check;
mod checked_text;
pub mod decrypt;
pub mod diff;
pub mod edit;
pub mod encrypt;
pub mod explain;
pub mod get;
pub mod git_setup;
pub mod hook;
mod host_keys;
mod in_memory;
pub mod init;
mod json;
mod keep_going;
pub mod keygen;
pub mod merge_driver;
mod overwrite;
mod plain_file;
mod repository;
mod reuse;
pub mod rotate;
pub mod set;
mod short;
mod signals;
pub mod status;
mod terminal_prompt;
mod unlock;
pub mod who;
mod workspace;

use super::Outcome;
use crate::cli::Context;

/// The commands about secrets.
#[derive(Debug, clap::Subcommand)]
pub enum SecretsCommand {
    /// Make the cluster's secrets, encrypted.
    Init(init::InitArgs),
    /// Encrypt files in place by the rules of .sops.yaml.
    Encrypt(encrypt::EncryptArgs),
    /// Decrypt a file to standard output, or several in place.
    Decrypt(decrypt::DecryptArgs),
    /// Edit an encrypted file.
    Edit(edit::EditArgs),
    /// Print one value of an encrypted file.
    Get(get::GetArgs),
    /// Set one value of an encrypted file.
    Set(set::SetArgs),
    /// Take values out of an encrypted file.
    Unset(set::UnsetArgs),
    /// Give encrypted files a new data key; add and remove recipients.
    Rotate(rotate::RotateArgs),
    /// Make the recipients of encrypted files those of .sops.yaml.
    #[command(name = "updatekeys")]
    UpdateKeys(rotate::UpdateKeysArgs),
    /// Check that no secret lies in the clear and that everything encrypted is as it should be.
    Check(check::CheckArgs),
    /// Show the state of encrypted files.
    Status(status::StatusArgs),
    /// Show who can open what, and whether Flux can open what it will read.
    Who(who::WhoArgs),
    /// Say which rule holds for a file and why, and what of the file it means.
    Explain(explain::ExplainArgs),
    /// Show what changed in an encrypted file, in the clear.
    Diff(diff::DiffArgs),
    /// Merge encrypted files by their values; Git calls it.
    MergeDriver(merge_driver::MergeDriverArgs),
    /// Make an age key.
    Keygen(keygen::KeygenArgs),
    /// Check secrets before every commit.
    #[command(subcommand)]
    Hook(hook::HookCommand),
    /// Have Git show and merge encrypted files by their values.
    GitSetup(git_setup::GitSetupArgs),
}

/// Runs one of them.
pub fn run(context: &Context, command: SecretsCommand) -> Outcome {
    match command {
        SecretsCommand::Init(args) => init::run(context, args),
        SecretsCommand::Encrypt(args) => encrypt::run(context, args),
        SecretsCommand::Decrypt(args) => decrypt::run(context, args),
        SecretsCommand::Edit(args) => edit::run(context, args),
        SecretsCommand::Get(args) => get::run(context, args),
        SecretsCommand::Set(args) => set::run(context, args),
        SecretsCommand::Unset(args) => set::unset(context, args),
        SecretsCommand::Rotate(args) => rotate::run(context, args),
        SecretsCommand::UpdateKeys(args) => rotate::update_keys(context, args),
        SecretsCommand::Check(args) => check::run(context, args),
        SecretsCommand::Status(args) => status::run(context, args),
        SecretsCommand::Who(args) => who::run(context, args),
        SecretsCommand::Explain(args) => explain::run(context, args),
        SecretsCommand::Diff(args) => diff::run(context, args),
        SecretsCommand::MergeDriver(args) => merge_driver::run(context, args),
        SecretsCommand::Keygen(args) => keygen::run(context, args),
        SecretsCommand::Hook(command) => hook::run(context, command),
        SecretsCommand::GitSetup(args) => git_setup::run(context, args),
    }
}
