//! The places where private keys are looked for: those of `sops`, in its order, and the
//! repository's own before the default file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::environment::Environment;
use super::identities::Identities;
use super::identity::IdentityError;
use super::key_text::Separation;
use super::origin::IdentityOrigin;

const SSH_FILE: &str = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
const SSH_COMMAND: &str = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
const KEY: &str = "SOPS_AGE_KEY";
const KEY_FILE: &str = "SOPS_AGE_KEY_FILE";
const KEY_COMMAND: &str = "SOPS_AGE_KEY_CMD";

/// The variables that hold commands.
pub(super) const COMMANDS: [&str; 2] = [SSH_COMMAND, KEY_COMMAND];

/// Loads everything that the environment leads to.
pub(super) fn load(found: &mut Identities, environment: &Environment) {
    if cfg!(feature = "ssh") {
        variable_file(found, environment, SSH_FILE);
        command(found, environment, SSH_COMMAND);
        for path in environment.ssh_keys() {
            optional_file(found, IdentityOrigin::Ssh(path));
        }
    }
    variable(found, environment, KEY);
    variable_file(found, environment, KEY_FILE);
    command(found, environment, KEY_COMMAND);
    let repository = environment.repository_key().map(IdentityOrigin::Repository);
    let default = environment.default_key().map(IdentityOrigin::Default);
    for origin in repository.into_iter().chain(default) {
        optional_file(found, origin);
    }
}

fn variable(found: &mut Identities, environment: &Environment, name: &'static str) {
    let origin = IdentityOrigin::Variable(name);
    let Some(value) = environment.variable(name) else {
        return found.add_absent(origin);
    };
    match value.to_str() {
        Some(text) => found.add_separated(text.as_bytes(), Separation::WhiteSpace, &origin),
        None => found.add_problem(origin, IdentityError::NotText),
    }
}

fn variable_file(found: &mut Identities, environment: &Environment, name: &'static str) {
    match environment.variable(name) {
        Some(path) => file(found, IdentityOrigin::VariableFile(name, path.into())),
        None => found.add_absent(IdentityOrigin::VariableFile(name, PathBuf::new())),
    }
}

fn optional_file(found: &mut Identities, origin: IdentityOrigin) {
    let exists = origin
        .path()
        .is_some_and(|path| path.try_exists().unwrap_or(true));
    if exists {
        file(found, origin);
    } else {
        found.add_absent(origin);
    }
}

#[expect(clippy::disallowed_methods, reason = "this crate reads its own files")]
fn file(found: &mut Identities, origin: IdentityOrigin) {
    let Some(path) = origin.path() else { return };
    match std::fs::read(path).map(Zeroizing::new) {
        Ok(contents) => {
            if let Some(mode) = exposed(path) {
                found.add_problem(origin.clone(), IdentityError::Exposed { mode });
            }
            found.add_file(&contents, &origin);
        }
        Err(error) => {
            let problem = error.to_string();
            found.add_problem(origin, IdentityError::Unreadable { problem });
        }
    }
}

/// The permissions of a file that others can read.
#[cfg(unix)]
fn exposed(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o044 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn exposed(_: &Path) -> Option<u32> {
    None
}

/// Runs a key command. Like `sops`, it is told a recipient; with several, it is run for each until
/// it prints the key of one of them.
fn command(found: &mut Identities, environment: &Environment, name: &'static str) {
    let origin = IdentityOrigin::VariableCommand(name);
    let Some(command) = environment.variable(name) else {
        return found.add_absent(origin);
    };
    let command = command.to_string_lossy();
    let recipients = environment.recipients();
    let mut asked: Vec<Option<&str>> = recipients.iter().map(|text| Some(text.as_str())).collect();
    if asked.is_empty() {
        asked.push(None);
    }
    let mut outputs: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for recipient in asked {
        match run(&command, environment, recipient) {
            Ok(output) if outputs.contains(&output) => {}
            Ok(output) => {
                let before = found.len();
                found.add_file(&output, &origin);
                let new = found.iter().skip(before);
                let mut public = new.filter_map(|loaded| loaded.identity.recipient());
                if public.any(|key| recipients.iter().any(|text| text == key.as_str())) {
                    return;
                }
                outputs.push(output);
            }
            Err(problem) => found.add_problem(origin.clone(), IdentityError::Command { problem }),
        }
    }
}

/// Runs a command, taken apart as a shell would but without one, and returns what it prints.
#[expect(clippy::disallowed_methods, reason = "a key command is a process")]
fn run(
    command: &str,
    environment: &Environment,
    recipient: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let words = shlex::split(command).ok_or("a quote in it is not closed")?;
    let (program, arguments) = words.split_first().ok_or("it is empty")?;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    process.env_clear().envs(environment.variables());
    if let Some(recipient) = recipient {
        process.env("SOPS_AGE_RECIPIENT", recipient);
    }
    let output = process
        .output()
        .map_err(|error| format!("`{program}`: {error}"))?;
    let stdout = Zeroizing::new(output.stdout);
    if output.status.success() {
        Ok(stdout)
    } else {
        Err(format!("`{program}` ended with {}", output.status))
    }
}
