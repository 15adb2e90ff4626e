//! Watches: every change of what they cover as a line of JSON, until their time is over.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};

use super::api::Api;
use super::error::ApiError;
use super::http::{Asked, Body, with_type};
use super::registry::Resource;
use super::selector::Selector;
use super::store::Store;

/// What a list or a watch covers.
pub(super) struct Scope {
    pub(super) resource: Arc<Resource>,
    pub(super) namespace: String,
    pub(super) selector: Selector,
}

impl Scope {
    /// Tells whether an object is covered.
    pub(super) fn holds(&self, object: &Value) -> bool {
        (self.namespace.is_empty() || object["metadata"]["namespace"] == self.namespace.as_str())
            && self.selector.selects(object)
    }
}

/// Answers with every change from now on, or from the version that is asked for.
pub(super) fn watch(
    api: &Arc<Api>,
    scope: Scope,
    asked: &Asked,
) -> Result<Response<Body>, ApiError> {
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
            let resource = &scope.resource;
            if is_first {
                for object in store.list(&resource.group, &resource.plural) {
                    if scope.holds(object) {
                        push_event(&mut lines, "ADDED", object.text());
                    }
                }
                return store.version();
            }
            let start = store
                .changes
                .partition_point(|change| change.version <= seen);
            for change in &store.changes[start..] {
                let is_kind = change.resource.plural == resource.plural
                    && change.resource.group == resource.group;
                if is_kind && scope.holds(&change.object) {
                    push_event(&mut lines, change.event, change.object.text());
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
        push_event(&mut line, "BOOKMARK", &object.to_string());
        Bytes::from(line)
    }
}

fn push_event(lines: &mut String, event: &str, object: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(lines, r#"{{"type":"{event}","object":{object}}}"#);
}
