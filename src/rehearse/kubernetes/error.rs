//! What the API answers when it refuses: a `Status` object with Kubernetes' own wording.

use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    reason: &'static str,
    message: String,
    causes: Vec<Value>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self {
            code,
            reason,
            message,
            causes: Vec::new(),
        }
    }

    /// Nothing is served under this path.
    pub(super) fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource".to_owned(),
        )
    }

    /// No kind of this name is known.
    pub(super) fn no_match(kind: &str, api_version: &str) -> Self {
        let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
        Self::new(404, "NotFound", message)
    }

    /// An object is not there.
    pub(super) fn not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found"))
    }

    /// An object is there already.
    pub(super) fn already_exists(resource: &str, name: &str) -> Self {
        let message = format!("{resource} \"{name}\" already exists");
        Self::new(409, "AlreadyExists", message)
    }

    /// Somebody else wrote in between.
    pub(super) fn modified(resource: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again"
        );
        Self::new(409, "Conflict", message)
    }

    /// etcd did not answer in time; the API server passes its words on.
    pub(super) fn etcd_timeout() -> Self {
        Self::new(500, "", "etcdserver: request timed out".to_owned())
    }

    /// etcd takes no more writes.
    pub(super) fn no_space() -> Self {
        let message = "etcdserver: mvcc: database space exceeded".to_owned();
        Self::new(500, "", message)
    }

    /// Other managers own what an apply wants to change.
    pub(super) fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let message = match conflicts {
            [(manager, path)] => {
                format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
            }
            many => {
                let mut managers: Vec<_> = many.iter().map(|(manager, _)| manager).collect();
                managers.sort();
                managers.dedup();
                let lists: Vec<_> = managers
                    .into_iter()
                    .map(|manager| {
                        let paths: Vec<_> = many
                            .iter()
                            .filter(|(other, _)| other == manager)
                            .map(|(_, path)| format!("- {path}"))
                            .collect();
                        format!("conflicts with {manager}:\n{}", paths.join("\n"))
                    })
                    .collect();
                format!(
                    "Apply failed with {} conflicts: {}",
                    many.len(),
                    lists.join("\n")
                )
            }
        };
        let mut error = Self::new(409, "Conflict", message);
        error.causes = conflicts
            .iter()
            .map(|(manager, path)| {
                json!({"reason": "FieldManagerConflict",
                    "message": format!("conflict with {manager}"), "field": path})
            })
            .collect();
        error
    }

    /// A field of the object breaks a rule of its type.
    pub(super) fn invalid(kind: &str, name: &str, field: &str, why: &str) -> Self {
        let reason = match why.split_once(" value: ") {
            Some(("Required", _)) => "FieldValueRequired",
            _ => "FieldValueInvalid",
        };
        let message = format!("{kind} \"{name}\" is invalid: {field}: {why}");
        let mut error = Self::new(422, "Invalid", message);
        error.causes = vec![json!({"reason": reason, "message": why, "field": field})];
        error
    }

    /// The request itself is wrong.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into())
    }

    /// The patch type is not served.
    pub(super) fn unsupported_media_type() -> Self {
        let message = "415: Unsupported Media Type".to_owned();
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The caller showed no client certificate.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".to_owned())
    }

    /// The watch starts before what is remembered.
    pub(super) fn expired() -> Self {
        Self::new(410, "Expired", "too old resource version".to_owned())
    }

    /// Returns the `Status` object.
    pub(super) fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.causes.is_empty() {
            status["details"] = json!({"causes": self.causes});
        }
        status
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
