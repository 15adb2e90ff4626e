//! Patches of a configuration.

use serde_json::{Map, Value, json};

use super::{Author, Field, kind_of};

impl Author {
    pub fn merge(&mut self, config: &[Value]) -> Value {
        let kinds = std::mem::take(&mut self.kinds);
        let mut patch = if self.one_in(4) {
            let kind = self.of(&kinds);
            self.document(kind, 3)
        } else {
            let document = self.of(config).clone();
            let kind = kind_of(&kinds, &document);
            let mut patch = self.like(kind, &kind.name, &document);
            for key in ["apiVersion", "kind", "name", "version"] {
                if let Some(value) = document.get(key) {
                    patch.insert(key.to_owned(), value.clone());
                }
            }
            patch.into()
        };
        if self.one_in(12) {
            self.spoil(&mut patch);
        }
        self.kinds = kinds;
        patch
    }

    /// A group with the fields of another and other values, and a few more.
    fn like(&mut self, group: &Field, path: &str, value: &Value) -> Map<String, Value> {
        let mut entries = Map::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            let Some(field) = group.fields.iter().find(|field| field.name == *key) else {
                continue;
            };
            if self.one_in(2) {
                continue;
            }
            let place = format!("{path}.{key}");
            let new = if field.shape.starts_with("group") {
                Some(self.like(field, &place, value).into())
            } else {
                self.value(&field.shape, field, &place)
            };
            if let Some(mut new) = new {
                self.repeat_keys(value, &mut new);
                entries.insert(key.clone(), new);
            }
        }
        if self.one_in(2) {
            entries.extend(self.group(group, path, 1));
        }
        entries
    }

    /// Gives entries of a list what the others are known by.
    fn repeat_keys(&mut self, old: &Value, new: &mut Value) {
        let (Some(old), Some(new)) = (old.as_array(), new.as_array_mut()) else {
            return;
        };
        if old.is_empty() || self.one_in(3) {
            return;
        }
        for entry in new.iter_mut().filter_map(Value::as_object_mut) {
            let other = self.of(old);
            for key in [
                "interface",
                "deviceSelector",
                "vlanId",
                "name",
                "mountPath",
                "image",
            ] {
                if let Some(value) = other.get(key) {
                    entry.insert(key.to_owned(), value.clone());
                }
            }
        }
    }

    /// Makes something wrong that no reading lets pass.
    fn spoil(&mut self, value: &mut Value) {
        let Some(entries) = value.as_object_mut() else {
            return;
        };
        let keys: Vec<String> = entries
            .keys()
            .filter(|key| !["apiVersion", "kind", "name", "version"].contains(&key.as_str()))
            .cloned()
            .collect();
        if keys.is_empty() || self.one_in(4) {
            entries.insert("noSuchField".to_owned(), json!(1));
            return;
        }
        let key = self.of(&keys).clone();
        let slot = &mut entries[&key];
        if slot.is_object() && !self.one_in(3) {
            self.spoil(slot);
        } else {
            *slot = match slot {
                Value::Object(_) => json!("text"),
                Value::Array(_) => json!({"a": "b"}),
                _ => json!([["x"]]),
            };
        }
    }

    pub fn deletion(&mut self, config: &[Value]) -> Value {
        let document = self.of(config).clone();
        let mut patch = Map::new();
        for key in ["apiVersion", "kind", "name"] {
            if let Some(value) = document.get(key) {
                patch.insert(key.to_owned(), value.clone());
            }
        }
        if self.one_in(12) {
            patch.insert("$patch".to_owned(), json!("delete"));
            return patch.into();
        }
        if self.one_in(20) {
            patch.insert("name".to_owned(), json!("somebody-else"));
        }
        let kinds = std::mem::take(&mut self.kinds);
        let kind = kind_of(&kinds, &document);
        if self.one_in(3) {
            let mut more = self.like(kind, &kind.name, &document);
            for key in ["apiVersion", "kind", "name", "version"] {
                more.shift_remove(key);
            }
            patch.extend(more);
        }
        if let Some(Value::Object(taken)) = self.taken_away(Some(kind), &document) {
            let ours = ["apiVersion", "kind", "name", "version"];
            patch.extend(
                taken
                    .into_iter()
                    .filter(|(key, _)| !ours.contains(&key.as_str())),
            );
        }
        self.kinds = kinds;
        patch.into()
    }

    /// Goes down to a place and asks for its deletion.
    fn taken_away(&mut self, field: Option<&Field>, value: &Value) -> Option<Value> {
        let delete = || json!({"$patch": "delete"});
        match value {
            Value::Object(entries) => {
                let mut keys: Vec<String> = entries.keys().cloned().collect();
                // A place that is not there.
                if self.one_in(6) {
                    keys = match field {
                        Some(field) if !field.fields.is_empty() => field
                            .fields
                            .iter()
                            .map(|field| field.name.clone())
                            .collect(),
                        _ => vec!["nowhere".to_owned()],
                    };
                }
                if keys.is_empty() {
                    return None;
                }
                let key = self.of(&keys).clone();
                let below =
                    field.and_then(|field| field.fields.iter().find(|field| field.name == key));
                let deeper = match entries.get(&key) {
                    Some(value) if !self.one_in(3) => self.taken_away(below, value),
                    _ => None,
                };
                let mut patch = Map::new();
                patch.insert(key, deeper.unwrap_or_else(delete));
                Some(patch.into())
            }
            Value::Array(items) => {
                let item = items.get(self.below(items.len()))?;
                let entries = item.as_object()?;
                if self.one_in(6) {
                    return Some(json!([self.taken_away(field, item)?]));
                }
                let mut entry = Map::new();
                let keys: Vec<String> = entries.keys().cloned().collect();
                if !keys.is_empty() && !self.one_in(8) {
                    let key = self.of(&keys).clone();
                    entry.insert(key.clone(), entries[&key].clone());
                }
                entry.insert("$patch".to_owned(), json!("delete"));
                Some(json!([entry]))
            }
            _ => None,
        }
    }

    pub fn operations(&mut self, document: &Value) -> Value {
        let count = 1 + self.below(3);
        (0..count).map(|_| self.operation(document)).collect()
    }

    fn operation(&mut self, document: &Value) -> Value {
        let path = self.pointer(document);
        let value = document.pointer(&path).cloned();
        let new = self
            .of(&[json!("new"), json!(1), json!({"a": [1]}), json!(["x"])])
            .clone();
        match self.below(7) {
            0 | 1 => json!({"op": "add", "path": path, "value": new}),
            2 => json!({"op": "remove", "path": path}),
            3 => json!({"op": "replace", "path": path, "value": new}),
            4 => json!({"op": "test", "path": path, "value": value.unwrap_or(new)}),
            5 => json!({"op": "copy", "from": path, "path": self.pointer(document)}),
            _ => json!({"op": "move", "from": path, "path": self.pointer(document)}),
        }
    }

    /// A path into the document, at times past what is there.
    fn pointer(&mut self, document: &Value) -> String {
        let mut path = String::new();
        let mut value = document;
        loop {
            let step = match value {
                Value::Object(entries) if !entries.is_empty() => {
                    let keys: Vec<&String> = entries.keys().collect();
                    (*self.of(&keys)).clone()
                }
                Value::Array(items) if !items.is_empty() => self.below(items.len()).to_string(),
                _ => break,
            };
            path = format!("{path}/{}", step.replace('~', "~0").replace('/', "~1"));
            let next = value.get(&step);
            let by_position = || value.get(step.parse::<usize>().ok()?);
            match next.or_else(by_position) {
                Some(below) if !self.one_in(4) => value = below,
                _ => break,
            }
        }
        if self.one_in(6) {
            let tails = ["/new", "/-", "/-1", "/0", "/99", "/a/b"];
            path.push_str(tails[self.below(tails.len())]);
        }
        path
    }
}
