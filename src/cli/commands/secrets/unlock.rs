//! The private keys for a file, and what to say when none of them opens it.

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{
    DecryptError, EncryptedFile, Environment, Identities, IdentityError, MacCause, MetadataError,
    UnlockError, UnusedIdentity,
};

use crate::cli::{Context, Failure, Kind};

/// What standard input is called in messages; commands in hints say `FILE` for it.
pub(super) const STDIN: &str = "standard input";

/// The repository's own key, relative to its root.
const REPOSITORY_KEY: &str = ".sops/age.key";

/// Loads every identity at hand for a file.
pub(super) fn identities(
    context: &Context,
    file: Option<&Utf8Path>,
    encrypted: &EncryptedFile,
) -> Identities {
    let root = file
        .and_then(repository)
        .unwrap_or_else(|| context.settings.root.clone());
    let mut environment = Environment::of_process().with_repository(root);
    if let Some(recipient) = encrypted.metadata().age_recipients().next() {
        environment = environment.with_recipient(recipient);
    }
    let identities = Identities::load(&environment);
    warn_of_open_files(context, &identities);
    identities
}

/// The nearest directory above a file that holds a key.
fn repository(file: &Utf8Path) -> Option<Utf8PathBuf> {
    let absolute = camino::absolute_utf8(file).ok()?;
    let holds_key = |directory: &&Utf8Path| directory.join(REPOSITORY_KEY).exists();
    absolute
        .ancestors()
        .skip(1)
        .find(holds_key)
        .map(Utf8Path::to_owned)
}

/// Warns of key files that others can read.
fn warn_of_open_files(context: &Context, identities: &Identities) {
    for problem in identities.problems() {
        if let IdentityError::Exposed { mode } = problem.error
            && let Some(path) = problem.origin.path()
        {
            let path = path.display();
            context.ui.warning(&format!(
                "others can read the private key `{path}` (mode {mode:04o}); run `chmod 600 {path}`"
            ));
        }
    }
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
        DecryptError::MacMismatch { cause } => mac_hints(path, *cause),
        DecryptError::NoMac | DecryptError::MacUnreadable(_) => vec![format!(
            "`homelab secrets decrypt --ignore-mac {path}` shows the values all the same; compare them with Git's history"
        )],
        _ => Vec::new(),
    }
}

fn mac_hints(path: &Utf8Path, cause: MacCause) -> Vec<String> {
    let reason = match cause {
        MacCause::OnlyEncryptedSwitched => {
            "undo the change of `sops.mac_only_encrypted`, or decrypt with --ignore-mac and encrypt anew".to_owned()
        }
        _ => format!(
            "most likely a value that is not encrypted was edited by hand; `git log -p -- {path}` shows what changed"
        ),
    };
    let remedy = format!(
        "if the change is wanted: `homelab secrets decrypt --ignore-mac --in-place {path}`, check it, and encrypt it again"
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
    hints.push(format!(
        "put the private key of one of the file's recipients into `{REPOSITORY_KEY}`, or name its file in SOPS_AGE_KEY_FILE"
    ));
    hints
}
