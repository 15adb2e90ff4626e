//! Documents that are one step from another.

use serde_json::{Map, Value};

use super::{Author, Field, inside, kind_of};

impl Author {
    /// The document with a value or two otherwise, gone, or new.
    pub fn varied(&mut self, document: &Value) -> Value {
        let kinds = std::mem::take(&mut self.kinds);
        let kind = kind_of(&kinds, document);
        let mut document = document.clone();
        for _ in 0..=self.below(2) {
            if let Some(entries) = document.as_object_mut() {
                self.vary(kind, &kind.name, entries);
            }
        }
        self.kinds = kinds;
        document
    }

    fn vary(&mut self, group: &Field, path: &str, entries: &mut Map<String, Value>) {
        let heads = ["apiVersion", "kind", "version"];
        let keys: Vec<String> = entries
            .keys()
            .filter(|key| !heads.contains(&key.as_str()))
            .cloned()
            .collect();
        if keys.is_empty() || self.one_in(5) {
            entries.extend(self.group(group, path, 1));
            return;
        }
        let key = self.of(&keys).clone();
        let Some(field) = group.fields.iter().find(|field| field.name == key) else {
            return;
        };
        let place = format!("{path}.{key}");
        let slot = &mut entries[&key];
        if !self.one_in(4) && self.vary_below(field, &place, slot) {
            return;
        }
        if self.one_in(3) {
            entries.shift_remove(&key);
        } else if let Some(value) = self.value(&field.shape, field, &place) {
            entries.insert(key, value);
        }
    }

    /// Goes on below a field; tells whether there is anything to vary.
    fn vary_below(&mut self, field: &Field, place: &str, value: &mut Value) -> bool {
        if field.fields.is_empty() {
            return false;
        }
        match value {
            Value::Object(entries) if inside(&field.shape, '{', '}').is_none() => {
                self.vary(field, place, entries);
                true
            }
            Value::Array(items) if !items.is_empty() => {
                let item = self.below(items.len());
                if let Some(entries) = items[item].as_object_mut() {
                    self.vary(field, &format!("{place}[]"), entries);
                }
                true
            }
            _ => false,
        }
    }
}
