//! Nested fields as flat ones: a step into a mapping is `__map_`, into a list `__list_` and a
//! position, so that `age[0].enc` is `age__list_0__map_enc`.

use std::collections::BTreeMap;

use super::MetadataError;
use crate::scalar::Scalar;
use crate::tree::{Entry, Item, Mapping, Value};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// How deep flat fields may nest; what SOPS writes needs five levels.
const MAX_STEPS: usize = 32;

/// Writes nested fields flat, in their order; lists and mappings that are empty vanish.
pub(super) fn flatten(fields: &Mapping) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for entry in fields.entries() {
        flatten_value(entry.key.clone(), &entry.value, &mut flat);
    }
    flat
}

fn flatten_value(key: String, value: &Value, flat: &mut Vec<(String, Value)>) {
    match value {
        Value::Mapping(mapping) => {
            for entry in mapping.entries() {
                flatten_value(format!("{key}{MAP}{}", entry.key), &entry.value, flat);
            }
        }
        Value::Sequence(_) => {
            let elements = value.elements().into_iter().flatten();
            for (index, element) in elements.enumerate() {
                flatten_value(format!("{key}{LIST}{index}"), element, flat);
            }
        }
        Value::Null | Value::Scalar(_) => flat.push((key, value.clone())),
    }
}

/// A place that flat fields build up.
#[derive(Default)]
struct Node<'a> {
    value: Option<&'a Scalar>,
    keys: BTreeMap<&'a str, Node<'a>>,
    elements: BTreeMap<usize, Node<'a>>,
}

/// Reads flat fields back, in alphabetical order.
pub(super) fn unflatten(flat: &Mapping) -> Result<Mapping, MetadataError> {
    let mut root = Node::default();
    for entry in flat.entries() {
        let wrong = |problem| MetadataError::Flat {
            field: entry.key.clone(),
            problem,
        };
        let Value::Scalar(scalar) = &entry.value else {
            return Err(wrong("it is no text"));
        };
        root.place(&entry.key, scalar).map_err(wrong)?;
    }
    root.into_mapping("sops")
}

impl<'a> Node<'a> {
    fn place(&mut self, path: &'a str, scalar: &'a Scalar) -> Result<(), &'static str> {
        let mut node = self;
        let (first, mut rest) = split(path);
        node = node.keys.entry(first).or_default();
        let mut steps = 1;
        while !rest.is_empty() {
            steps += 1;
            if steps > MAX_STEPS {
                return Err("it nests too deeply");
            }
            node = if let Some(after) = rest.strip_prefix(MAP) {
                let (key, next) = split(after);
                rest = next;
                node.keys.entry(key).or_default()
            } else {
                let (index, next) = split(&rest[LIST.len()..]);
                rest = next;
                let index = index.parse().map_err(|_| "a position is no number")?;
                node.elements.entry(index).or_default()
            };
        }
        match node.value.replace(scalar) {
            None => Ok(()),
            Some(_) => Err("it is there twice"),
        }
    }

    fn into_value(self, path: &str) -> Result<Value, MetadataError> {
        let wrong = |problem| MetadataError::Flat {
            field: path.to_owned(),
            problem,
        };
        match (self.value, self.keys.is_empty(), self.elements.is_empty()) {
            (Some(scalar), true, true) => Ok(scalar.clone().into()),
            (None, _, true) => Ok(self.into_mapping(path)?.into()),
            (None, true, false) => {
                let complete = self.elements.keys().copied().eq(0..self.elements.len());
                if !complete {
                    return Err(wrong("a position of the list is missing"));
                }
                let elements = self.elements.into_iter();
                let elements =
                    elements.map(|(index, node)| node.into_value(&format!("{path}{LIST}{index}")));
                Ok(elements.collect::<Result<Vec<_>, _>>()?.into())
            }
            _ => Err(wrong("it is two of text, list and mapping")),
        }
    }

    fn into_mapping(self, path: &str) -> Result<Mapping, MetadataError> {
        let items = self.keys.into_iter().map(|(key, node)| {
            Ok(Item::Entry(Entry {
                key: key.to_owned(),
                value: node.into_value(&format!("{path}{MAP}{key}"))?,
            }))
        });
        Ok(Mapping {
            items: items.collect::<Result<_, MetadataError>>()?,
        })
    }
}

/// Splits off the text before the next step.
fn split(path: &str) -> (&str, &str) {
    let step = [MAP, LIST].iter().filter_map(|step| path.find(step)).min();
    path.split_at(step.unwrap_or(path.len()))
}

#[cfg(test)]
mod tests {
    use super::{flatten, unflatten};
    use crate::tree::{Mapping, Value};

    fn mapping(entries: &[(&str, &str)]) -> Mapping {
        let mut mapping = Mapping::default();
        for (key, value) in entries {
            mapping.push(*key, Value::from(*value));
        }
        mapping
    }

    /// The names are those in files of sops 3.13.
    #[test]
    fn nested_fields_go_flat_and_back() {
        let mut fields = Mapping::default();
        let entry = mapping(&[("enc", "x"), ("recipient", "age1")]);
        fields.push("age", vec![Value::from(entry.clone()), entry.into()]);
        fields.push("mac", "m");
        let flat = flatten(&fields);
        let names: Vec<&str> = flat.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "age__list_0__map_enc",
            "age__list_0__map_recipient",
            "age__list_1__map_enc",
            "age__list_1__map_recipient",
            "mac",
        ];
        assert_eq!(names, expected);
        let mut back = Mapping::default();
        for (name, value) in flat.into_iter().rev() {
            back.push(name, value);
        }
        assert!(unflatten(&back).unwrap() == fields);
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        let cases = [
            (
                vec![("a__list_1", "x")],
                "`sops__map_a` does not fit the other fields of the `sops` entry: a position of the list is missing",
            ),
            (
                vec![("a", "x"), ("a__map_b", "y")],
                "`sops__map_a` does not fit the other fields of the `sops` entry: it is two of text, list and mapping",
            ),
            (
                vec![("a", "x"), ("a", "y")],
                "`a` does not fit the other fields of the `sops` entry: it is there twice",
            ),
            (
                vec![("a__list_x", "x")],
                "`a__list_x` does not fit the other fields of the `sops` entry: a position is no number",
            ),
        ];
        for (fields, expected) in cases {
            let error = unflatten(&mapping(&fields)).map(|_| ()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let deep = "a".to_owned() + &"__map_a".repeat(100_000);
        assert!(unflatten(&mapping(&[(&deep, "x")])).is_err());
    }
}
