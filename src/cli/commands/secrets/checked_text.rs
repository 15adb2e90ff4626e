//! Text that was read back before it takes a file's place.
//!
//! A fault on the way from values to text would else be found when the file is needed and its old
//! contents are gone. [`CheckedText`] is made in no other way, and nothing else is written.

use camino::Utf8Path;
use sops_rs::{DataKey, Document, EncryptedFile, Format, MacCheck};
use zeroize::Zeroizing;

use super::workspace::Workspace;
use crate::cli::{Failure, Kind};
use crate::store::{FileError, MAX_BYTES, Original};

/// The contents of a file to be.
pub(super) struct CheckedText(Zeroizing<Vec<u8>>);

/// What an encrypted file has to open to.
#[derive(Clone, Copy)]
pub(super) struct Meant<'a> {
    /// Its data key.
    pub(super) key: &'a DataKey,
    /// The values.
    pub(super) document: &'a Document,
    /// Whether the MAC has to match: one that did not match before may stay as it was.
    pub(super) mac: MacCheck,
}

/// Why a text must not be written. Nothing in it is secret.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error("what would be written cannot be read")]
    Parse(#[source] anyhow::Error),
    #[error("what would be written does not open")]
    Open(#[source] sops_rs::DecryptError),
    #[error("it holds a value that would not read back as it was")]
    Differs,
}

impl CheckedText {
    /// Lays an encrypted file out like an older text, and makes sure that it can be read as the same
    /// file; where its data key is at hand, also that it opens to the values that were meant.
    pub(super) fn encrypted(
        workspace: &Workspace<'_>,
        path: &Utf8Path,
        file: &EncryptedFile,
        like: &[u8],
        meant: Option<Meant<'_>>,
    ) -> Result<Self, Failure> {
        let text = workspace.encrypted_text(path, file, like);
        check_size(&text, path)?;
        check_encrypted(&text, file, meant).map_err(|reason| refusal(path, reason))?;
        Ok(Self(text))
    }

    /// Lays a document in the clear out like the file that it comes from, and makes sure that it
    /// reads back.
    pub(super) fn plain(
        workspace: &Workspace<'_>,
        path: &Utf8Path,
        document: &Document,
        like: &[u8],
    ) -> Result<Self, Failure> {
        let text = workspace.plain_text(path, document, like);
        check_plain(&text, document).map_err(|reason| {
            refusal(path, reason).hint(format!(
                "run `homelab secrets get {path} KEY` for single values; the file stays as it is"
            ))
        })?;
        Ok(Self(text))
    }

    /// Returns it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Puts it in the place of a file.
    pub(super) fn replace(&self, original: &Original) -> Result<(), FileError> {
        original.replace(&self.0)
    }
}

fn check_encrypted(
    text: &[u8],
    file: &EncryptedFile,
    meant: Option<Meant<'_>>,
) -> Result<(), Unsound> {
    let back = EncryptedFile::parse(file.format(), text)
        .map_err(|error| Unsound::Parse(anyhow::Error::new(error)))?;
    let (own, other) = (back.metadata(), file.metadata());
    // Of a binary file everything is encrypted, and nothing in it says so.
    let is_selection_same = file.format() == Format::Binary || own.selection == other.selection;
    let is_same = back.tree().has_values_of(file.tree())
        && is_selection_same
        && own.mac == other.mac
        && own.mac_only_encrypted == other.mac_only_encrypted
        && own.age_recipients().eq(other.age_recipients());
    if !is_same {
        return Err(Unsound::Differs);
    }
    let Some(meant) = meant else { return Ok(()) };
    let opened = back
        .decrypt_with(meant.key, meant.mac)
        .map_err(Unsound::Open)?;
    if opened.document.tree().has_values_of(meant.document.tree()) {
        Ok(())
    } else {
        Err(Unsound::Differs)
    }
}

fn check_plain(text: &[u8], document: &Document) -> Result<(), Unsound> {
    let back = Document::parse(document.format(), text)
        .map_err(|error| Unsound::Parse(anyhow::Error::new(error)))?;
    if back.tree().has_values_of(document.tree()) {
        Ok(())
    } else {
        Err(Unsound::Differs)
    }
}

fn refusal(path: &Utf8Path, reason: Unsound) -> Failure {
    let error = anyhow::Error::new(reason).context(format!("`{path}` is not written"));
    Failure::new(Kind::Failed, error)
}

/// Makes sure that what will be written can be opened again: values get longer.
fn check_size(text: &[u8], path: &Utf8Path) -> Result<(), Failure> {
    if text.len() as u64 > MAX_BYTES {
        let size = text.len();
        let message = format!(
            "`{path}` would have {size} bytes when it is encrypted; more than {MAX_BYTES} are not read"
        );
        return Err(Failure::message(Kind::Refused, message).hint("split the file"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sops_rs::{EncryptionRule, Identities, Identity, Value};

    use super::*;

    /// A file, its key and what it opens to.
    fn sealed(text: &str) -> (EncryptedFile, DataKey, Document) {
        let identity = Identity::generate();
        let rule = EncryptionRule::for_recipients(identity.recipient());
        let document = Document::parse(Format::Yaml, text).unwrap();
        let file = document.encrypt(&rule).unwrap();
        let key = file.data_key(&Identities::from(identity)).unwrap();
        (file, key, document)
    }

    fn checked(text: &str, file: &EncryptedFile, key: &DataKey, meant: &Document) -> String {
        let meant = Meant {
            key,
            document: meant,
            mac: MacCheck::Required,
        };
        match check_encrypted(text.as_bytes(), file, Some(meant)) {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("{:#}", anyhow::Error::new(error)),
        }
    }

    #[test]
    fn only_what_opens_to_what_was_meant_is_written() {
        let (file, key, document) = sealed("a: one\nb_unencrypted: two\n");
        let text = file.to_text();
        assert_eq!(checked(&text, &file, &key, &document), "written");
        let broken = checked("a: [", &file, &key, &document);
        assert!(
            broken.starts_with("what would be written cannot be read: "),
            "{broken}"
        );
        let differs = "it holds a value that would not read back as it was";
        let edited = text.replace("two", "three");
        assert_eq!(checked(&edited, &file, &key, &document), differs);
        // The text is that of the file, but the file is not what was meant.
        let mut other = document.clone();
        other.set(&"a".parse().unwrap(), Value::from("x")).unwrap();
        assert_eq!(checked(&text, &file, &key, &other), differs);
    }

    #[test]
    fn a_mac_that_does_not_match_and_another_key_are_not_written() {
        let (file, key, document) = sealed("a: one\nb_unencrypted: two\n");
        let edited = file.to_text().replace("two", "three");
        let edited_file = EncryptedFile::parse(Format::Yaml, &edited).unwrap();
        let mac = checked(&edited, &edited_file, &key, &document);
        assert!(
            mac.starts_with("what would be written does not open: the MAC does not match"),
            "{mac}"
        );
        let (_, other, _) = sealed("a: one\n");
        let foreign = checked(&file.to_text(), &file, &other, &document);
        assert!(
            foreign.starts_with("what would be written does not open: a: "),
            "{foreign}"
        );
    }

    #[test]
    fn plaintext_is_written_when_it_reads_back() {
        let document = Document::parse(Format::Yaml, "a: [1, two]\n").unwrap();
        assert!(check_plain(b"a:\n  - 1\n  - two\n", &document).is_ok());
        for text in ["a: [1]\n", "a: [1, two, 3]\n", "a: ["] {
            assert!(check_plain(text.as_bytes(), &document).is_err(), "{text}");
        }
    }
}
