//! Three-way merge of documents, and of encrypted files by way of their documents.
//!
//! What only one side changed is taken from it; what both changed in the same way is no conflict.
//! Keys merge one by one, lists by the stretch that each side changed. The comments before an
//! entry belong to it.

mod sequences;

use jiff::Timestamp;
use rand::{CryptoRng, RngCore};

use super::edit::{Edit, SaveError};
use crate::document::Document;
use crate::encrypted_file::{DecryptError, EncryptedFile, MacCheck};
use crate::keys::Identities;
use crate::path::ValuePath;
use crate::tree::{Comment, Entry, Item, Mapping, Tree, Value};

/// Whose value stands where both sides changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
}

/// Two versions of a document brought together.
pub struct Merge {
    /// The merged document.
    pub document: Document,
    /// What both sides changed differently; the chosen side's value stands there.
    pub conflicts: Vec<ValuePath>,
}

/// Two versions of an encrypted file brought together.
pub struct FileMerge {
    /// The merged file, with our values where both sides changed one.
    pub ours: EncryptedFile,
    /// The same with their values, if there are conflicts. The two differ in the conflicting
    /// lines, and in the MAC.
    pub theirs: Option<EncryptedFile>,
    /// What both sides changed differently.
    pub conflicts: Vec<ValuePath>,
    /// Whether both sides changed the recipients or the selection differently; ours stand.
    pub metadata_conflict: bool,
}

impl Document {
    /// Merges two versions that go back to a common one.
    ///
    /// ```
    /// use sops_rs::{Document, Format, Side};
    ///
    /// let parse = |text| Document::parse(Format::Yaml, text);
    /// let base = parse("a: 1\nb: 1\nc: 1\n")?;
    /// let ours = parse("a: 2\nb: 1\nc: 2\n")?;
    /// let theirs = parse("a: 1\nb: 2\nc: 3\n")?;
    ///
    /// let merge = Document::merge(&base, &ours, &theirs, Side::Ours);
    /// let expected = parse("a: 2\nb: 2\nc: 2\n")?;
    /// assert!(merge.document == expected);
    /// assert_eq!(merge.conflicts[0].to_string(), "c");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(base: &Self, ours: &Self, theirs: &Self, side: Side) -> Merge {
        let ambiguous = |document: &&Self| document.tree.duplicate_key().is_some();
        if [base, ours, theirs].iter().any(ambiguous) {
            return Merge::of_wholes(base, ours, theirs, side);
        }
        let mut merger = Merger {
            side,
            path: ValuePath::default(),
            conflicts: Vec::new(),
        };
        let documents = merger.documents(&base.tree, &ours.tree, &theirs.tree);
        Merge {
            document: Self {
                format: ours.format,
                tree: Tree { documents },
            },
            conflicts: merger.conflicts,
        }
    }
}

impl Document {
    /// As many documents, with nothing in them.
    fn emptied(&self) -> Self {
        let documents = vec![Mapping::default(); self.tree.documents.len()];
        Self {
            format: self.format,
            tree: Tree { documents },
        }
    }
}

impl Merge {
    /// Takes the documents as wholes: where a key occurs twice, nothing says which belongs to which.
    fn of_wholes(base: &Document, ours: &Document, theirs: &Document, side: Side) -> Self {
        let same = |a: &Document, b: &Document| a.tree.is_same_as(&b.tree);
        let (document, conflict) = if same(base, ours) {
            (theirs, false)
        } else if same(base, theirs) || same(ours, theirs) {
            (ours, false)
        } else {
            let chosen = match side {
                Side::Ours => ours,
                Side::Theirs => theirs,
            };
            (chosen, true)
        };
        Self {
            document: document.clone(),
            conflicts: conflict.then(ValuePath::default).into_iter().collect(),
        }
    }
}

impl EncryptedFile {
    /// Merges two versions of an encrypted file that go back to a common one. Values that one
    /// side has keep that side's ciphertext, and the MAC is computed anew.
    #[expect(
        clippy::disallowed_methods,
        reason = "the default at the edge; `merge_with` takes it"
    )]
    pub fn merge(
        base: &Self,
        ours: &Self,
        theirs: &Self,
        identities: &Identities,
    ) -> Result<FileMerge, SaveError> {
        Self::merge_with(
            [base, ours, theirs],
            identities,
            Timestamp::now(),
            &mut rand::rngs::OsRng,
        )
    }

    /// Merges the common version, ours and theirs, with the given time and randomness.
    pub fn merge_with(
        [base, ours, theirs]: [&Self; 3],
        identities: &Identities,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<FileMerge, SaveError> {
        Self::merge_sides(Some(base), [ours, theirs], identities, now, rng)
    }

    /// Merges two encrypted files that were made independently, as when two branches add the same
    /// one: what only one side has is taken, and what differs is a conflict.
    #[expect(clippy::disallowed_methods, reason = "the default at the edge")]
    pub fn merge_added(
        ours: &Self,
        theirs: &Self,
        identities: &Identities,
    ) -> Result<FileMerge, SaveError> {
        let (now, rng) = (Timestamp::now(), &mut rand::rngs::OsRng);
        Self::merge_sides(None, [ours, theirs], identities, now, rng)
    }

    fn merge_sides(
        base: Option<&Self>,
        [ours, theirs]: [&Self; 2],
        identities: &Identities,
        now: Timestamp,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<FileMerge, SaveError> {
        let plain = |file: &Self| file.decrypt(identities).map(|opened| opened.document);
        let plain = |file| plain(file).map_err(SaveError::Old);
        let [ours_plain, theirs_plain] = [plain(ours)?, plain(theirs)?];
        let base_plain = match base {
            Some(base) => plain(base)?,
            None => ours_plain.emptied(),
        };
        let documents = [base_plain, ours_plain, theirs_plain];
        let ours_kept = base.is_some_and(|base| ours.has_terms_of(base));
        let theirs_kept = base.is_some_and(|base| theirs.has_terms_of(base));
        let carrier = if ours_kept { theirs } else { ours };
        let metadata_conflict = !ours_kept && !theirs_kept && !ours.has_terms_of(theirs);
        let mut sealed = |side| -> Result<(Self, Vec<ValuePath>), SaveError> {
            let [base, ours_plain, theirs_plain] = &documents;
            let merge = Document::merge(base, ours_plain, theirs_plain, side);
            let edit = open_with_nonces(carrier, [ours, theirs], identities);
            let mut edit = edit.map_err(SaveError::Old)?;
            edit.replace(merge.document);
            Ok((edit.save_with(now, rng)?, merge.conflicts))
        };
        let (merged, conflicts) = sealed(Side::Ours)?;
        let other = if conflicts.is_empty() {
            None
        } else {
            Some(sealed(Side::Theirs)?.0)
        };
        Ok(FileMerge {
            ours: merged,
            theirs: other,
            conflicts,
            metadata_conflict,
        })
    }

    /// Tells whether recipients and selection are those of another file.
    fn has_terms_of(&self, other: &Self) -> bool {
        let (own, other) = (self.metadata(), other.metadata());
        let ids = |metadata: &crate::Metadata| -> Vec<String> {
            metadata.keys().map(|key| key.id().to_owned()).collect()
        };
        own.selection == other.selection
            && own.mac_only_encrypted == other.mac_only_encrypted
            && own.shamir_threshold == other.shamir_threshold
            && ids(own) == ids(other)
    }
}

/// Opens a file, with the nonces of both sides that have its data key.
fn open_with_nonces(
    carrier: &EncryptedFile,
    sides: [&EncryptedFile; 2],
    identities: &Identities,
) -> Result<Edit, DecryptError> {
    let mut edit = carrier.edit_with(&carrier.data_key(identities)?, MacCheck::Required)?;
    for side in sides {
        edit.learn(side, &side.data_key(identities)?)?;
    }
    Ok(edit)
}

struct Merger {
    side: Side,
    path: ValuePath,
    conflicts: Vec<ValuePath>,
}

/// An entry with the comments before it.
#[derive(Clone)]
struct Block<'a> {
    comments: Vec<&'a Comment>,
    entry: &'a Entry,
}

/// The entries of a mapping, and the comments after the last one.
fn blocks(mapping: &Mapping) -> (Vec<Block<'_>>, Vec<&Comment>) {
    let (mut blocks, mut comments) = (Vec::new(), Vec::new());
    for item in &mapping.items {
        match item {
            Item::Comment(comment) => comments.push(comment),
            Item::Entry(entry) => blocks.push(Block {
                comments: std::mem::take(&mut comments),
                entry,
            }),
        }
    }
    (blocks, comments)
}

impl Merger {
    fn conflict(&mut self) {
        self.conflicts.push(self.path.clone());
    }

    fn chosen<T>(&self, ours: T, theirs: T) -> T {
        match self.side {
            Side::Ours => ours,
            Side::Theirs => theirs,
        }
    }

    fn documents(&mut self, base: &Tree, ours: &Tree, theirs: &Tree) -> Vec<Mapping> {
        let (b, o, t) = (&base.documents, &ours.documents, &theirs.documents);
        if b.len() == o.len() && o.len() == t.len() {
            let sides = b.iter().zip(o).zip(t).enumerate();
            return sides
                .map(|(index, ((base, ours), theirs))| {
                    self.path = ValuePath::document(index);
                    self.mapping(base, ours, theirs)
                })
                .collect();
        }
        if ours.is_same_as(base) || ours.is_same_as(theirs) {
            return t.clone();
        }
        if !theirs.is_same_as(base) {
            self.conflict();
        }
        match self.side {
            Side::Theirs if !theirs.is_same_as(base) => t.clone(),
            _ => o.clone(),
        }
    }

    fn mapping(&mut self, base: &Mapping, ours: &Mapping, theirs: &Mapping) -> Mapping {
        let (base_blocks, base_tail) = blocks(base);
        let (our_blocks, our_tail) = blocks(ours);
        let (their_blocks, their_tail) = blocks(theirs);
        let (base, our, their) = (
            by_key(&base_blocks),
            by_key(&our_blocks),
            by_key(&their_blocks),
        );
        let mut merged = Mapping::default();
        for key in order(&our_blocks, &their_blocks) {
            let [base, ours, theirs] = [&base, &our, &their].map(|side| side.get(key).copied());
            self.path.push_key(key);
            let values = [base, ours, theirs].map(|block| block.map(|block| &block.entry.value));
            if let Some(value) = self.entry(values) {
                let comments = match (ours, theirs) {
                    (Some(_), Some(_)) => {
                        take(&comments_of(base), comments_of(ours), comments_of(theirs))
                    }
                    (None, theirs) => comments_of(theirs),
                    (ours, None) => comments_of(ours),
                };
                merged
                    .items
                    .extend(comments.into_iter().cloned().map(Item::Comment));
                merged.push(key, value);
            }
            self.path.pop();
        }
        let tail = take(&base_tail, our_tail, their_tail);
        merged
            .items
            .extend(tail.into_iter().cloned().map(Item::Comment));
        merged
    }

    /// One entry; nothing where it is gone.
    fn entry(&mut self, [base, ours, theirs]: [Option<&Value>; 3]) -> Option<Value> {
        let same = |a: Option<&Value>, b: Option<&Value>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is_same_as(b),
            _ => false,
        };
        if same(ours, theirs) || same(theirs, base) {
            return ours.cloned();
        }
        if same(ours, base) {
            return theirs.cloned();
        }
        match (base, ours, theirs) {
            (
                Some(Value::Mapping(base)),
                Some(Value::Mapping(ours)),
                Some(Value::Mapping(theirs)),
            ) => Some(self.mapping(base, ours, theirs).into()),
            (None, Some(Value::Mapping(ours)), Some(Value::Mapping(theirs))) => {
                Some(self.mapping(&Mapping::default(), ours, theirs).into())
            }
            (
                Some(Value::Sequence(base)),
                Some(Value::Sequence(ours)),
                Some(Value::Sequence(theirs)),
            ) => Some(self.sequence(base, ours, theirs)),
            _ => {
                self.conflict();
                self.chosen(ours, theirs).cloned()
            }
        }
    }
}

fn comments_of<'a>(block: Option<&Block<'a>>) -> Vec<&'a Comment> {
    block.map_or_else(Vec::new, |block| block.comments.clone())
}

/// What one side changed, or ours where both did.
fn take<T: PartialEq>(base: &T, ours: T, theirs: T) -> T {
    if ours == *base { theirs } else { ours }
}

fn by_key<'a, 'b>(blocks: &'b [Block<'a>]) -> std::collections::BTreeMap<&'a str, &'b Block<'a>> {
    blocks
        .iter()
        .map(|block| (block.entry.key.as_str(), block))
        .collect()
}

/// All keys: ours in our order, theirs after the one that they follow.
fn order<'a>(ours: &[Block<'a>], theirs: &[Block<'a>]) -> Vec<&'a str> {
    let own: std::collections::BTreeSet<&str> =
        ours.iter().map(|block| block.entry.key.as_str()).collect();
    let mut after: std::collections::BTreeMap<Option<&str>, Vec<&'a str>> =
        std::collections::BTreeMap::new();
    let mut last = None;
    for block in theirs {
        let key = block.entry.key.as_str();
        if own.contains(key) {
            last = Some(key);
        } else {
            after.entry(last).or_default().push(key);
        }
    }
    let mut keys = after.remove(&None).unwrap_or_default();
    for block in ours {
        let key = block.entry.key.as_str();
        keys.push(key);
        keys.extend(after.remove(&Some(key)).unwrap_or_default());
    }
    keys
}
