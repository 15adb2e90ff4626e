//! Which values differ between two documents.

use crate::document::Document;
use crate::path::{Step, ValuePath};
use crate::tree::{Mapping, Value};

/// A value that differs; what it is does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueChange {
    /// Where it stands.
    pub path: ValuePath,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

impl Document {
    /// Returns what another version of the document changes, by path. Comments and the order of
    /// keys do not count.
    ///
    /// ```
    /// use sops_rs::{ChangeKind, Document, Format};
    ///
    /// let old = Document::parse(Format::Yaml, "a: 1\nb: {c: 2}\n")?;
    /// let new = Document::parse(Format::Yaml, "b: {c: 3, d: 4}\n")?;
    /// let changes = old.changes_to(&new);
    /// let changes: Vec<_> = changes
    ///     .iter()
    ///     .map(|change| (change.path.to_string(), change.kind))
    ///     .collect();
    /// assert_eq!(changes, [
    ///     ("a".to_owned(), ChangeKind::Removed),
    ///     ("b.c".to_owned(), ChangeKind::Changed),
    ///     ("b.d".to_owned(), ChangeKind::Added),
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn changes_to(&self, new: &Self) -> Vec<ValueChange> {
        let mut changes = Changes(Vec::new());
        let (old, new) = (&self.tree.documents, &new.tree.documents);
        for index in 0..old.len().max(new.len()) {
            let path = ValuePath::document(index);
            match (old.get(index), new.get(index)) {
                (Some(old), Some(new)) => changes.mapping(old, new, &path),
                (old, _) => changes.note(path, gone_or_new(old.is_some())),
            }
        }
        changes.0
    }
}

struct Changes(Vec<ValueChange>);

fn gone_or_new(was: bool) -> ChangeKind {
    if was {
        ChangeKind::Removed
    } else {
        ChangeKind::Added
    }
}

impl Changes {
    fn note(&mut self, path: ValuePath, kind: ChangeKind) {
        self.0.push(ValueChange { path, kind });
    }

    fn mapping(&mut self, old: &Mapping, new: &Mapping, path: &ValuePath) {
        let by_key = |mapping: &'_ Mapping| -> std::collections::BTreeMap<String, usize> {
            let keys = mapping.entries().enumerate();
            keys.map(|(index, entry)| (entry.key.clone(), index))
                .collect()
        };
        let (had, has) = (by_key(old), by_key(new));
        let values: Vec<&Value> = new.entries().map(|entry| &entry.value).collect();
        for entry in old.entries() {
            let path = path.join(Step::Key(entry.key.clone()));
            match has.get(&entry.key) {
                Some(&index) => self.value(&entry.value, values[index], path),
                None => self.note(path, ChangeKind::Removed),
            }
        }
        for entry in new.entries().filter(|entry| !had.contains_key(&entry.key)) {
            let path = path.join(Step::Key(entry.key.clone()));
            self.note(path, ChangeKind::Added);
        }
    }

    fn value(&mut self, old: &Value, new: &Value, path: ValuePath) {
        match (old, new) {
            (Value::Mapping(old), Value::Mapping(new)) => self.mapping(old, new, &path),
            (Value::Sequence(_), Value::Sequence(_)) => self.sequence(old, new, &path),
            _ if old.is_same_as(new) => {}
            _ => self.note(path, ChangeKind::Changed),
        }
    }

    fn sequence(&mut self, old: &Value, new: &Value, path: &ValuePath) {
        let elements = |value: &'_ Value| value.elements().map_or(0, Iterator::count);
        let (had, has) = (elements(old), elements(new));
        let pairs = old.elements().into_iter().flatten();
        let pairs = pairs.zip(new.elements().into_iter().flatten());
        for (index, (old, new)) in pairs.enumerate() {
            self.value(old, new, path.join(Step::Index(index)));
        }
        for index in had.min(has)..had.max(has) {
            self.note(path.join(Step::Index(index)), gone_or_new(had > has));
        }
    }
}
