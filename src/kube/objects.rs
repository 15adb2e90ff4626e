//! Objects in order and in words.

use serde_json::Value;

/// Kinds that others need, in the order in which they are applied; the rest follows.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "PriorityClass",
    "StorageClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
];

/// Sorts objects so that each comes after what it needs; the order of equals is kept.
pub fn in_apply_order(objects: &[Value]) -> Vec<&Value> {
    let rank = |object: &&Value| {
        let kind = object["kind"].as_str().unwrap_or_default();
        FIRST
            .iter()
            .position(|first| *first == kind)
            .unwrap_or(FIRST.len())
    };
    let mut sorted: Vec<&Value> = objects.iter().collect();
    sorted.sort_by_key(rank);
    sorted
}

/// Names an object for people: `Kind namespace/name`.
pub fn describe(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or("object");
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} `{namespace}/{name}`"),
        None => format!("{kind} `{name}`"),
    }
}

/// How many warnings about one object are worth reading.
const WARNINGS: usize = 3;

/// Words events, the newest first, each text once.
pub(super) fn warnings(mut events: Vec<Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    // Times in UTC compare as texts. Events of the newer form have no `lastTimestamp`.
    let time = |event: &Value| {
        let last = text(&event["lastTimestamp"]);
        last.max(text(&event["eventTime"]))
    };
    events.sort_by_key(|event| std::cmp::Reverse(time(event)));
    let mut found = Vec::new();
    for event in &events {
        let warning = format!("{}: {}", text(&event["reason"]), text(&event["message"]));
        if !found.contains(&warning) {
            found.push(warning);
        }
    }
    found.truncate(WARNINGS);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn warnings_are_read_from_the_newest_and_once() {
        let event = |at: &str, message: &str| {
            let (reason, message) = ("BuildFailed", format!("{message}\n"));
            json!({"reason": reason, "message": message, "lastTimestamp": at})
        };
        let events = vec![
            event("2027-01-01T00:00:00Z", "old"),
            event("2027-01-01T00:00:02Z", "new"),
            event("2027-01-01T00:00:01Z", "old"),
        ];
        assert_eq!(warnings(events), ["BuildFailed: new", "BuildFailed: old"]);
    }

    #[test]
    fn what_others_need_comes_first() {
        let object = |kind: &str, name: &str| json!({"kind": kind, "metadata": {"name": name}});
        let objects = [
            object("Job", "a"),
            object("ServiceAccount", "b"),
            object("Namespace", "c"),
            object("ConfigMap", "d"),
            object("ConfigMap", "c"),
        ];
        let order: Vec<_> = in_apply_order(&objects).into_iter().map(describe).collect();
        assert_eq!(
            order,
            [
                "Namespace `c`",
                "ServiceAccount `b`",
                "ConfigMap `d`",
                "ConfigMap `c`",
                "Job `a`"
            ]
        );
    }
}
