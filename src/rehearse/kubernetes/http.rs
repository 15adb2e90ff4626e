//! The HTTP face: paths, verbs, bodies and watches, as clients of Kubernetes expect them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use serde_json::{Value, json};

use super::api::Api;
use super::discovery;
use super::error::ApiError;
use super::registry::Resource;
use super::selector::Selector;
use super::store::{Force, Store, Write};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Who sent a request, and through which node's API server it came.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The common name of the client certificate; nobody without one.
    pub(super) name: Option<String>,
    pub(super) node: String,
}

/// Answers one request.
pub(super) async fn answer(
    api: Arc<Api>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(_) => return Ok(refuse(&ApiError::bad_request("the body ended early"))),
    };
    let asked = Asked::new(&parts, bytes);
    Ok(match respond(&api, &caller, &asked) {
        Ok(response) => response,
        Err(error) => refuse(&error),
    })
}

struct Asked {
    method: Method,
    path: String,
    query: BTreeMap<String, String>,
    content_type: String,
    user_agent: String,
    body: Bytes,
}

impl Asked {
    fn new(parts: &http::request::Parts, body: Bytes) -> Self {
        let header = |name: http::header::HeaderName| {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: query(parts.uri.query().unwrap_or_default()),
            content_type: header(http::header::CONTENT_TYPE),
            user_agent: header(http::header::USER_AGENT),
            body,
        }
    }

    fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Result<Value, ApiError> {
        if let Ok(value) = serde_json::from_slice(&self.body) {
            return Ok(value);
        }
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        crate::yaml::parse(text).map_err(|error| ApiError::bad_request(error.to_string()))
    }

    /// The manager that a write counts for: as asked, else the client's program name.
    fn manager(&self) -> &str {
        let asked = self.param("fieldManager");
        if !asked.is_empty() {
            return asked;
        }
        let program = self.user_agent.split('/').next().unwrap_or_default();
        if program.is_empty() {
            "unknown"
        } else {
            program
        }
    }
}

/// A path below `/api/v1` or `/apis/<group>/<version>`.
struct Place<'a> {
    resource: Resource,
    namespace: &'a str,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

fn respond(api: &Arc<Api>, caller: &Caller, asked: &Asked) -> Result<Response<Body>, ApiError> {
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
    let place = place.ok_or_else(ApiError::no_such_path)?;
    if asked.method == Method::GET {
        return read(api, &place, asked);
    }
    let caller_name = caller.name.as_deref().unwrap_or_default();
    let before = api.read(Store::version);
    let done = write(api, &place, asked)?;
    // A write that changes nothing is no mutation, and a dry run never is.
    if api.read(Store::version) != before {
        api.record(
            &caller.node,
            format!("{} {}", asked.method, asked.path),
            caller_name,
        );
    }
    Ok(done)
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
        return Ok(ok(&found));
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
    let (items, version) = api.read(|store| {
        let all = store.list(&place.resource.group, &place.resource.plural);
        let items: Vec<Value> = all
            .filter(|object| scope.holds(object))
            .map(|object| listed(&place.resource, object))
            .collect();
        (items, store.version())
    });
    Ok(ok(&json!({
        "kind": format!("{}List", place.resource.kind),
        "apiVersion": place.resource.api_version(),
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    })))
}

/// Only the list as a whole names version and kind of what Kubernetes itself brings; custom
/// resources keep theirs.
fn listed(resource: &Resource, object: &Value) -> Value {
    let mut item = object.clone();
    if !resource.custom
        && let Some(fields) = item.as_object_mut()
    {
        fields.shift_remove("apiVersion");
        fields.shift_remove("kind");
    }
    item
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
        let object = asked.json()?;
        check_kind(resource, &object)?;
        let made = api.write(|store| store.create(resource, place.namespace, object, write))?;
        return Ok(reply(StatusCode::CREATED, &made));
    }
    let name = place.name.ok_or_else(ApiError::no_such_path)?;
    let key = (place.namespace, name);
    match asked.method {
        Method::DELETE => {
            let done = api.write(|store| store.delete(resource, key, &now))?;
            Ok(ok(&done))
        }
        Method::PUT => {
            let object = asked.json()?;
            let done = api.write(|store| store.replace(resource, key, object, write))?;
            Ok(ok(&done))
        }
        Method::PATCH => patch(api, resource, key, asked, write),
        _ => Err(ApiError::no_such_path()),
    }
}

fn patch(
    api: &Api,
    resource: &Resource,
    key: (&str, &str),
    asked: &Asked,
    write: Write<'_>,
) -> Result<Response<Body>, ApiError> {
    let body = asked.json()?;
    match asked.content_type.as_str() {
        "application/apply-patch+yaml" => {
            check_kind(resource, &body)?;
            if asked.param("fieldManager").is_empty() {
                return Err(ApiError::bad_request(
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: \
                     is required for apply patch",
                ));
            }
            let force = match asked.param("force") {
                "true" => Force::Yes,
                _ => Force::No,
            };
            let is_new = api.read(|store| store.get(resource, key.0, key.1).is_none());
            let done = api.write(|store| store.apply(resource, key, body, force, write))?;
            let status = if is_new {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            Ok(reply(status, &done))
        }
        // Objects here have no lists where the strategic form would merge differently.
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            let done = api.write(|store| store.merge_patch(resource, key, &body, write))?;
            Ok(ok(&done))
        }
        other => Err(ApiError::unsupported_media_type(other)),
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

/// What a list or a watch covers.
struct Scope {
    resource: Resource,
    namespace: String,
    selector: Selector,
}

impl Scope {
    fn holds(&self, object: &Value) -> bool {
        (self.namespace.is_empty() || object["metadata"]["namespace"] == self.namespace.as_str())
            && self.selector.selects(object)
    }
}

fn watch(api: &Arc<Api>, scope: Scope, asked: &Asked) -> Result<Response<Body>, ApiError> {
    let from: u64 = asked.param("resourceVersion").parse().unwrap_or(0);
    if from > api.read(Store::version) {
        return Err(ApiError::expired());
    }
    let limit = asked.param("timeoutSeconds").parse().unwrap_or(300);
    let ends = tokio::time::Instant::now() + Duration::from_secs(limit);
    let bookmarks = asked.param("allowWatchBookmarks") == "true";
    let watcher = Watcher {
        api: Arc::clone(api),
        changed: api.changes(),
        scope,
        seen: from,
        is_first: from == 0,
    };
    let lines = stream::unfold(Some(watcher), move |watcher| async move {
        let mut watcher = watcher?;
        let next = tokio::time::timeout_at(ends, watcher.next()).await;
        match next {
            Ok(bytes) => Some((bytes, Some(watcher))),
            Err(_) if bookmarks => Some((watcher.bookmark(), None)),
            Err(_) => None,
        }
    });
    let lines: BoxStream<'static, _> = lines.boxed();
    let frames = lines.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    let body = StreamBody::new(frames).boxed_unsync();
    Ok(with_type(StatusCode::OK, body))
}

struct Watcher {
    api: Arc<Api>,
    changed: tokio::sync::watch::Receiver<u64>,
    scope: Scope,
    seen: u64,
    is_first: bool,
}

impl Watcher {
    /// Waits until there is something to send.
    async fn next(&mut self) -> Bytes {
        loop {
            let lines = self.collect();
            if !lines.is_empty() {
                return Bytes::from(lines);
            }
            // The API outlives its watchers: it holds the sender.
            let _ = self.changed.changed().await;
        }
    }

    fn collect(&mut self) -> String {
        self.changed.borrow_and_update();
        let (mut lines, scope, seen) = (String::new(), &self.scope, self.seen);
        let is_first = self.is_first;
        let version = self.api.read(|store| {
            let collection = (scope.resource.group.clone(), scope.resource.plural.clone());
            if is_first {
                for object in store.list(&collection.0, &collection.1) {
                    if scope.holds(object) {
                        push_event(&mut lines, "ADDED", object);
                    }
                }
                return store.version();
            }
            let start = store
                .changes
                .partition_point(|change| change.version <= seen);
            for change in &store.changes[start..] {
                if change.collection == collection && scope.holds(&change.object) {
                    push_event(&mut lines, change.event, &change.object);
                }
            }
            store.version()
        });
        self.is_first = false;
        self.seen = version;
        lines
    }

    fn bookmark(&self) -> Bytes {
        let mut line = String::new();
        let object = json!({
            "kind": self.scope.resource.kind, "apiVersion": self.scope.resource.api_version(),
            "metadata": {"resourceVersion": self.seen.to_string()},
        });
        push_event(&mut line, "BOOKMARK", &object);
        Bytes::from(line)
    }
}

fn push_event(lines: &mut String, event: &str, object: &Value) {
    lines.push_str(&json!({"type": event, "object": object}).to_string());
    lines.push('\n');
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

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Undoes percent encoding of a query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = tail
                    .get(..2)
                    .and_then(|pair| std::str::from_utf8(pair).ok());
                match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = &tail[2..];
                    }
                    None => bytes.push(first),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn refuse(error: &ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply(status, &error.to_status())
}

fn ok(document: &Value) -> Response<Body> {
    reply(StatusCode::OK, document)
}

fn text(line: &'static str) -> Response<Body> {
    Response::new(Full::new(Bytes::from_static(line.as_bytes())).boxed_unsync())
}

fn reply(status: StatusCode, document: &Value) -> Response<Body> {
    with_type(
        status,
        Full::new(Bytes::from(document.to_string())).boxed_unsync(),
    )
}

fn with_type(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}
