//! The contents of a key file: lines of identities, an SSH key, or an age file with a passphrase.

#[cfg(feature = "ssh")]
use super::ssh::SshKey;

#[cfg(not(feature = "ssh"))]
use super::identity::IdentityKind;
use super::identity::{Identity, IdentityError};
use super::passphrase::PassphraseFile;
use super::prompt::SharedPrompt;

/// What is wrong with a text, and where: the line, where there is one.
pub(super) type Wrong = (Option<usize>, IdentityError);

/// How words of a text stand apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separation {
    /// One identity a line.
    Lines,
    /// Any white space, as in a variable.
    WhiteSpace,
}

/// Reads the identities of a key file or variable. `name` is what questions call it.
pub(super) fn read(
    bytes: &[u8],
    name: &str,
    separation: Separation,
    prompt: &SharedPrompt,
) -> Result<Vec<Identity>, Wrong> {
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"age-encryption.org/") || start.starts_with(b"-----BEGIN AGE") {
        let file = PassphraseFile::new(start, name, prompt);
        let file = file.ok_or((None, IdentityError::NotPassphrase))?;
        return Ok(vec![Identity::passphrase_file(file)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| (None, IdentityError::NotText))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with("-----BEGIN") {
        return ssh(text.trim_start(), name, prompt).map(|identity| vec![identity]);
    }
    let identities = match separation {
        Separation::Lines => lines(text, prompt),
        Separation::WhiteSpace => words(text, prompt),
    };
    match identities {
        Ok(identities) if identities.is_empty() => Err((None, IdentityError::None)),
        Ok(identities) => Ok(identities),
        Err((line, error)) => Err((Some(line), error)),
    }
}

#[cfg(feature = "ssh")]
fn ssh(text: &str, name: &str, prompt: &SharedPrompt) -> Result<Identity, Wrong> {
    SshKey::parse(text, name, prompt)
        .map(Identity::ssh)
        .map_err(|error| (None, error))
}

#[cfg(not(feature = "ssh"))]
fn ssh(_: &str, _: &str, _: &SharedPrompt) -> Result<Identity, Wrong> {
    let kind = IdentityKind::Ssh;
    Err((None, IdentityError::Unsupported { kind }))
}

/// Reads one identity a line, `#` for comments. One bad line rejects the whole: half a key file is
/// a damaged key file.
pub(super) fn lines(
    text: &str,
    prompt: &SharedPrompt,
) -> Result<Vec<Identity>, (usize, IdentityError)> {
    parse(
        numbered(text).map(|(number, line)| (number, line.trim())),
        prompt,
    )
}

/// Reads identities with white space between them.
fn words(text: &str, prompt: &SharedPrompt) -> Result<Vec<Identity>, (usize, IdentityError)> {
    let words = numbered(text)
        .flat_map(|(number, line)| line.split_whitespace().map(move |word| (number, word)));
    parse(words, prompt)
}

/// The lines that are no comments, with their numbers.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
}

fn parse<'a>(
    texts: impl Iterator<Item = (usize, &'a str)>,
    prompt: &SharedPrompt,
) -> Result<Vec<Identity>, (usize, IdentityError)> {
    texts
        .filter(|(_, text)| !text.is_empty())
        .map(|(number, text)| Identity::parse_line(text, prompt).map_err(|error| (number, error)))
        .collect()
}
