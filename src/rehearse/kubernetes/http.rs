//! The HTTP face: requests come in, answers go out, in the form that clients of Kubernetes expect.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;

use super::api::Api;
use super::error::ApiError;
use super::object::Stored;
use super::requests::respond;
use crate::rehearse::faults::{EtcdState, Fate};

/// How long a slow etcd takes for an answer, and until the API server gives up on it.
const SLOW: Duration = Duration::from_millis(1500);
const TOO_SLOW: Duration = Duration::from_millis(5500);

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Who sent a request, and through which node's API server it came.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The common name of the client certificate; nobody without one.
    pub(super) name: Option<String>,
    pub(super) node: String,
    /// The computer, where that is known.
    pub(super) from: Arc<str>,
}

/// The reply gets lost: the connection ends without it.
#[derive(Debug, thiserror::Error)]
#[error("the reply was lost")]
pub(super) struct LostReply;

/// Answers one request.
pub(super) async fn answer(
    api: Arc<Api>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, LostReply> {
    let (parts, body) = request.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(_) => return Ok(refuse(&ApiError::bad_request("the body ended early"))),
    };
    let asked = Asked::new(&parts, bytes);
    if let Some(error) = slow_or_full(&api, &asked).await {
        return Ok(refuse(&error));
    }
    let before = api.count();
    let response = match respond(&api, &caller, &asked) {
        Ok(response) => response,
        Err(error) => refuse(&error),
    };
    let is_change = api.count() != before;
    let fate = is_change.then(|| {
        let what = format!("{} {}", asked.method, asked.path);
        api.faults().fate_of_reply(&what)
    });
    match fate {
        Some(Fate::Lost) => Err(LostReply),
        _ => Ok(response),
    }
}

/// What etcd's trouble makes of a request before it is carried out.
async fn slow_or_full(api: &Api, asked: &Asked) -> Option<ApiError> {
    let is_write = asked.method != Method::GET;
    match api.faults().etcd() {
        EtcdState::Full if is_write => Some(ApiError::no_space()),
        EtcdState::Slow => {
            tokio::time::sleep(SLOW).await;
            if is_write && api.faults().is_too_late() {
                tokio::time::sleep(TOO_SLOW).await;
                return Some(ApiError::etcd_timeout());
            }
            None
        }
        _ => None,
    }
}

/// A request as far as the API looks at it.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    query: BTreeMap<String, String>,
    pub(super) content_type: String,
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

    pub(super) fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn json(&self) -> Result<Value, ApiError> {
        if let Ok(value) = serde_json::from_slice(&self.body) {
            return Ok(value);
        }
        let text = std::str::from_utf8(&self.body).unwrap_or_default();
        crate::yaml::parse(text).map_err(|error| ApiError::bad_request(error.to_string()))
    }

    /// The manager that a write counts for: as asked, else the client's program name.
    pub(super) fn manager(&self) -> &str {
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

pub(super) fn ok(document: &Value) -> Response<Body> {
    reply(StatusCode::OK, document)
}

pub(super) fn text(line: &'static str) -> Response<Body> {
    Response::new(Full::new(Bytes::from_static(line.as_bytes())).boxed_unsync())
}

fn reply(status: StatusCode, document: &Value) -> Response<Body> {
    sent(status, document.to_string())
}

/// Answers with an object.
pub(super) fn object(status: StatusCode, object: &Stored) -> Response<Body> {
    sent(status, object.text().to_owned())
}

/// Answers with a list whose items are texts already.
pub(super) fn list<'a>(
    (kind, api_version): (&str, &str),
    version: u64,
    items: impl Iterator<Item = &'a str>,
) -> Response<Body> {
    let mut text = format!(
        r#"{{"kind":"{kind}List","apiVersion":"{api_version}","metadata":{{"resourceVersion":"{version}"}},"items":["#
    );
    for (position, item) in items.enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{item}", if position == 0 { "" } else { "," });
    }
    text.push_str("]}");
    sent(StatusCode::OK, text)
}

fn sent(status: StatusCode, text: String) -> Response<Body> {
    with_type(status, Full::new(Bytes::from(text)).boxed_unsync())
}

pub(super) fn with_type(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}
