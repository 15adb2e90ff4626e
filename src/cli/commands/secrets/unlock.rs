//! The private keys for a file, and what to say when none of them opens it.

use camino::Utf8Path;
use sops_rs::{
    DecryptError, EncryptedFile, Identities, IdentityOrigin, MacCause, MetadataError, UnlockError,
    UnusedIdentity,
};

use crate::cli::{Failure, Kind};
use crate::store::Original;
use crate::store::sealed::AGE_KEY_FILE;

/// What standard input is called in messages; commands in hints say `FILE` for it.
pub(super) const STDIN: &str = "standard input";

/// Reads the identities of one key file.
pub(super) fn key_file(path: &Utf8Path) -> Result<Identities, Failure> {
    let contents = Original::read(path)?;
    let mut identities = Identities::default();
    identities.add_file(contents.bytes(), &IdentityOrigin::Given);
    let mut problems = identities.problems().iter();
    if let Some(problem) = problems.find(|problem| !problem.is_warning()) {
        let line = problem.line.map(|line| format!(", line {line}"));
        let message = format!("`{path}`{}: {}", line.unwrap_or_default(), problem.error);
        return Err(Failure::message(Kind::Failed, message));
    }
    Ok(identities)
}

/// The failure of a file that does not open, with what there is to know about it.
pub(super) fn failure(
    path: &Utf8Path,
    error: DecryptError,
    encrypted: Option<&EncryptedFile>,
    identities: &Identities,
) -> Failure {
    let named = if path == STDIN {
        Utf8Path::new("FILE")
    } else {
        path
    };
    let hints = hints(named, &error, encrypted, identities);
    let error = anyhow::Error::new(error).context(format!("cannot decrypt `{path}`"));
    hints
        .into_iter()
        .fold(Failure::new(Kind::Failed, error), Failure::hint)
}

fn hints(
    path: &Utf8Path,
    error: &DecryptError,
    encrypted: Option<&EncryptedFile>,
    identities: &Identities,
) -> Vec<String> {
    match error {
        DecryptError::Key(error) => key_hints(error, encrypted, identities),
        DecryptError::Metadata(MetadataError::NotEncrypted) => {
            vec![format!(
                "it is in the clear: read it as it is, or run `homelab secrets encrypt {path}`"
            )]
        }
        DecryptError::Value { .. } | DecryptError::PlainValue { .. } => vec![
            "the value was edited, moved or renamed without a tool that knows the key".to_owned(),
            "take the file's last good state from Git, decrypt that, and make the change again"
                .to_owned(),
        ],
        DecryptError::MacMismatch { cause } => mac_hints(path, cause),
        DecryptError::NoMac | DecryptError::MacUnreadable(_) => vec![format!(
            "`homelab secrets decrypt --ignore-mac {path}` shows the values all the same; compare them with Git's history"
        )],
        _ => Vec::new(),
    }
}

fn mac_hints(path: &Utf8Path, cause: &MacCause) -> Vec<String> {
    let reason = match cause {
        MacCause::OnlyEncryptedSwitched => {
            "undo the change of `sops.mac_only_encrypted`".to_owned()
        }
        MacCause::ListComments => "the values are whole".to_owned(),
        MacCause::Added { path: value } => format!(
            "take `{value}` out of the file by hand, and set it with `homelab secrets set --clear {path} '{value}'`"
        ),
        _ => format!(
            "most likely a value that is not encrypted was edited by hand; `git log -p -- {path}` shows what changed"
        ),
    };
    let remedy = format!(
        "if the change is wanted: run `homelab secrets decrypt --ignore-mac -i --over-tracked {path}`, look at it, and run \
         `homelab secrets encrypt {path}` before you commit"
    );
    vec![reason, remedy]
}

fn key_hints(
    error: &UnlockError,
    encrypted: Option<&EncryptedFile>,
    identities: &Identities,
) -> Vec<String> {
    let mut hints = Vec::new();
    let recipients: Vec<_> = encrypted
        .map(|file| file.metadata().age_recipients().collect())
        .unwrap_or_default();
    if !recipients.is_empty() {
        hints.push(format!(
            "the file is encrypted for {}",
            recipients.join(", ")
        ));
    }
    let at_hand: Vec<_> = identities
        .iter()
        .map(|loaded| format!("{} from {}", loaded.identity.public_part(), loaded.origin))
        .collect();
    if at_hand.is_empty() {
        let places: Vec<_> = identities
            .absent()
            .iter()
            .map(ToString::to_string)
            .collect();
        if !places.is_empty() {
            hints.push(format!("no identity was found in {}", places.join(", ")));
        }
    } else {
        hints.push(format!("at hand: {}", at_hand.join(", ")));
    }
    for problem in identities.problems() {
        if !problem.is_warning() {
            hints.push(format!("not usable: {problem}"));
        }
    }
    if let UnlockError::NoMatchingIdentity { unused, .. }
    | UnlockError::TooFewGroups { unused, .. } = error
    {
        for unused in unused {
            let UnusedIdentity {
                public_part,
                origin,
                failure,
                ..
            } = unused;
            hints.push(format!(
                "not usable: {public_part} from {origin}: {failure}"
            ));
        }
    }
    if let UnlockError::NoAgeKey { .. } = error {
        hints.push(
            "only `sops` opens it, where it has one of these keys: run `sops rotate -i --add-age RECIPIENT FILE` there, \
             with the public key that `homelab secrets keygen` prints here"
                .to_owned(),
        );
        return hints;
    }
    hints.push(format!(
        "put the private key of one of the file's recipients into `{AGE_KEY_FILE}`, or name its file in SOPS_AGE_KEY_FILE"
    ));
    hints
}
