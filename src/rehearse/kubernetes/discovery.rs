//! The discovery documents: which groups, versions and kinds are served.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::registry::Resource;

/// `GET /api`.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"]})
}

/// `GET /apis`.
pub(super) fn groups(resources: &[Arc<Resource>]) -> Value {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in resources.iter().filter(|r| !r.group.is_empty()) {
        let versions = groups.entry(&resource.group).or_default();
        if !versions.contains(&resource.version.as_str()) {
            versions.push(&resource.version);
        }
    }
    let groups: Vec<_> = groups
        .iter()
        .map(|(group, versions)| group_entry(group, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `GET /apis/<group>`.
pub(super) fn group(resources: &[Arc<Resource>], name: &str) -> Option<Value> {
    let all = groups(resources);
    let found = all["groups"]
        .as_array()?
        .iter()
        .find(|g| g["name"] == name)?;
    let mut found = found.clone();
    found["kind"] = json!("APIGroup");
    found["apiVersion"] = json!("v1");
    Some(found)
}

fn group_entry(group: &str, versions: &[&str]) -> Value {
    let entry =
        |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let all: Vec<_> = versions.iter().map(|version| entry(version)).collect();
    json!({"name": group, "preferredVersion": all[0], "versions": all})
}

/// `GET /api/v1` and `GET /apis/<group>/<version>`.
pub(super) fn resources(all: &[Arc<Resource>], group: &str, version: &str) -> Option<Value> {
    let mut entries = Vec::new();
    let mut api_version = None;
    for resource in all
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        api_version = Some(resource.api_version());
        entries.push(json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(),
            "namespaced": resource.namespaced, "kind": resource.kind,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }));
        if resource.status {
            entries.push(json!({
                "name": format!("{}/status", resource.plural), "singularName": "",
                "namespaced": resource.namespaced, "kind": resource.kind,
                "verbs": ["get", "patch", "update"],
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version?,
        "resources": entries,
    }))
}
