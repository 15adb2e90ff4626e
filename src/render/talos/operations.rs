//! JSON patches (RFC 6902), applied as Talos applies them: with the habits of the Go library that it
//! uses. Positions may count from the end, and a key that a mapping does not have holds null: it can be
//! replaced and copied.

use serde_json::{Map, Value};

/// Why operations cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The configuration has more than one document.
    #[error(
        "JSON patch operations need a configuration of one document, and this one has {0}: write the \
         patch as the part of the document that it changes"
    )]
    ManyDocuments(usize),
    /// An entry of the list is no operation.
    #[error("expected a list of operations, each with `op` and `path`")]
    NotOperations,
    /// There is no such operation.
    #[error("there is no operation `{0}`")]
    UnknownOperation(String),
    /// The place is not there.
    #[error("operation `{operation}`: there is nothing at `{path}`")]
    Missing {
        /// The operation.
        operation: String,
        /// The place.
        path: String,
    },
    /// The value is another one.
    #[error("operation `test`: `{0}` has another value")]
    Differs(String),
}

/// Applies operations, a list as written, to a configuration.
pub(super) fn apply(documents: &mut [Value], operations: &[Value]) -> Result<(), OperationError> {
    let [document] = documents else {
        return Err(OperationError::ManyDocuments(documents.len()));
    };
    for operation in operations {
        Operation::read(operation)?.apply(document)?;
    }
    Ok(())
}

struct Operation<'a> {
    name: &'a str,
    path: &'a str,
    entries: &'a Map<String, Value>,
}

impl<'a> Operation<'a> {
    fn read(value: &'a Value) -> Result<Self, OperationError> {
        let entries = value.as_object().ok_or(OperationError::NotOperations)?;
        let text = |key: &str| {
            let value = entries.get(key).and_then(Value::as_str);
            value.ok_or(OperationError::NotOperations)
        };
        Ok(Self {
            name: text("op")?,
            path: text("path")?,
            entries,
        })
    }

    fn value(&self) -> Value {
        self.entries.get("value").cloned().unwrap_or(Value::Null)
    }

    fn from(&self) -> Result<&'a str, OperationError> {
        let from = self.entries.get("from").and_then(Value::as_str);
        from.ok_or(OperationError::NotOperations)
    }

    fn missing(&self, path: &str) -> OperationError {
        OperationError::Missing {
            operation: self.name.to_owned(),
            path: path.to_owned(),
        }
    }

    fn apply(&self, document: &mut Value) -> Result<(), OperationError> {
        match self.name {
            "add" => self.add(document, self.value()),
            "remove" => self.remove(document, self.path).map(|_| ()),
            "replace" => self.replace(document),
            "test" => self.test(document),
            "copy" => {
                let value = self.read_at(document, self.from()?)?;
                self.add(document, value)
            }
            "move" => {
                let value = self.remove(document, self.from()?)?;
                self.add(document, value)
            }
            other => Err(OperationError::UnknownOperation(other.to_owned())),
        }
    }

    fn add(&self, document: &mut Value, value: Value) -> Result<(), OperationError> {
        let missing = || self.missing(self.path);
        match place(document, self.path).ok_or_else(missing)? {
            Place::Key(entries, key) => {
                entries.insert(key, value);
            }
            Place::Position(items, key) => {
                let room = items.len() + 1;
                let position = match key.as_str() {
                    "-" => items.len(),
                    key => position(key, room).ok_or_else(missing)?,
                };
                items.insert(position, value);
            }
        }
        Ok(())
    }

    fn remove(&self, document: &mut Value, path: &str) -> Result<Value, OperationError> {
        let missing = || self.missing(path);
        match place(document, path).ok_or_else(missing)? {
            Place::Key(entries, key) => entries.shift_remove(&key).ok_or_else(missing),
            Place::Position(items, key) => {
                let position = position(&key, items.len()).ok_or_else(missing)?;
                Ok(items.remove(position))
            }
        }
    }

    fn replace(&self, document: &mut Value) -> Result<(), OperationError> {
        let (value, missing) = (self.value(), || self.missing(self.path));
        if self.path.is_empty() && (value.is_object() || value.is_array()) {
            *document = value;
            return Ok(());
        }
        match place(document, self.path).ok_or_else(missing)? {
            Place::Key(entries, key) => {
                entries.insert(key, value);
            }
            Place::Position(items, key) => {
                let position = position(&key, items.len()).ok_or_else(missing)?;
                *items.get_mut(position).ok_or_else(missing)? = value;
            }
        }
        Ok(())
    }

    /// Nothing is there when no value is given; a value of null is never there.
    fn test(&self, document: &mut Value) -> Result<(), OperationError> {
        let found = self.read_at(document, self.path)?;
        let wanted = self.entries.get("value");
        let holds = match wanted {
            None => found.is_null(),
            Some(wanted) => !found.is_null() && found == *wanted,
        };
        if holds {
            Ok(())
        } else {
            Err(OperationError::Differs(self.path.to_owned()))
        }
    }

    fn read_at(&self, document: &mut Value, path: &str) -> Result<Value, OperationError> {
        if path.is_empty() && self.name == "test" {
            return Ok(document.clone());
        }
        let missing = || self.missing(path);
        match place(document, path).ok_or_else(missing)? {
            Place::Key(entries, key) => Ok(entries.get(&key).cloned().unwrap_or_default()),
            Place::Position(items, key) => {
                let value = position(&key, items.len()).and_then(|position| items.get(position));
                value.cloned().ok_or_else(missing)
            }
        }
    }
}

/// A place in a document that can be written.
enum Place<'a> {
    Key(&'a mut Map<String, Value>, String),
    Position(&'a mut Vec<Value>, String),
}

impl<'a> Place<'a> {
    fn value(self) -> Option<&'a mut Value> {
        match self {
            Self::Key(entries, key) => entries.get_mut(&key),
            Self::Position(items, key) => {
                let position = position(&key, items.len())?;
                items.get_mut(position)
            }
        }
    }
}

/// Finds the mapping or list that a path leads into, and the last step.
fn place<'a>(document: &'a mut Value, path: &str) -> Option<Place<'a>> {
    let steps: Vec<_> = path.split('/').skip(1).map(unescaped).collect();
    let (last, way) = steps.split_last()?;
    let mut value = document;
    for step in way {
        value = into(value, step)?.value()?;
    }
    into(value, last)
}

fn into<'a>(value: &'a mut Value, step: &str) -> Option<Place<'a>> {
    match value {
        Value::Object(entries) => Some(Place::Key(entries, step.to_owned())),
        Value::Array(items) => Some(Place::Position(items, step.to_owned())),
        _ => None,
    }
}

/// Reads a position in a list of this length; negative ones count from the end.
fn position(text: &str, length: usize) -> Option<usize> {
    let number: i64 = text.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    let position = if number < 0 { number + length } else { number };
    (position < length).then(|| usize::try_from(position).ok())?
}

/// Returns a step of a JSON pointer as the key that it means (RFC 6901).
pub(super) fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(operations: &Value) -> Result<Value, String> {
        let mut documents = [json!({"a": {"b/c": 1}, "list": [1, 2, 3]})];
        match apply(&mut documents, operations.as_array().expect("a list")) {
            Ok(()) => Ok(documents[0].take()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn applies_every_operation() {
        let operations = json!([
            {"op": "test", "path": "/a/b~1c", "value": 1},
            {"op": "test", "path": "/nothing"},
            {"op": "add", "path": "/list/1", "value": 9},
            {"op": "add", "path": "/list/-", "value": 4},
            {"op": "replace", "path": "/list/-1", "value": 5},
            {"op": "replace", "path": "/new", "value": 6},
            {"op": "remove", "path": "/list/0"},
            {"op": "copy", "from": "/a", "path": "/copied"},
            {"op": "move", "from": "/a/b~1c", "path": "/moved"},
        ]);
        let expected =
            json!({"a": {}, "list": [9, 2, 3, 5], "new": 6, "copied": {"b/c": 1}, "moved": 1});
        assert_eq!(applied(&operations), Ok(expected));
    }

    #[test]
    fn says_what_is_not_there() {
        for (operation, message) in [
            (
                json!({"op": "add", "path": "/x/y", "value": 1}),
                "operation `add`: there is nothing at `/x/y`",
            ),
            (
                json!({"op": "remove", "path": "/list/3"}),
                "operation `remove`: there is nothing at `/list/3`",
            ),
            (
                json!({"op": "replace", "path": "/list/3", "value": 1}),
                "operation `replace`: there is nothing at `/list/3`",
            ),
            (
                json!({"op": "test", "path": "/a", "value": 1}),
                "operation `test`: `/a` has another value",
            ),
            (
                json!({"op": "increase", "path": "/a"}),
                "there is no operation `increase`",
            ),
            (
                json!({"path": "/a"}),
                "expected a list of operations, each with `op` and `path`",
            ),
        ] {
            assert_eq!(applied(&json!([operation])), Err(message.to_owned()));
        }
    }

    #[test]
    fn needs_one_document() {
        let error = apply(&mut [json!({}), json!({})], &[]).expect_err("two documents");
        assert!(error.to_string().contains("this one has 2"));
    }
}
