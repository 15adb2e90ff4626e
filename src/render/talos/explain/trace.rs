//! Which layer put what where: followed from one layer to the next.
//!
//! What a layer leaves as it was keeps the layer that it has; what is new or another belongs to the layer that
//! was just laid.

use indexmap::IndexMap;
use serde_json::Value;

use crate::render::reference::SecretRef;
use crate::render::talos::entries;
use crate::render::talos::identity;

/// The layers of a document's leaves, in its shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trace {
    /// A scalar, a reference, or something empty: the number of its layer.
    Leaf(usize),
    /// A mapping.
    Mapping(IndexMap<String, Self>),
    /// A list.
    List(Vec<Self>),
}

/// Documents, and the layers of their leaves.
#[derive(Debug, Default)]
pub(super) struct Traced {
    documents: Vec<Value>,
    traces: Vec<Trace>,
    layers: usize,
}

impl Traced {
    /// Takes what stands after the next layer was laid.
    pub(super) fn lay(&mut self, documents: &[Value]) {
        let layer = self.layers;
        let trace_of = |after: &Value| {
            let known = self.documents.iter().zip(&self.traces);
            let mut known = known.filter(|(before, _)| identity(before) == identity(after));
            match known.next() {
                Some((before, trace)) => follow(trace, before, after, layer),
                None => all(after, layer),
            }
        };
        let traces = documents.iter().map(trace_of).collect();
        self.documents = documents.to_vec();
        self.traces = traces;
        self.layers += 1;
    }

    /// Iterates over the documents and the layers of their leaves.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Value, &Trace)> {
        self.documents.iter().zip(&self.traces)
    }
}

/// Tells whether a value is a leaf: a scalar, a reference to a secret, or something empty.
pub(super) fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(entries) => entries.is_empty() || SecretRef::of(value).is_some(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

/// Everything belongs to one layer.
fn all(value: &Value, layer: usize) -> Trace {
    match value {
        value if is_leaf(value) => Trace::Leaf(layer),
        Value::Object(entries) => Trace::Mapping(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), all(value, layer)))
                .collect(),
        ),
        Value::Array(items) => Trace::List(items.iter().map(|item| all(item, layer)).collect()),
        _ => Trace::Leaf(layer),
    }
}

fn follow(trace: &Trace, before: &Value, after: &Value, layer: usize) -> Trace {
    if before == after {
        return trace.clone();
    }
    match (trace, before, after) {
        (_, _, after) if is_leaf(after) => Trace::Leaf(layer),
        (Trace::Mapping(known), Value::Object(before), Value::Object(after)) => {
            let entry = |(key, value): (&String, &Value)| {
                let known = known.get(key).zip(before.get(key));
                let trace = known.map_or_else(
                    || all(value, layer),
                    |(trace, before)| follow(trace, before, value, layer),
                );
                (key.clone(), trace)
            };
            Trace::Mapping(after.iter().map(entry).collect())
        }
        (Trace::List(known), Value::Array(before), Value::Array(after)) => {
            Trace::List(follow_list(known, before, after, layer))
        }
        _ => all(after, layer),
    }
}

/// An entry is the one that it was when it says the same, or is known by the same key; in a list that is as
/// long as before, also by its position.
fn follow_list(known: &[Trace], before: &[Value], after: &[Value], layer: usize) -> Vec<Trace> {
    let key = entries::key(&[before, after]);
    let mut begin = 0;
    let mut traces = Vec::new();
    for (position, item) in after.iter().enumerate() {
        let same = before.iter().skip(begin).position(|other| other == item);
        let named = || {
            let key = key?;
            before.iter().position(|other| other[key] == item[key])
        };
        let at_place = || (before.len() == after.len()).then_some(position);
        let found = same.map(|same| begin + same);
        if let Some(found) = found {
            begin = found + 1;
        }
        let found = found.or_else(named).or_else(at_place);
        let known = found.and_then(|found| known.get(found).zip(before.get(found)));
        traces.push(known.map_or_else(
            || all(item, layer),
            |(trace, before)| follow(trace, before, item, layer),
        ));
    }
    traces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traced(layers: &[Value]) -> Trace {
        let mut traced = Traced::default();
        for layer in layers {
            traced.lay(std::slice::from_ref(layer));
        }
        traced.traces.remove(0)
    }

    fn shape(trace: &Trace) -> Value {
        match trace {
            Trace::Leaf(layer) => json!(layer),
            Trace::Mapping(entries) => entries
                .iter()
                .map(|(key, trace)| (key.clone(), shape(trace)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Trace::List(items) => items.iter().map(shape).collect(),
        }
    }

    #[test]
    fn what_a_layer_leaves_keeps_its_layer() {
        let layers = [
            json!({"a": 1, "b": {"c": "x", "d": {}}, "gone": 1, "list": ["p"], "token": {"secretRef": "f#a"}}),
            json!({"a": 1, "b": {"c": "y", "d": {"e": 1}}, "list": ["p", "q"], "token": {"secretRef": "f#a"}}),
            json!({"a": 1, "b": {"c": "y", "d": {"e": 1}}, "list": ["r", "p", "q"], "token": "x", "gone": 1}),
        ];
        let expected =
            json!({"a": 0, "b": {"c": 1, "d": {"e": 1}}, "list": [2, 0, 1], "token": 2, "gone": 2});
        assert_eq!(shape(&traced(&layers)), expected);
    }

    #[test]
    fn entries_are_followed_by_their_key_or_else_by_their_place() {
        let layers = [
            json!({"links": [{"name": "a", "mtu": 1}, {"name": "b"}], "hosts": ["x", "y"]}),
            json!({"links": [{"name": "b", "mtu": 2}, {"name": "a", "mtu": 1}], "hosts": ["x", "z"]}),
        ];
        let expected =
            json!({"links": [{"name": 0, "mtu": 1}, {"name": 0, "mtu": 0}], "hosts": [0, 1]});
        assert_eq!(shape(&traced(&layers)), expected);
    }
}
