//! Who owns which field: server-side apply and ordinary writes on one object.
//!
//! Pure functions of (live object, request); the store decides what becomes of the result. The
//! rules are those of Kubernetes' "Server-Side Apply" documentation.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::fields::{self, FieldSet, ListKind, Path, Typing, display, key_of};

/// Who writes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    /// The field manager's name.
    pub(super) manager: &'a str,
    /// The API version it writes in.
    pub(super) api_version: &'a str,
    /// The subresource it writes through.
    pub(super) subresource: Option<&'a str>,
    /// The time of day, as RFC 3339.
    pub(super) time: &'a str,
}

#[derive(Clone, Debug)]
struct Entry {
    manager: String,
    operation: &'static str,
    api_version: String,
    subresource: Option<String>,
    time: String,
    set: FieldSet,
}

impl Entry {
    fn read(wire: &Value) -> Self {
        let text = |name: &str| wire[name].as_str().unwrap_or_default().to_owned();
        Self {
            manager: text("manager"),
            operation: if wire["operation"] == "Apply" {
                "Apply"
            } else {
                "Update"
            },
            api_version: text("apiVersion"),
            subresource: wire["subresource"].as_str().map(str::to_owned),
            time: text("time"),
            set: FieldSet::from_wire(&wire["fieldsV1"]),
        }
    }

    fn write(&self) -> Value {
        let mut wire = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "time": self.time, "fieldsType": "FieldsV1", "fieldsV1": self.set.to_wire(),
        });
        if let Some(subresource) = &self.subresource {
            wire["subresource"] = json!(subresource);
        }
        wire
    }

    fn is_of(&self, writer: Writer<'_>, operation: &str) -> bool {
        self.manager == writer.manager
            && self.operation == operation
            && self.subresource.as_deref() == writer.subresource
    }

    fn display(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if let Some(subresource) = &self.subresource {
            text = format!("{text} with subresource {subresource:?}");
        }
        if self.operation == "Update" {
            text = format!("{text} using {}", self.api_version);
        }
        text
    }
}

fn read_entries(object: &Value) -> Vec<Entry> {
    let wire = object["metadata"]["managedFields"].as_array();
    wire.into_iter().flatten().map(Entry::read).collect()
}

fn write_entries(object: &mut Value, entries: &[Entry]) {
    let kept = entries.iter().filter(|entry| !entry.set.0.is_empty());
    object["metadata"]["managedFields"] = kept.map(Entry::write).collect();
}

fn entry_of<'a>(
    entries: &'a mut Vec<Entry>,
    writer: Writer<'_>,
    operation: &'static str,
) -> &'a mut Entry {
    let index = entries
        .iter()
        .position(|entry| entry.is_of(writer, operation))
        .unwrap_or_else(|| {
            entries.push(Entry {
                manager: writer.manager.to_owned(),
                operation,
                api_version: writer.api_version.to_owned(),
                subresource: writer.subresource.map(str::to_owned),
                time: writer.time.to_owned(),
                set: FieldSet::default(),
            });
            entries.len() - 1
        });
    &mut entries[index]
}

/// Merges an applied document into the live one; `force` takes fields away from other managers.
pub(super) fn apply(
    live: &Value,
    applied: &Value,
    typing: Typing,
    writer: Writer<'_>,
    force: bool,
) -> Result<Value, ApiError> {
    let wanted = FieldSet::of(applied, typing);
    let mut entries = read_entries(live);
    let conflicts = conflicts(live, applied, &wanted, &entries, writer);
    if !conflicts.is_empty() && !force {
        let shown: Vec<_> = conflicts
            .iter()
            .map(|(index, path)| (entries[*index].display(), display(path)))
            .collect();
        return Err(ApiError::apply_conflict(&shown));
    }
    for (index, path) in &conflicts {
        entries[*index].set.0.remove(path);
    }
    let mut merged = live.clone();
    merge(&mut merged, applied, typing, &mut Vec::new());
    let own = entry_of(&mut entries, writer, "Apply");
    let before = std::mem::replace(&mut own.set, wanted);
    give_up(&mut merged, &before, &entries);
    stamp(live, &mut merged, &mut entries, writer, "Apply");
    Ok(merged)
}

/// Records an ordinary write: what it changed belongs to its manager from now on.
pub(super) fn update(live: &Value, mut new: Value, typing: Typing, writer: Writer<'_>) -> Value {
    let mut entries = read_entries(live);
    let (before, after) = (FieldSet::of(live, typing), FieldSet::of(&new, typing));
    let changed: Vec<Path> = after
        .0
        .iter()
        .filter(|path| fields::get(live, path) != fields::get(&new, path))
        .filter(|path| !is_unchanged_item(live, &new, path))
        .cloned()
        .collect();
    for entry in &mut entries {
        if !entry.is_of(writer, "Update") {
            entry.set.0.retain(|path| !changed.contains(path));
        }
        entry
            .set
            .0
            .retain(|path| !before.0.contains(path) || after.touches(path));
    }
    let own = entry_of(&mut entries, writer, "Update");
    own.set.0.extend(changed);
    stamp(live, &mut new, &mut entries, writer, "Update");
    new
}

/// An item of a keyed list is there before and after: only its fields changed.
fn is_unchanged_item(live: &Value, new: &Value, path: &Path) -> bool {
    matches!(path.last(), Some(fields::Step::Key(_)))
        && fields::get(live, path).is_some()
        && fields::get(new, path).is_some()
}

/// The time of a manager's entry moves only when the object or the entry changes.
fn stamp(
    live: &Value,
    merged: &mut Value,
    entries: &mut Vec<Entry>,
    writer: Writer<'_>,
    operation: &'static str,
) {
    write_entries(merged, entries);
    if !is_same(live, merged, &["metadata"])
        || !is_same(&live["metadata"], &merged["metadata"], &["resourceVersion"])
    {
        let entry = entry_of(entries, writer, operation);
        writer.time.clone_into(&mut entry.time);
        write_entries(merged, entries);
    }
}

/// Tells whether two mappings are equal but for these fields.
pub(super) fn is_same(one: &Value, other: &Value, but: &[&str]) -> bool {
    fn rest<'a>(it: &'a Value, but: &'a [&str]) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let fields = it.as_object().into_iter().flatten();
        fields.filter(move |(name, _)| !but.contains(&name.as_str()))
    }
    rest(one, but).count() == rest(other, but).count()
        && rest(one, but).all(|(name, value)| other.get(name) == Some(value))
}

/// Merges the entries of these managers into the writer's own, as kustomize-controller does before
/// it applies to objects that `kubectl` made.
pub(super) fn take_over(
    live: &mut Cow<'_, Value>,
    writer: Writer<'_>,
    is_theirs: impl Fn(&str) -> bool,
) {
    let mut entries = read_entries(live);
    let mut theirs = FieldSet::default();
    entries.retain(|entry| {
        let goes = is_theirs(&entry.manager) && entry.subresource.is_none();
        if goes {
            theirs.0.extend(entry.set.0.iter().cloned());
        }
        !goes
    });
    if !theirs.0.is_empty() {
        let own = entry_of(&mut entries, writer, "Apply");
        own.set.0.extend(theirs.0);
        write_entries(live.to_mut(), &entries);
    }
}

fn conflicts(
    live: &Value,
    applied: &Value,
    wanted: &FieldSet,
    entries: &[Entry],
    writer: Writer<'_>,
) -> Vec<(usize, Path)> {
    let mut found = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.is_of(writer, "Apply") {
            continue;
        }
        for path in entry.set.0.intersection(&wanted.0) {
            let is_item = matches!(path.last(), Some(fields::Step::Key(_)));
            if !is_item && fields::get(live, path) != fields::get(applied, path) {
                found.push((index, path.clone()));
            }
        }
    }
    found
}

/// Removes what the manager applied before, applies no longer, and nobody else owns.
fn give_up(merged: &mut Value, before: &FieldSet, entries: &[Entry]) {
    for path in before.0.iter().rev() {
        if entries.iter().any(|entry| entry.set.touches(path)) {
            continue;
        }
        fields::remove(merged, path);
        for length in (2..path.len()).rev() {
            let parent = &path[..length];
            let is_empty = fields::get(merged, parent).is_some_and(|value| match value {
                Value::Object(fields) => fields.is_empty(),
                Value::Array(items) => items.is_empty(),
                _ => false,
            });
            if !is_empty || entries.iter().any(|entry| entry.set.touches(parent)) {
                break;
            }
            fields::remove(merged, parent);
        }
    }
}

fn merge(live: &mut Value, applied: &Value, typing: Typing, path: &mut Path) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !typing.is_atomic_map(path) => {
            for (name, value) in applied {
                if path.is_empty() && name == "metadata" {
                    merge_metadata(live, value, typing, path);
                    continue;
                }
                path.push(fields::Step::field(name));
                merge(
                    live.entry(name.clone()).or_insert(Value::Null),
                    value,
                    typing,
                    path,
                );
                path.pop();
            }
        }
        (Value::Array(live), Value::Array(applied)) => merge_lists(live, applied, typing, path),
        (live, applied) => *live = applied.clone(),
    }
}

/// Identity and bookkeeping are the server's: an apply moves only these four.
fn merge_metadata(live: &mut Map<String, Value>, applied: &Value, typing: Typing, path: &mut Path) {
    let metadata = live.entry("metadata").or_insert_with(|| json!({}));
    for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if let Some(value) = applied.get(name) {
            path.push(fields::Step::field("metadata"));
            path.push(fields::Step::field(name));
            merge(&mut metadata[name], value, typing, path);
            path.truncate(0);
        }
    }
}

fn merge_lists(live: &mut Vec<Value>, applied: &[Value], typing: Typing, path: &mut Path) {
    match typing.list(path) {
        ListKind::Atomic => applied.clone_into(live),
        ListKind::Set => {
            for item in applied {
                if !live.contains(item) {
                    live.push(item.clone());
                }
            }
        }
        ListKind::Keyed(keys) => {
            for item in applied {
                let key = key_of(item, keys);
                match live.iter_mut().find(|other| key_of(other, keys) == key) {
                    Some(other) => {
                        path.push(fields::Step::Key(key.unwrap_or_default().into()));
                        merge(other, item, typing, path);
                        path.pop();
                    }
                    None => live.push(item.clone()),
                }
            }
        }
    }
}

/// Applies a JSON merge patch (RFC 7396).
pub(in crate::rehearse) fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().expect("made an object just above");
    for (name, value) in fields {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            merge_patch(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
