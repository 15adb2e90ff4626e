//! From a tree of nodes to typed values that keep their places.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor,
};
use serde_json::Value;

use super::node::{Node, NodeKind, Span};

const SPANNED: &str = "$homelab::Spanned";
const ONE_OR_MANY: &str = "$homelab::OneOrMany";
const SPANNED_FIELDS: &[&str] = &["start", "end", "value"];

/// A value and its place in the file.
///
/// Equality and display are the value's alone.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A list that may be written as its only item.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Why a tree is not the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl Node {
    /// Decodes the tree into a type; [`Spanned`] fields keep their places.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        T::deserialize(self)
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Parts<T> {
            start: usize,
            end: usize,
            value: T,
        }

        struct SpannedVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let parts = Parts::deserialize(MapAccessDeserializer::new(map))?;
                let span = Span::new(parts.start, parts.end);
                Ok(Spanned {
                    value: parts.value,
                    span,
                })
            }
        }

        let visitor = SpannedVisitor(std::marker::PhantomData);
        deserializer.deserialize_struct(SPANNED, SPANNED_FIELDS, visitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }
        }

        deserializer.deserialize_newtype_struct(ONE_OR_MANY, ListVisitor(std::marker::PhantomData))
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.kind {
            NodeKind::Scalar(Value::Null) => visitor.visit_unit(),
            NodeKind::Scalar(Value::String(text)) => visitor.visit_borrowed_str(text),
            NodeKind::Scalar(value) => value.deserialize_any(visitor).map_err(de::Error::custom),
            NodeKind::Sequence(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            NodeKind::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.key.as_str(), &entry.value));
                visitor.visit_map(MapDeserializer::new(entries))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.kind {
            NodeKind::Sequence(_) if name == ONE_OR_MANY => self.deserialize_any(visitor),
            _ if name == ONE_OR_MANY => visitor.visit_seq(SeqDeserializer::new([self].into_iter())),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.as_str() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => Err(de::Error::custom(format!(
                "expected a text, found {}",
                self.kind_name()
            ))),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == SPANNED {
            visitor.visit_map(SpannedAccess {
                node: self,
                next: 0,
            })
        } else {
            self.deserialize_any(visitor)
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// Presents a node as the three fields of a [`Spanned`].
struct SpannedAccess<'de> {
    node: &'de Node,
    next: usize,
}

impl<'de> de::MapAccess<'de> for SpannedAccess<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        match SPANNED_FIELDS.get(self.next) {
            Some(field) => seed.deserialize(field.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(self.node.span.start.into_deserializer()),
            2 => seed.deserialize(self.node.span.end.into_deserializer()),
            _ => seed.deserialize(self.node),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::yaml::{Limits, parse_node};

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Machine {
        name: Spanned<String>,
        role: Option<Spanned<Role>>,
        tags: Vec<Spanned<String>>,
        size: Spanned<u16>,
        labels: BTreeMap<String, Spanned<Value>>,
    }

    #[derive(Debug, serde::Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Role {
        ControlPlane,
    }

    #[test]
    fn places_survive_in_structures_lists_and_maps() {
        let source =
            "name: a\nrole: control-plane\ntags: [x, yy]\nsize: 7\nlabels: {k: {deep: 1}}\n";
        let node = parse_node(source, &Limits::default()).node.expect("valid");
        let machine: Machine = node.decode().expect("decodes");
        let slice = |span: Span| &source[span.start..span.end];
        assert_eq!(slice(machine.name.span), "a");
        assert_eq!(slice(machine.tags[1].span), "yy");
        assert_eq!(slice(machine.size.span), "7");
        assert_eq!(slice(machine.labels["k"].span), "{deep: 1}");
        assert_eq!(
            machine.role.map(|role| role.value),
            Some(Role::ControlPlane)
        );
        assert_eq!(machine.labels["k"].value, serde_json::json!({"deep": 1}));
    }
}
