//! Conditions, and whether an object is ready by them.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Returns the status of a condition of an object.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = object["status"]["conditions"].as_array()?;
    all.iter().find(|condition| condition["type"] == kind)
}

/// Tells whether a condition of an object is true.
pub(super) fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Tells whether a condition of an object already says exactly this.
pub(super) fn says(
    object: &Value,
    kind: &str,
    truth: Truth,
    (reason, message): (&str, &str),
) -> bool {
    condition(object, kind).is_some_and(|condition| {
        condition["status"] == truth.as_str()
            && condition["reason"] == reason
            && condition["message"] == message
    })
}

/// Sets a condition; the time of its last transition moves only with its status.
pub(super) fn set(
    status: &mut Value,
    now: Timestamp,
    kind: &str,
    truth: Truth,
    (reason, message): (&str, &str),
) {
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut new = json!({
        "type": kind, "status": truth.as_str(), "reason": reason, "message": message,
        "lastTransitionTime": time,
    });
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(all) = status["conditions"].as_array_mut() else {
        return;
    };
    match all.iter_mut().find(|condition| condition["type"] == kind) {
        Some(old) => {
            if old["status"] == new["status"] {
                new["lastTransitionTime"] = old["lastTransitionTime"].take();
            }
            *old = new;
        }
        None => all.push(new),
    }
}

/// Removes a condition.
pub(super) fn clear(status: &mut Value, kind: &str) {
    if let Some(all) = status["conditions"].as_array_mut() {
        all.retain(|condition| condition["type"] != kind);
    }
}

/// Tells whether an object is ready by the rules of kstatus, for the kinds that live here.
pub(super) fn is_ready(object: &Value) -> bool {
    let (status, generation) = (&object["status"], &object["metadata"]["generation"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let observed = &status["observedGeneration"];
    if !observed.is_null() && observed != generation {
        return false;
    }
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" | "StatefulSet" => {
            let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
            number(&status["readyReplicas"]) >= wanted
                && number(&status["updatedReplicas"]) >= wanted
        }
        "DaemonSet" => {
            !observed.is_null()
                && number(&status["numberReady"]) >= number(&status["desiredNumberScheduled"])
        }
        "Job" => is_true(object, "Complete"),
        "CustomResourceDefinition" => is_true(object, "Established"),
        _ => condition(object, "Ready").is_none_or(|ready| ready["status"] == "True"),
    }
}
