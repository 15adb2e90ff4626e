//! What happens to a built object before it is applied: decryption and substitution.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Stands in place of every secret value; a rehearsal has no key to open the real ones with.
const PLACEHOLDER: &str = "rehearsed";

/// Puts placeholders in place of encrypted values.
pub(super) fn decrypt(object: &mut Value) {
    for (field, plain) in [("data", false), ("stringData", true)] {
        let values = object[field].as_object_mut();
        for value in values.into_iter().flat_map(|fields| fields.values_mut()) {
            let is_encrypted = value.as_str().is_some_and(|text| text.starts_with("ENC["));
            if is_encrypted {
                *value = if plain {
                    Value::from(PLACEHOLDER)
                } else {
                    Value::from(STANDARD.encode(PLACEHOLDER))
                };
            }
        }
        if object[field].is_null()
            && let Some(fields) = object.as_object_mut()
        {
            fields.shift_remove(field);
        }
    }
}

/// Returns the variables that a ConfigMap or Secret holds.
pub(super) fn variables_of(object: &Value) -> Variables {
    let is_secret = object["kind"] == "Secret";
    let data = object["data"].as_object().into_iter().flatten();
    data.map(|(name, value)| {
        let text = value.as_str().unwrap_or_default();
        let text = if is_secret {
            String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
        } else {
            text.to_owned()
        };
        (name.clone(), text)
    })
    .collect()
}

/// Replaces `${NAME}` in every string; nothing is replaced when there are no variables at all.
pub(super) fn substitute(object: &mut Value, variables: &Variables) -> Result<(), String> {
    let off = "kustomize.toolkit.fluxcd.io/substitute";
    let metadata = &object["metadata"];
    let is_off =
        metadata["annotations"][off] == "disabled" || metadata["labels"][off] == "disabled";
    if variables.is_empty() || is_off {
        return Ok(());
    }
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    walk(object, variables).map_err(|missing| {
        format!(
            "post build failed for '{kind}/{name}': envsubst error: variable substitution failed: \
             variable not set (strict mode): \"{missing}\""
        )
    })
}

fn walk(value: &mut Value, variables: &Variables) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains("${") => {
            *text = expand(text, variables)?;
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(item, variables)),
        Value::Object(fields) => fields
            .values_mut()
            .try_for_each(|item| walk(item, variables)),
        _ => Ok(()),
    }
}

/// Knows `${X}`, `${X:=default}`, `${X:-default}` and `$${X}`.
fn expand(text: &str, variables: &Variables) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let (before, inner) = (&rest[..start], &rest[start + 2..start + length]);
        rest = &rest[start + length + 1..];
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            for part in ["${", inner, "}"] {
                out.push_str(part);
            }
            continue;
        }
        out.push_str(before);
        let default = inner.split_once(":=").or_else(|| inner.split_once(":-"));
        let (name, default) = match default {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        match (variables.get(name), default) {
            (Some(value), _) => out.push_str(value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => return Err(name.to_owned()),
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn substitution_is_strict() {
        let variables = Variables::from([("A".to_owned(), "1".to_owned())]);
        let mut object = json!({"kind": "X", "metadata": {"name": "n"},
            "spec": ["${A}${B:=2}", "$${A}", "${A:-3}/${C:-}"]});
        substitute(&mut object, &variables).unwrap();
        assert_eq!(object["spec"], json!(["12", "${A}", "1/"]));
        let mut object = json!({"kind": "X", "metadata": {"name": "n"}, "spec": "${GONE}"});
        assert!(
            substitute(&mut object, &variables)
                .unwrap_err()
                .ends_with("\"GONE\"")
        );
    }

    #[test]
    fn placeholders_stand_in_for_ciphertext() {
        let mut secret = json!({"data": {"a": "ENC[AES256_GCM,data:x]"}, "kind": "Secret"});
        decrypt(&mut secret);
        assert_eq!(
            secret,
            json!({"data": {"a": "cmVoZWFyc2Vk"}, "kind": "Secret"})
        );
    }
}
