//! The keys by which a Git host proves itself: from a file that was named, else from what the user's SSH
//! knows. Nothing is asked over the network: who answers there would not be proved.

use std::process::Command;

use camino::Utf8Path;

use crate::cli::{Failure, Kind};

/// Reads a file in the form of `known_hosts`.
pub(super) fn read(file: &Utf8Path) -> Result<String, Failure> {
    let text = fs_err::read_to_string(file)?;
    if text.lines().any(|line| parts(line).is_some()) {
        return Ok(text);
    }
    let message = format!("`{file}` holds no host key: expected lines of `HOST TYPE KEY`");
    Err(Failure::message(Kind::Usage, message))
}

/// Returns the keys of a host, one `TYPE BASE64` a line.
pub(super) fn of(host: &str, known: Option<&str>) -> Option<String> {
    let keys = match known {
        Some(text) => keys(text, |names| names.split(',').any(|name| name == host)),
        // Names may be hashed; OpenSSH finds them all the same.
        None => keys(&asked(host)?, |_| true),
    };
    (!keys.is_empty()).then(|| keys.join("\n"))
}

fn keys(text: &str, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = text.lines().filter_map(parts);
    lines
        .filter(|(names, _)| is_meant(names))
        .map(|(_, key)| key)
        .collect()
}

/// The names of a line and its key, without the comment.
fn parts(line: &str) -> Option<(&str, String)> {
    let mut words = line.split_whitespace();
    let names = words
        .next()
        .filter(|names| !names.starts_with(['#', '@']))?;
    let (kind, key) = (words.next()?, words.next()?);
    let is_kind = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
    is_kind.then(|| (names, format!("{kind} {key}")))
}

fn asked(host: &str) -> Option<String> {
    let output = Command::new("ssh-keygen")
        .args(["-F", host])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_host_alone_are_taken() {
        let text = "# comment\ngit.example.net,192.0.2.1 ssh-ed25519 AAAA note\nother.example.net ssh-rsa BBBB\n\
                    @revoked git.example.net ssh-rsa CCCC\ngit.example.net ecdsa-sha2-nistp256 DDDD\nnonsense\n";
        let found = of("git.example.net", Some(text));
        assert_eq!(
            found.as_deref(),
            Some("ssh-ed25519 AAAA\necdsa-sha2-nistp256 DDDD")
        );
        assert_eq!(of("none.example.net", Some(text)), None);
    }
}
