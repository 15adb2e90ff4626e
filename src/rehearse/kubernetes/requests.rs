//! What each path and verb does.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::api::Api;
use super::discovery;
use super::error::ApiError;
use super::http::{Asked, Body, Caller, list, object, ok, text};
use super::object::Object;
use super::registry::Resource;
use super::selector::Selector;
use super::store::Store;
use super::verbs::{Force, Write};
use super::watch::{Scope, watch};

/// A path below `/api/v1` or `/apis/<group>/<version>`.
struct Place<'a> {
    resource: Arc<Resource>,
    namespace: &'a str,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

/// Answers one request.
pub(super) fn respond(
    api: &Arc<Api>,
    caller: &Caller,
    asked: &Asked,
) -> Result<Response<Body>, ApiError> {
    let segments: Vec<&str> = asked.path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        ["livez" | "readyz" | "healthz", ..] => return Ok(text("ok")),
        ["version"] => return Ok(ok(&version(api.version()))),
        _ => {}
    }
    if caller.name.is_none() {
        return Err(ApiError::unauthorized());
    }
    let found = api.read(|store| {
        let all = store.resources();
        match segments.as_slice() {
            ["api"] => Some(discovery::core_versions()),
            ["apis"] => Some(discovery::groups(all)),
            ["apis", group] => discovery::group(all, group),
            ["api", version] => discovery::resources(all, "", version),
            ["apis", group, version] => discovery::resources(all, group, version),
            _ => None,
        }
    });
    if let Some(document) = found {
        return Ok(ok(&document));
    }
    let place = match segments.as_slice() {
        ["api", version, rest @ ..] => find(api, "", version, rest),
        ["apis", group, version, rest @ ..] => find(api, group, version, rest),
        _ => None,
    };
    let Some(place) = place else {
        return nothing_there(api, &segments);
    };
    if asked.method == Method::GET {
        return read(api, &place, asked);
    }
    let before = api.read(Store::version);
    let done = write(api, &place, asked)?;
    // A write that changes nothing is no mutation, and a dry run never is.
    if api.read(Store::version) != before {
        api.record(caller, format!("{} {}", asked.method, asked.path));
    }
    Ok(done)
}

/// A group or version that nobody serves is no part of the API: its answer is no object.
fn nothing_there(api: &Api, segments: &[&str]) -> Result<Response<Body>, ApiError> {
    let is_served = api.read(|store| {
        let all = store.resources();
        match segments {
            ["api", version, ..] => discovery::resources(all, "", version).is_some(),
            ["apis", group, version, ..] => discovery::resources(all, group, version).is_some(),
            ["apis", _] => false,
            _ => true,
        }
    });
    if is_served {
        return Err(ApiError::no_such_path());
    }
    let mut response = text("404 page not found\n");
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}

fn find<'a>(api: &Api, group: &str, version: &str, rest: &[&'a str]) -> Option<Place<'a>> {
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..]
            if rest
                .first()
                .is_some_and(|s| !matches!(*s, "status" | "finalize")) =>
        {
            (*namespace, rest)
        }
        rest => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(*name), None),
        [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
        _ => return None,
    };
    let resource = api.read(|store| store.served(group, version, plural))?;
    let has_subresource = subresource.is_none_or(|name| name == "status" && resource.status);
    has_subresource.then_some(Place {
        resource,
        namespace,
        name,
        subresource,
    })
}

fn read(api: &Arc<Api>, place: &Place<'_>, asked: &Asked) -> Result<Response<Body>, ApiError> {
    if let Some(name) = place.name {
        let found = api.read(|store| store.get(&place.resource, place.namespace, name).cloned());
        let found = found.ok_or_else(|| ApiError::not_found(&place.resource.qualified(), name))?;
        return Ok(object(StatusCode::OK, &found));
    }
    let selector = Selector::parse(asked.param("labelSelector"), asked.param("fieldSelector"));
    let scope = Scope {
        resource: place.resource.clone(),
        namespace: place.namespace.to_owned(),
        selector,
    };
    if matches!(asked.param("watch"), "true" | "1") {
        return watch(api, scope, asked);
    }
    let (items, version): (Vec<Object>, _) = api.read(|store| {
        let all = store.list(&place.resource.group, &place.resource.plural);
        let items = all.filter(|object| scope.holds(object)).cloned().collect();
        (items, store.version())
    });
    // Only the list as a whole names version and kind of what Kubernetes itself brings; custom
    // resources keep theirs.
    let is_custom = place.resource.custom;
    let texts = items
        .iter()
        .map(|item| if is_custom { item.text() } else { item.item() });
    let kind = (place.resource.kind.as_str(), &*place.resource.api_version());
    Ok(list(kind, version, texts))
}

fn write(api: &Api, place: &Place<'_>, asked: &Asked) -> Result<Response<Body>, ApiError> {
    let now = api.now();
    let write = Write {
        manager: asked.manager(),
        subresource: place.subresource,
        now: &now,
        dry_run: !asked.param("dryRun").is_empty(),
    };
    let resource = &place.resource;
    if asked.method == Method::POST && place.name.is_none() {
        let new = asked.json()?;
        check_kind(resource, &new)?;
        let made = api.write(|store| store.create(resource, place.namespace, new, write))?;
        return Ok(object(StatusCode::CREATED, &made));
    }
    let name = place.name.ok_or_else(ApiError::no_such_path)?;
    let key = (place.namespace, name);
    match asked.method {
        Method::DELETE => {
            let done = api.write(|store| store.delete(resource, key, &now))?;
            Ok(object(StatusCode::OK, &done))
        }
        Method::PUT => {
            let new = asked.json()?;
            check_name(&new, name)?;
            let done = api.write(|store| store.replace(resource, key, new, write))?;
            Ok(object(StatusCode::OK, &done))
        }
        Method::PATCH => patch(api, resource, key, asked, write),
        _ => Err(ApiError::no_such_path()),
    }
}

fn patch(
    api: &Api,
    resource: &Arc<Resource>,
    key: (&str, &str),
    asked: &Asked,
    write: Write<'_>,
) -> Result<Response<Body>, ApiError> {
    let body = asked.json()?;
    match asked.content_type.as_str() {
        "application/apply-patch+yaml" => {
            check_kind(resource, &body)?;
            let is_new = api.read(|store| store.get(resource, key.0, key.1).is_none());
            // An object that is there lends its name.
            if is_new || body["metadata"]["name"].is_string() {
                check_name(&body, key.1)?;
            }
            if asked.param("fieldManager").is_empty() {
                let why = "Required value: is required for apply patch";
                let kind = "PatchOptions.meta.k8s.io";
                return Err(ApiError::invalid(kind, "", "fieldManager", why));
            }
            let force = match asked.param("force") {
                "true" => Force::Yes,
                _ => Force::No,
            };
            let done = api.write(|store| store.apply(resource, key, body, force, write))?;
            let status = if is_new {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            Ok(object(status, &done))
        }
        // Objects here have no lists where the strategic form would merge differently.
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            let done = api.write(|store| store.merge_patch(resource, key, &body, write))?;
            Ok(object(StatusCode::OK, &done))
        }
        _ => Err(ApiError::unsupported_media_type()),
    }
}

fn check_name(object: &Value, name: &str) -> Result<(), ApiError> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        "" => Err(ApiError::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own if own != name => Err(ApiError::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}

fn check_kind(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let is_right = object["kind"] == resource.kind.as_str()
        && object["apiVersion"] == resource.api_version().as_str();
    if is_right {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "the object in the body is {}, the path is of {} {}",
        object["kind"],
        resource.api_version(),
        resource.kind
    )))
}

fn version(git_version: &str) -> Value {
    let mut parts = git_version.trim_start_matches('v').split('.');
    let mut next = || parts.next().unwrap_or("0").to_owned();
    json!({
        "major": next(), "minor": next(), "gitVersion": git_version, "gitCommit": "simulated",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none",
        "compiler": "none", "platform": "linux/amd64",
    })
}
