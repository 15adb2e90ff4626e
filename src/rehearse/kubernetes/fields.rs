//! Sets of field paths, as server-side apply keeps them for each manager.
//!
//! Paths follow Kubernetes' structured merge rules for the kinds that a bootstrap touches: list
//! items are told apart by their keys where the type has keys, everything else is one value. The
//! wire form is `FieldsV1`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a mapping.
    Field(Arc<str>),
    /// An item of a list with keys: the keys as JSON, in the type's order.
    Key(Arc<str>),
    /// An item of a list that is a set.
    Item(Arc<str>),
}

/// A place in a document, from its root.
pub(super) type Path = Vec<Step>;

/// The places that a manager owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet(pub(super) BTreeSet<Path>);

/// How the items of a list are told apart.
pub(super) enum ListKind {
    /// The list is one value.
    Atomic,
    /// Items are scalars, each at most once.
    Set,
    /// Items are mappings with these keys.
    Keyed(&'static [&'static str]),
}

/// The types whose lists have keys. Lists of custom resources are single values, as in the
/// definitions of Flux and of the charts this simulation knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    /// A kind that Kubernetes itself brings.
    BuiltIn,
    /// A kind of a custom resource definition.
    Custom,
}

impl Typing {
    /// Tells how the items of the list at this place are told apart.
    pub(super) fn list(self, path: &[Step]) -> ListKind {
        let Some(Step::Field(name)) = path.last() else {
            return ListKind::Atomic;
        };
        match &**name {
            "finalizers" => ListKind::Set,
            "ownerReferences" => ListKind::Keyed(&["uid"]),
            _ if self == Self::Custom => ListKind::Atomic,
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets" => ListKind::Keyed(&["name"]),
            "volumeMounts" => ListKind::Keyed(&["mountPath"]),
            "conditions" => ListKind::Keyed(&["type"]),
            "ports" if path.iter().any(|step| matches!(step, Step::Key(_))) => {
                ListKind::Keyed(&["containerPort", "protocol"])
            }
            "ports" => ListKind::Keyed(&["port", "protocol"]),
            _ => ListKind::Atomic,
        }
    }

    /// Tells whether the mapping at this place is one value.
    pub(super) fn is_atomic_map(self, path: &[Step]) -> bool {
        let Some(Step::Field(name)) = path.last() else {
            return false;
        };
        self == Self::BuiltIn
            && matches!(
                &**name,
                "selector" | "nodeSelector" | "secretKeyRef" | "configMapKeyRef"
            )
    }
}

/// Names an item of a keyed list by its keys; ports without a protocol are TCP.
pub(super) fn key_of(item: &Value, keys: &[&str]) -> Option<String> {
    let mut named = Map::new();
    for key in keys {
        let value = match item.get(*key) {
            Some(value) => value.clone(),
            None if *key == "protocol" => Value::from("TCP"),
            None => return None,
        };
        named.insert((*key).to_owned(), value);
    }
    Some(Value::Object(named).to_string())
}

impl FieldSet {
    /// Collects the places of a document, its identity left out.
    pub(super) fn of(document: &Value, typing: Typing) -> Self {
        let mut set = Self::default();
        let Some(fields) = document.as_object() else {
            return set;
        };
        for (name, value) in fields {
            if matches!(name.as_str(), "apiVersion" | "kind") {
                continue;
            }
            let mut path = vec![Step::field(name)];
            if name == "metadata" {
                set.collect_metadata(value, typing, &mut path);
            } else {
                set.collect(value, typing, &mut path);
            }
        }
        set
    }

    fn collect_metadata(&mut self, metadata: &Value, typing: Typing, path: &mut Path) {
        for (name, value) in metadata.as_object().into_iter().flatten() {
            if matches!(
                name.as_str(),
                "labels" | "annotations" | "finalizers" | "ownerReferences"
            ) {
                path.push(Step::field(name));
                self.collect(value, typing, path);
                path.pop();
            }
        }
    }

    fn collect(&mut self, value: &Value, typing: Typing, path: &mut Path) {
        match value {
            Value::Object(fields) if !fields.is_empty() && !typing.is_atomic_map(path) => {
                for (name, value) in fields {
                    path.push(Step::field(name));
                    self.collect(value, typing, path);
                    path.pop();
                }
            }
            Value::Array(items) if !items.is_empty() => self.collect_list(items, typing, path),
            _ => {
                self.0.insert(path.clone());
            }
        }
    }

    fn collect_list(&mut self, items: &[Value], typing: Typing, path: &mut Path) {
        match typing.list(path) {
            ListKind::Atomic => {
                self.0.insert(path.clone());
            }
            ListKind::Set => {
                for item in items {
                    path.push(Step::Item(item.to_string().into()));
                    self.0.insert(path.clone());
                    path.pop();
                }
            }
            ListKind::Keyed(keys) => {
                for item in items {
                    let Some(key) = key_of(item, keys) else {
                        continue;
                    };
                    path.push(Step::Key(key.into()));
                    self.0.insert(path.clone());
                    for (name, value) in item.as_object().into_iter().flatten() {
                        path.push(Step::field(name));
                        self.collect(value, typing, path);
                        path.pop();
                    }
                    path.pop();
                }
            }
        }
    }

    /// Tells whether the set holds this place or something inside it.
    pub(super) fn touches(&self, path: &[Step]) -> bool {
        let from = path.to_vec();
        self.0
            .range(from..)
            .next()
            .is_some_and(|next| next.starts_with(path))
    }

    /// Writes the set as `FieldsV1`.
    pub(super) fn to_wire(&self) -> Value {
        let mut root = Map::new();
        for path in &self.0 {
            let mut node = &mut root;
            for step in path {
                node = node
                    .entry(step.to_wire())
                    .or_insert_with(|| Value::Object(Map::new()))
                    .as_object_mut()
                    .expect("every node of the tree is made two lines above");
            }
            if matches!(path.last(), Some(Step::Key(_))) {
                node.insert(".".to_owned(), Value::Object(Map::new()));
            }
        }
        Value::Object(root)
    }

    /// Reads a set from `FieldsV1`.
    pub(super) fn from_wire(wire: &Value) -> Self {
        let mut set = Self::default();
        set.read(wire, &mut Vec::new());
        set
    }

    fn read(&mut self, node: &Value, path: &mut Path) {
        let Some(fields) = node.as_object() else {
            return;
        };
        if fields.is_empty() && !path.is_empty() {
            self.0.insert(path.clone());
        }
        for (name, child) in fields {
            if name == "." {
                self.0.insert(path.clone());
            } else if let Some(step) = Step::from_wire(name) {
                path.push(step);
                self.read(child, path);
                path.pop();
            }
        }
    }
}

impl Step {
    /// Steps into a field.
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    fn to_wire(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Item(value) => format!("v:{value}"),
        }
    }

    fn from_wire(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.into())),
            "k" => Some(Self::Key(rest.into())),
            "v" => Some(Self::Item(rest.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Item(value) => write!(f, "[={value}]"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let named: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "[{}]", named.join(","))
            }
        }
    }
}

/// Writes a path as Kubernetes prints it: `.spec.containers[name="a"].image`.
pub(super) fn display(path: &[Step]) -> String {
    path.iter().map(Step::to_string).collect()
}

/// Returns what stands at a place.
pub(super) fn get<'a>(document: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(document, |node, step| match step {
        Step::Field(name) => node.get(&**name),
        _ => node.get(index_of(node, step)?),
    })
}

/// Removes what stands at a place.
pub(super) fn remove(document: &mut Value, path: &[Step]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut node = document;
    for step in parents {
        let next = match step {
            Step::Field(name) => node.get_mut(&**name),
            _ => index_of(node, step).and_then(|index| node.get_mut(index)),
        };
        let Some(next) = next else { return };
        node = next;
    }
    match last {
        Step::Field(name) => {
            if let Some(fields) = node.as_object_mut() {
                fields.shift_remove(&**name);
            }
        }
        _ => {
            if let (Some(index), Some(items)) = (index_of(node, last), node.as_array_mut()) {
                items.remove(index);
            }
        }
    }
}

fn index_of(list: &Value, step: &Step) -> Option<usize> {
    let items = list.as_array()?;
    match step {
        Step::Field(_) => None,
        Step::Item(value) => {
            let wanted: Value = serde_json::from_str(value).ok()?;
            items.iter().position(|item| *item == wanted)
        }
        Step::Key(wanted) => {
            let names: Map<String, Value> = serde_json::from_str(wanted).ok()?;
            let keys: Vec<&str> = names.keys().map(String::as_str).collect();
            items
                .iter()
                .position(|item| key_of(item, &keys).as_deref() == Some(&**wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_is_written_as_kubernetes_writes_it() {
        let document = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "labels": {"app": "a"}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}},
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
        });
        let wire = FieldSet::of(&document, Typing::BuiltIn).to_wire();
        assert_eq!(
            wire,
            json!({
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:replicas": {}, "f:selector": {},
                    "f:template": {"f:spec": {"f:containers": {
                        "k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}}}}}},
            })
        );
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            "[a-z:.]{0,4}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z.:/]{1,4}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn wire_form_and_set_are_one(spec in documents()) {
            let document = json!({"kind": "X", "spec": spec});
            for typing in [Typing::BuiltIn, Typing::Custom] {
                let set = FieldSet::of(&document, typing);
                prop_assert_eq!(FieldSet::from_wire(&set.to_wire()), set);
            }
        }

        #[test]
        fn every_place_of_a_document_can_be_found(spec in documents()) {
            let document = json!({"kind": "X", "spec": spec});
            for path in &FieldSet::of(&document, Typing::BuiltIn).0 {
                prop_assert!(get(&document, path).is_some(), "{}", display(path));
            }
        }
    }
}
