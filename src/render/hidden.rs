//! What of a configuration nobody may see: values that are secret by their place, by the name of
//! their key, or by what they say. Hiding too much costs a look elsewhere, hiding too little a key.

use serde_json::{Map, Value};

use crate::model::{LeafPath, Step};
use crate::render::reference::{REDACTED, SecretRef};

/// Parts of a key that give a secret away.
const WORDS: &[&str] = &[
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "authkey",
    "auth_key",
    "auth-key",
    "privatekey",
    "private_key",
    "private-key",
    "presharedkey",
    "credential",
];

/// Keys that give a secret away when they stand alone.
const KEYS: &[&str] = &["key", "auth"];

/// Returns a value as people may see it.
pub fn shown(path: &LeafPath, value: &Value) -> Value {
    if SecretRef::of(value).is_some() || !is_container(value) && is_hidden(path, value) {
        return REDACTED.into();
    }
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), shown(&path.key(key), value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(position, item)| shown(&path.entry(&position.to_string()), item))
            .collect::<Vec<_>>()
            .into(),
        scalar => scalar.clone(),
    }
}

/// Returns a value as people may see it beside what stands in its place on another side: where one side
/// names a secret, the other has the secret itself. Entries of a list may have changed places.
pub fn shown_beside(path: &LeafPath, value: &Value, other: Option<&Value>) -> Value {
    match (value, other) {
        (Value::Object(entries), Some(Value::Object(others)))
            if SecretRef::of(value).is_none() && !others.contains_key(SecretRef::KEY) =>
        {
            let beside = |(key, value): (&String, &Value)| {
                let shown = shown_beside(&path.key(key), value, others.get(key));
                (key.clone(), shown)
            };
            entries.iter().map(beside).collect::<Map<_, _>>().into()
        }
        (_, Some(other)) if names_secrets(other) => REDACTED.into(),
        _ => shown(path, value),
    }
}

fn names_secrets(value: &Value) -> bool {
    SecretRef::of(value).is_some()
        || match value {
            Value::Object(entries) => entries.values().any(names_secrets),
            Value::Array(items) => items.iter().any(names_secrets),
            _ => false,
        }
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn is_hidden(path: &LeafPath, value: &Value) -> bool {
    let key = path.steps().iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Entry(_) => None,
    });
    key.is_some_and(names_a_secret) || value.as_str().is_some_and(tells_a_secret)
}

fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.contains(&key.as_str()) || mentions(&key)
}

fn mentions(lower: &str) -> bool {
    WORDS.iter().any(|word| lower.contains(word))
}

/// A private key, a login in a URL, an assignment to something that is named like a secret.
fn tells_a_secret(text: &str) -> bool {
    text.contains("PRIVATE KEY")
        || text
            .lines()
            .any(|line| assigns_a_secret(line) || has_login(line))
}

fn assigns_a_secret(line: &str) -> bool {
    line.match_indices(['=', ':']).any(|(position, _)| {
        let before = line[..position].trim_end_matches(['"', '\'', ' ']);
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
        let name = before
            .get(start.map_or(0, |start| start + 1)..)
            .unwrap_or(before);
        names_a_secret(name)
    }) || line.trim() == "kind: Secret"
}

fn has_login(line: &str) -> bool {
    let after_scheme = line.split_once("://").map(|(_, rest)| rest);
    let authority = after_scheme.and_then(|rest| rest.split(['/', '?', ' ']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hides_by_key_and_by_content_and_leaves_the_rest() {
        let document = json!({
            "machine": {
                "ca": {"crt": "LS0t", "key": "LS0t"},
                "token": "abc",
                "registries": {"config": {"ghcr.io": {"auth": {"username": "me", "password": "x", "auth": "eA=="}}}},
                "files": [{"path": "/var/a", "content": "user = me\npassword = x\n"}, {"path": "/var/b", "content": "plain\n"}],
                "env": {"http_proxy": "http://me:x@proxy:3128", "no_proxy": "a"},
            },
            "environment": ["TS_AUTHKEY=x", "TS_ROUTES=10.0.0.0/8"],
            "apiUrl": "https://omni?jointoken=x",
            "login": {"secretRef": "a.sops.yaml#b"},
            "slot": 0,
        });
        let expected = json!({
            "machine": {
                "ca": {"crt": "LS0t", "key": "******"},
                "token": "******",
                "registries": {"config": {"ghcr.io": {"auth": {"username": "me", "password": "******", "auth": "******"}}}},
                "files": [{"path": "/var/a", "content": "******"}, {"path": "/var/b", "content": "plain\n"}],
                "env": {"http_proxy": "******", "no_proxy": "a"},
            },
            "environment": ["******", "TS_ROUTES=10.0.0.0/8"],
            "apiUrl": "******",
            "login": "******",
            "slot": 0,
        });
        assert_eq!(shown(&LeafPath::default(), &document), expected);
    }
}
