//! Whether an object has become what it should be, from its value alone.
//!
//! The rules are those of kstatus, with Flux' own for Jobs: a started Job is not a finished one.
//! A failing Flux object never advances its `observedGeneration`, so a failure is read even then.

use serde_json::Value;

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is what it should be.
    Ready,
    /// It is on its way; what it says about that.
    InProgress(String),
    /// It will not get there without a change; why.
    Failed(String),
}

/// Judges an object.
pub fn readiness(object: &Value) -> Readiness {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Readiness::InProgress("is being deleted".to_owned());
    }
    if let Some(message) = condition_message(object, "Stalled", "True") {
        return Readiness::Failed(message);
    }
    let status = &object["status"];
    let generation = object["metadata"]["generation"].as_i64();
    let observed = status["observedGeneration"].as_i64();
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed != generation
    {
        let said = condition_message(object, "Ready", "False");
        return Readiness::InProgress(said.unwrap_or_else(|| "not looked at yet".to_owned()));
    }
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object),
        "Pod" => pod(object),
        "CustomResourceDefinition" => definition(object),
        "Node" => by_condition(object, Missing::InProgress),
        _ if is_flux(object) => flux(object),
        _ => by_condition(object, Missing::Ready),
    }
}

/// Returns what keeps an object from being ready; nothing when it is.
pub fn unready(object: &Value) -> Option<String> {
    match readiness(object) {
        Readiness::Ready => None,
        Readiness::InProgress(said) | Readiness::Failed(said) => Some(said),
    }
}

/// What it means that an object has no `Ready` condition.
#[derive(Clone, Copy)]
enum Missing {
    Ready,
    InProgress,
}

fn is_flux(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    version.contains(".fluxcd.io/") || version.contains("fluxcd.controlplane.io/")
}

/// A static Helm repository has no status; everything else of Flux tells when it is ready.
fn flux(object: &Value) -> Readiness {
    let is_static = object["kind"] == "HelmRepository" && object["spec"]["type"] == "oci";
    if is_static || object["spec"]["suspend"] == true {
        return Readiness::Ready;
    }
    by_condition(object, Missing::InProgress)
}

fn by_condition(object: &Value, missing: Missing) -> Readiness {
    let message = || message(object, "Ready");
    match condition(object, "Ready").map(|c| c["status"].as_str().unwrap_or("Unknown")) {
        Some("True") => match condition_message(object, "Reconciling", "True") {
            Some(message) => Readiness::InProgress(message),
            None => Readiness::Ready,
        },
        Some(_) => Readiness::InProgress(message()),
        None => match missing {
            Missing::Ready => Readiness::Ready,
            Missing::InProgress => Readiness::InProgress("has no condition yet".to_owned()),
        },
    }
}

fn deployment(object: &Value) -> Readiness {
    if let Some(progressing) = condition(object, "Progressing")
        && progressing["reason"] == "ProgressDeadlineExceeded"
    {
        return Readiness::Failed(message(object, "Progressing"));
    }
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    if status["observedGeneration"].is_null() {
        return Readiness::InProgress("not looked at yet".to_owned());
    }
    let rollout = [
        count("replicas") >= wanted,
        count("updatedReplicas") >= wanted,
        count("replicas") <= wanted,
        count("availableReplicas") >= count("updatedReplicas"),
        count("readyReplicas") >= wanted,
    ];
    let available = condition(object, "Available").is_some_and(|c| c["status"] == "True");
    if rollout.into_iter().all(|done| done) && available {
        Readiness::Ready
    } else {
        Readiness::InProgress(format!(
            "{}/{wanted} pods are ready",
            count("readyReplicas")
        ))
    }
}

fn stateful_set(object: &Value) -> Readiness {
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let rolled_out = object["spec"]["updateStrategy"]["type"] == "OnDelete"
        || status["currentRevision"] == status["updateRevision"];
    if count("readyReplicas") >= wanted && count("replicas") <= wanted && rolled_out {
        Readiness::Ready
    } else {
        Readiness::InProgress(format!(
            "{}/{wanted} pods are ready",
            count("readyReplicas")
        ))
    }
}

fn daemon_set(object: &Value) -> Readiness {
    let status = &object["status"];
    let Some(wanted) = status["desiredNumberScheduled"].as_i64() else {
        return Readiness::InProgress("not scheduled yet".to_owned());
    };
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let complete = [
        "currentNumberScheduled",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberReady",
    ]
    .into_iter()
    .all(|field| count(field) >= wanted);
    if complete {
        Readiness::Ready
    } else {
        Readiness::InProgress(format!("{}/{wanted} pods are ready", count("numberReady")))
    }
}

fn job(object: &Value) -> Readiness {
    if object["spec"]["suspend"] == true
        || condition(object, "Complete").is_some_and(|c| c["status"] == "True")
    {
        return Readiness::Ready;
    }
    if let Some(message) = condition_message(object, "Failed", "True") {
        return Readiness::Failed(message);
    }
    let failed = object["status"]["failed"].as_i64().unwrap_or(0);
    Readiness::InProgress(match failed {
        0 => "runs".to_owned(),
        attempts => format!("runs again after {attempts} failed attempts"),
    })
}

fn pod(object: &Value) -> Readiness {
    let status = &object["status"];
    match status["phase"].as_str() {
        Some("Succeeded") => Readiness::Ready,
        Some("Failed") => Readiness::Failed(text(&status["message"], "failed")),
        _ if condition(object, "Ready").is_some_and(|c| c["status"] == "True") => Readiness::Ready,
        _ => Readiness::InProgress(waiting(status).unwrap_or_else(|| "starts".to_owned())),
    }
}

/// What a pod waits for: a node, or the first of its containers that says so.
fn waiting(status: &Value) -> Option<String> {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let unscheduled =
        conditions.filter(|it| it["type"] == "PodScheduled" && it["status"] == "False");
    let mut reasons = unscheduled.chain(waiting_containers(status));
    let told = reasons.find(|it| it["reason"].is_string());
    told.map(said)
}

/// Why containers of a pod wait, those that come first first.
fn waiting_containers(status: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|field| status[field].as_array())
        .flatten()
        .map(|container| &container["state"]["waiting"])
}

/// Returns what keeps an image of a pod from being pulled, in the kubelet's words.
pub fn missing_image(pod: &Value) -> Option<String> {
    const REASONS: [&str; 3] = ["ImagePullBackOff", "ErrImagePull", "InvalidImageName"];
    waiting_containers(&pod["status"])
        .find(|waiting| REASONS.iter().any(|reason| waiting["reason"] == *reason))
        .map(said)
}

fn definition(object: &Value) -> Readiness {
    if let Some(message) = condition_message(object, "NamesAccepted", "False") {
        return Readiness::Failed(message);
    }
    if condition(object, "Established").is_some_and(|c| c["status"] == "True") {
        Readiness::Ready
    } else {
        Readiness::InProgress("is not established yet".to_owned())
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

fn condition_message(object: &Value, kind: &str, status: &str) -> Option<String> {
    condition(object, kind)
        .filter(|condition| condition["status"] == status)
        .map(|_| message(object, kind))
}

fn message(object: &Value, kind: &str) -> String {
    condition(object, kind).map(said).unwrap_or_default()
}

/// `Reason: message`, as far as both are there.
fn said(of: &Value) -> String {
    let reason = text(&of["reason"], "");
    let message = text(&of["message"], "");
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (true, _) => message,
        (_, true) => reason,
    }
}

fn text(value: &Value, otherwise: &str) -> String {
    value.as_str().unwrap_or(otherwise).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flux(generation: i64, observed: i64, conditions: &Value) -> Value {
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"generation": generation},
            "status": {"observedGeneration": observed, "conditions": conditions},
        })
    }

    #[test]
    fn a_failure_is_read_although_the_generation_was_never_observed() {
        // As kustomize-controller 1.9 leaves it when the path does not exist.
        let failing = flux(
            1,
            -1,
            &json!([{"type": "Ready", "status": "False", "reason": "ArtifactFailed",
                "message": "kustomization path not found: stat /tmp/x"}]),
        );
        assert_eq!(
            readiness(&failing),
            Readiness::InProgress(
                "ArtifactFailed: kustomization path not found: stat /tmp/x".to_owned()
            )
        );
    }

    #[test]
    fn an_old_success_does_not_count_for_a_new_generation() {
        let ready =
            json!([{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}]);
        assert_eq!(readiness(&flux(2, 2, &ready)), Readiness::Ready);
        assert!(matches!(
            readiness(&flux(3, 2, &ready)),
            Readiness::InProgress(_)
        ));
    }

    #[test]
    fn a_stalled_object_has_failed() {
        let stalled = json!([
            {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "gave up"},
            {"type": "Ready", "status": "False", "reason": "InstallFailed"},
        ]);
        assert_eq!(
            readiness(&flux(1, 1, &stalled)),
            Readiness::Failed("RetriesExceeded: gave up".to_owned())
        );
    }

    #[test]
    fn a_started_job_is_not_a_finished_one() {
        let job = |status: &Value| json!({"kind": "Job", "status": status});
        let runs = job(&json!({"active": 1, "failed": 2}));
        assert_eq!(
            readiness(&runs),
            Readiness::InProgress("runs again after 2 failed attempts".to_owned())
        );
        let complete = job(&json!({"conditions": [{"type": "Complete", "status": "True"}]}));
        assert_eq!(readiness(&complete), Readiness::Ready);
        let failed = job(&json!({"conditions": [{"type": "Failed", "status": "True",
            "reason": "BackoffLimitExceeded"}]}));
        assert_eq!(
            readiness(&failed),
            Readiness::Failed("BackoffLimitExceeded".to_owned())
        );
    }

    #[test]
    fn workloads_are_ready_when_all_their_new_pods_are() {
        let deployment = |ready: i64| {
            json!({
                "kind": "Deployment",
                "metadata": {"generation": 1},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
                    "availableReplicas": ready, "readyReplicas": ready,
                    "conditions": [{"type": "Available", "status": "True"}]},
            })
        };
        assert_eq!(readiness(&deployment(2)), Readiness::Ready);
        assert_eq!(
            readiness(&deployment(1)),
            Readiness::InProgress("1/2 pods are ready".to_owned())
        );
        let new = json!({"kind": "Deployment", "metadata": {"generation": 1}, "spec": {}});
        assert!(matches!(readiness(&new), Readiness::InProgress(_)));
        let unscheduled = json!({"kind": "DaemonSet", "status": {}});
        assert!(matches!(readiness(&unscheduled), Readiness::InProgress(_)));
    }

    #[test]
    fn a_pod_says_what_it_waits_for() {
        let pod = |status: Value| readiness(&json!({"kind": "Pod", "status": status}));
        let waits = |reason: Value| json!({"state": {"waiting": reason}});
        // As a kubelet and a scheduler of 1.36 write them.
        let pull =
            json!({"reason": "ImagePullBackOff", "message": "Back-off pulling image \"a/b:1\""});
        assert_eq!(
            pod(json!({"phase": "Pending", "containerStatuses": [waits(pull)]})),
            Readiness::InProgress("ImagePullBackOff: Back-off pulling image \"a/b:1\"".to_owned())
        );
        let creating = json!({"reason": "ContainerCreating"});
        assert_eq!(
            pod(json!({"phase": "Pending", "containerStatuses": [waits(creating)]})),
            Readiness::InProgress("ContainerCreating".to_owned())
        );
        let unscheduled = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory."});
        assert_eq!(
            pod(json!({"phase": "Pending", "conditions": [unscheduled]})),
            Readiness::InProgress(
                "Unschedulable: 0/1 nodes are available: 1 Insufficient memory.".to_owned()
            )
        );
        assert_eq!(
            pod(json!({"phase": "Pending"})),
            Readiness::InProgress("starts".to_owned())
        );
    }

    #[test]
    fn objects_without_conditions_are_ready_except_nodes_and_flux() {
        assert_eq!(readiness(&json!({"kind": "ConfigMap"})), Readiness::Ready);
        for waiting in [
            json!({"kind": "Node", "apiVersion": "v1"}),
            json!({"kind": "HelmRelease", "apiVersion": "helm.toolkit.fluxcd.io/v2"}),
        ] {
            assert!(matches!(readiness(&waiting), Readiness::InProgress(_)));
        }
        let fixed = json!({"kind": "HelmRepository", "spec": {"type": "oci"},
            "apiVersion": "source.toolkit.fluxcd.io/v1"});
        assert_eq!(readiness(&fixed), Readiness::Ready);
    }
}
