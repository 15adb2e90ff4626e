//! What the API server adds to objects by itself, and which changes it refuses.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::ownership::is_same;
use super::registry::Resource;

/// Fills what the server fills, for the kinds where somebody looks at it.
pub(super) fn fill(resource: &Resource, object: &mut Value, serial: u64) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            set_if_absent(object, "/spec/finalizers", json!(["kubernetes"]));
            set_if_absent(object, "/status/phase", json!("Active"));
        }
        ("", "Service") if object["spec"]["type"] != "ExternalName" => {
            let address = format!("10.96.{}.{}", serial / 250 % 250, serial % 250 + 2);
            set_if_absent(object, "/spec/clusterIP", json!(address));
        }
        ("apps", "Deployment" | "StatefulSet") => {
            set_if_absent(object, "/spec/replicas", json!(1));
        }
        (group, _) if group.ends_with("fluxcd.io") => {
            set_if_absent(object, "/status/observedGeneration", json!(-1));
        }
        _ => {}
    }
}

/// Turns what only exists in requests into what is stored.
pub(super) fn normalise(resource: &Resource, object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        metadata.retain(|_, value| !is_empty(value));
    }
    if resource.group.is_empty() && resource.kind == "Secret" {
        take_string_data(object);
    }
}

fn set_if_absent(object: &mut Value, pointer: &str, value: Value) {
    let mut node = object;
    for name in pointer.split('/').skip(1) {
        node = &mut node[name];
    }
    if node.is_null() {
        *node = value;
    }
}

fn take_string_data(object: &mut Value) {
    use base64::Engine as _;
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(plain)) = fields.shift_remove("stringData") else {
        return;
    };
    for (name, value) in plain {
        let text = value.as_str().unwrap_or_default();
        object["data"][name] = json!(base64::engine::general_purpose::STANDARD.encode(text));
    }
}

/// Tells whether a change makes a new generation: anything but metadata and status does; a
/// Deployment's annotations do too.
pub(super) fn grows(resource: &Resource, live: &Value, new: &Value) -> bool {
    let annotations = |object| Value::pointer(object, "/metadata/annotations");
    !is_same(live, new, &["metadata", "status"])
        || (resource.kind == "Deployment" && annotations(live) != annotations(new))
}

/// What names consist of, and how that is refused.
const NAMES: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
    '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
    for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Refuses a name that is no name; roles may have any.
pub(super) fn check_name(resource: &Resource, name: &str) -> Result<(), ApiError> {
    let is_label = |label: &str| {
        let is_edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        is_edge(label.chars().next())
            && is_edge(label.chars().last())
            && label.chars().all(|c| c == '-' || is_edge(Some(c)))
    };
    if resource.group == "rbac.authorization.k8s.io" || name.split('.').all(is_label) {
        return Ok(());
    }
    let why = format!("Invalid value: {name:?}: {NAMES}");
    Err(ApiError::invalid(
        &resource.qualified_kind(),
        name,
        "metadata.name",
        &why,
    ))
}

/// Refuses changes of fields that never change.
pub(super) fn check_immutable(
    resource: &Resource,
    live: &Value,
    new: &Value,
) -> Result<(), ApiError> {
    let fields: &[&str] = match resource.kind.as_str() {
        "Deployment" | "DaemonSet" | "StatefulSet" => &["spec/selector"],
        "Job" => &["spec/selector", "spec/template"],
        "Secret" => &["type"],
        _ => &[],
    };
    for field in fields {
        let pointer = format!("/{field}");
        let (before, after) = (live.pointer(&pointer), new.pointer(&pointer));
        if before.is_some() && before != after {
            let name = live["metadata"]["name"].as_str().unwrap_or_default();
            let path = field.replace('/', ".");
            let value = after.unwrap_or(&Value::Null);
            let why = format!("Invalid value: {value}: field is immutable");
            return Err(ApiError::invalid(
                &resource.qualified_kind(),
                name,
                &path,
                &why,
            ));
        }
    }
    Ok(())
}
