//! Reading fields that may be written weakly: `"true"` for true, `2` for `"2"`.
//!
//! Flat formats have only strings, and `sops` accepts the same in the others.

use super::MetadataError;
use crate::scalar::Scalar;
use crate::tree::{Mapping, Value};

/// A field's value; null counts as absent.
fn get<'a>(fields: &'a Mapping, field: &str) -> Option<&'a Value> {
    let value = fields.get(field)?;
    (!matches!(value, Value::Null)).then_some(value)
}

/// A text, or what stands for one.
pub(super) fn text(fields: &Mapping, field: &str) -> Result<Option<String>, MetadataError> {
    let scalar = match get(fields, field) {
        None => return Ok(None),
        Some(Value::Scalar(scalar)) => scalar,
        Some(_) => return Err(wrong(field, "text")),
    };
    let text = match scalar {
        Scalar::Time(_) => return Err(wrong(field, "quoted")),
        Scalar::Bool(flag) => u8::from(*flag).to_string(),
        other => {
            let bytes = other.bytes();
            std::str::from_utf8(&bytes)
                .map_err(|_| wrong(field, "text"))?
                .to_owned()
        }
    };
    Ok(Some(text))
}

/// A text that must be there.
pub(super) fn required(fields: &Mapping, field: &'static str) -> Result<String, MetadataError> {
    text(fields, field)?
        .filter(|text| !text.is_empty())
        .ok_or(MetadataError::Missing { field })
}

/// A truth value; absent is false.
pub(super) fn flag(fields: &Mapping, field: &str) -> Result<bool, MetadataError> {
    let scalar = match get(fields, field) {
        None => return Ok(false),
        Some(Value::Scalar(scalar)) => scalar,
        Some(_) => return Err(wrong(field, "true or false")),
    };
    match scalar {
        Scalar::Bool(flag) => Ok(*flag),
        Scalar::Int(number) => Ok(*number != 0),
        other => match other.as_str() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False" | "") => Ok(false),
            _ => Err(wrong(field, "true or false")),
        },
    }
}

/// A count; absent and zero are `None`.
pub(super) fn count(fields: &Mapping, field: &str) -> Result<Option<u32>, MetadataError> {
    let number = match get(fields, field) {
        None => return Ok(None),
        Some(Value::Scalar(Scalar::Int(number))) => u32::try_from(*number).ok(),
        Some(value) => value.as_str().and_then(|text| match text {
            "" => Some(0),
            text => text.parse().ok(),
        }),
    };
    let number = number.ok_or_else(|| wrong(field, "a small number"))?;
    Ok((number > 0).then_some(number))
}

/// The mappings of a list; absent is empty, one mapping alone is a list of one.
pub(super) fn list<'a>(
    fields: &'a Mapping,
    field: &str,
) -> Result<Vec<&'a Mapping>, MetadataError> {
    let value = match get(fields, field) {
        None => return Ok(Vec::new()),
        Some(Value::Mapping(mapping)) if mapping.entries().next().is_none() => {
            return Ok(Vec::new());
        }
        Some(Value::Mapping(mapping)) => return Ok(vec![mapping]),
        Some(value) => value,
    };
    let elements = value.elements().ok_or_else(|| wrong(field, "a list"))?;
    elements
        .map(|element| match element {
            Value::Mapping(mapping) => Ok(mapping),
            _ => Err(wrong(field, "a list of mappings")),
        })
        .collect()
}

pub(super) fn wrong(field: &str, expected: &'static str) -> MetadataError {
    MetadataError::Field {
        field: field.to_owned(),
        expected,
    }
}
