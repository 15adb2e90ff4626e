//! The remote side: the commit that a branch is at.
//!
//! `http://` goes through the connector. Everything else (`ssh://`, `https://`, paths) is asked by
//! the user's own `git`, with its keys, agents and credential helpers: the same access that the
//! user pushes with. Where the connector leads elsewhere, `git` is led there too.

use std::io;
use std::time::Duration;

use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::process::Command;

use super::refs;
use super::tunnel::{Tunnel, Way};
use crate::connect::{Connector, Route, Target, plain};

const DEADLINE: Duration = Duration::from_secs(15);
/// A repository with a hundred thousand references fits.
const MAX_ADVERTISEMENT: usize = 16 * 1024 * 1024;

/// How the Git remote is asked which commit its branch is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The URL.
    pub url: String,
    /// The branch.
    pub branch: String,
}

/// Why the remote's branch is not known.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The URL is not one.
    #[error("`{0}` is not a URL")]
    Url(String),
    /// No answer came in time.
    #[error("no answer from `{url}` within {} s", DEADLINE.as_secs())]
    Deadline {
        /// The remote.
        url: String,
    },
    /// The connection failed.
    #[error("cannot reach `{url}`")]
    Connect {
        /// The remote.
        url: String,
        /// What the network said.
        source: io::Error,
    },
    /// HTTP failed.
    #[error("cannot read `{url}`: {reason}")]
    Http {
        /// The remote.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The user's `git` failed.
    #[error("`git ls-remote {url}`: {message}")]
    Command {
        /// The remote.
        url: String,
        /// Its own words.
        message: String,
    },
}

/// Returns the commit that the remote's branch is at; `None` when the branch does not exist.
pub async fn branch_head(
    remote: &Remote,
    connector: &dyn Connector,
) -> Result<Option<String>, GitError> {
    let url = remote.url.clone();
    let asking = async {
        if url.starts_with("http://") {
            over_http(remote, connector).await
        } else {
            by_command(remote, connector).await
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .map_err(|_| GitError::Deadline {
            url: remote.url.clone(),
        })?
}

async fn over_http(remote: &Remote, connector: &dyn Connector) -> Result<Option<String>, GitError> {
    let failed = |reason: String| GitError::Http {
        url: remote.url.clone(),
        reason,
    };
    let uri: Uri = remote
        .url
        .parse()
        .map_err(|_| GitError::Url(remote.url.clone()))?;
    let host = uri
        .host()
        .ok_or_else(|| GitError::Url(remote.url.clone()))?;
    let target = Target::new(host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
    let stream = connector
        .connect(&target)
        .await
        .map_err(|source| GitError::Connect {
            url: remote.url.clone(),
            source,
        })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|error| failed(plain(&error)))?;
    let path = uri.path().trim_end_matches('/');
    let request = http::Request::get(format!("{path}/info/refs?service=git-upload-pack"))
        .header(http::header::HOST, target.to_string())
        .header(http::header::USER_AGENT, "git/homelab")
        .body(Empty::new())
        .map_err(|error| failed(plain(&error)))?;
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| failed(plain(&error)))?;
        if !response.status().is_success() {
            return Err(failed(format!("HTTP status {}", response.status())));
        }
        let body = Limited::new(response.into_body(), MAX_ADVERTISEMENT)
            .collect()
            .await
            .map_err(|error| failed(plain(error.as_ref())))?;
        Ok(body.to_bytes())
    };
    let advertisement = drive(exchange, connection).await?;
    refs::branch(&advertisement, &remote.branch).map_err(|reason| failed(reason.to_owned()))
}

/// Moves the connection on while the exchange waits for it; no task outlives the call.
async fn drive<T>(
    exchange: impl Future<Output = T>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> T {
    let mut exchange = std::pin::pin!(exchange);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        done = &mut exchange => return done,
        _ = &mut connection => {}
    }
    exchange.await
}

async fn by_command(
    remote: &Remote,
    connector: &dyn Connector,
) -> Result<Option<String>, GitError> {
    let way = Way::of(&remote.url).filter(|way| connector.route(way.target()) != Route::Direct);
    let Some(way) = way else {
        return ls_remote(remote, Vec::new()).await;
    };
    let failed = |source| GitError::Connect {
        url: remote.url.clone(),
        source,
    };
    let target = way.target().clone();
    let tunnel = Tunnel::open(way).await.map_err(failed)?;
    let environment = tunnel.environment().map_err(failed)?;
    tokio::select! {
        biased;
        asked = ls_remote(remote, environment) => match asked {
            // `git` only saw the door close: why is known on this side of it.
            Err(error) => Err(connector.connect(&target).await.err().map_or(error, failed)),
            found => found,
        },
        never = tunnel.serve(connector) => match never {},
    }
}

async fn ls_remote(
    remote: &Remote,
    environment: Vec<(&'static str, String)>,
) -> Result<Option<String>, GitError> {
    let failed = |message: String| GitError::Command {
        url: remote.url.clone(),
        message,
    };
    let reference = format!("refs/heads/{}", remote.branch);
    let output = Command::new("git")
        .args(["ls-remote", "--", &remote.url, &reference])
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs(environment)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(plain(&error)))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        let first = message.lines().find(|line| !line.trim().is_empty());
        return Err(failed(first.unwrap_or("failed").to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let head = text.lines().find_map(|line| {
        let (commit, name) = line.split_once('\t')?;
        (name == reference).then(|| commit.to_owned())
    });
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connect::{ConnectMap, Mapped, Tcp};

    #[tokio::test]
    async fn a_remote_that_a_closed_map_does_not_have_is_told_by_the_map() {
        let map = ConnectMap::parse(r#"{"version": 1, "others": "refuse"}"#).expect("a map");
        let connector = Mapped::new(map, Arc::new(Tcp));
        for (url, target) in [
            ("ssh://git@git.example/me/homelab.git", "git.example:22"),
            ("https://git.example/me/homelab.git", "git.example:443"),
        ] {
            let remote = Remote {
                url: url.to_owned(),
                branch: "main".to_owned(),
            };
            let error = branch_head(&remote, &connector).await.expect_err("closed");
            assert_eq!(
                crate::connect::error_text(&error),
                format!("cannot reach `{url}`: `{target}` is not in the connection map")
            );
        }
    }
}
