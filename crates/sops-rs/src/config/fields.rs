//! Reading the fields of a configuration's mapping.

use super::{ConfigError, Mapping, Scalar, Value};
use crate::path::Step;

/// A mapping and where it stands.
pub(super) struct Fields<'a> {
    mapping: &'a Mapping,
    place: String,
}

impl<'a> Fields<'a> {
    pub(super) fn new(mapping: &'a Mapping, place: impl Into<String>) -> Self {
        Self {
            mapping,
            place: place.into(),
        }
    }

    /// A field, its own or merged in by `<<`; null counts as absent.
    fn get(&self, field: &str) -> Option<&'a Value> {
        let own = self.mapping.get(field);
        let value = own.or_else(|| match self.mapping.get("<<")? {
            Value::Mapping(merged) => merged.get(field),
            merged => merged.elements()?.find_map(|element| match element {
                Value::Mapping(merged) => merged.get(field),
                _ => None,
            }),
        });
        value.filter(|value| !matches!(value, Value::Null))
    }

    pub(super) fn wrong(&self, field: &str, expected: &'static str) -> ConfigError {
        let field = self.name(field);
        ConfigError::Field { field, expected }
    }

    fn name(&self, field: &str) -> String {
        if self.place.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.place)
        }
    }

    /// Tells whether a field holds anything.
    pub(super) fn is_set(&self, field: &str) -> bool {
        match self.get(field) {
            None => false,
            Some(Value::Mapping(mapping)) => mapping.entries().next().is_some(),
            Some(Value::Scalar(scalar)) => !scalar.is_empty(),
            Some(value) => value
                .elements()
                .is_none_or(|mut elements| elements.next().is_some()),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .map(Some)
                .ok_or_else(|| self.wrong(field, "text")),
        }
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, ConfigError> {
        match self.get(field) {
            None => Ok(false),
            Some(Value::Scalar(Scalar::Bool(flag))) => Ok(*flag),
            Some(_) => Err(self.wrong(field, "true or false")),
        }
    }

    pub(super) fn integer(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<Option<i64>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Scalar(Scalar::Int(number))) => Ok(Some(*number)),
            Some(_) => Err(self.wrong(field, expected)),
        }
    }

    pub(super) fn mapping(&self, field: &str) -> Result<Option<Fields<'a>>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Mapping(mapping)) => Ok(Some(Fields::new(mapping, self.name(field)))),
            Some(_) => Err(self.wrong(field, "a mapping")),
        }
    }

    /// A list of mappings.
    pub(super) fn mappings(&self, field: &str) -> Result<Vec<Fields<'a>>, ConfigError> {
        let Some(value) = self.get(field) else {
            return Ok(Vec::new());
        };
        let elements = value
            .elements()
            .ok_or_else(|| self.wrong(field, "a list"))?;
        elements
            .enumerate()
            .map(|(index, element)| match element {
                Value::Mapping(mapping) => Ok(Fields::new(
                    mapping,
                    format!("{}[{index}]", self.name(field)),
                )),
                _ => Err(self.wrong(field, "a list of mappings")),
            })
            .collect()
    }

    /// A list of words, or a text of words with commas between them.
    pub(super) fn words(&self, field: &str) -> Result<Vec<String>, ConfigError> {
        let expected = "a list, or text with commas";
        let texts: Vec<&str> = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Scalar(scalar)) => {
                let text = scalar.as_str().ok_or_else(|| self.wrong(field, expected))?;
                text.split(',').collect()
            }
            Some(value) => {
                let elements = value
                    .elements()
                    .ok_or_else(|| self.wrong(field, expected))?;
                elements
                    .map(|element| element.as_str().ok_or_else(|| self.wrong(field, expected)))
                    .collect::<Result<_, _>>()?
            }
        };
        let words = texts
            .into_iter()
            .map(str::trim)
            .filter(|word| !word.is_empty());
        Ok(words.map(str::to_owned).collect())
    }
}

/// Takes the name of a field apart: `creation_rules[1].age`.
pub(super) fn steps(name: &str) -> Vec<Step> {
    let parts = name.split(['.', '[']).filter(|part| !part.is_empty());
    let step = |part: &str| match part.strip_suffix(']').map(str::parse) {
        Some(Ok(index)) => Step::Index(index),
        _ => Step::Key(part.to_owned()),
    };
    parts.map(step).collect()
}
