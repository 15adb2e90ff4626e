//! One connection to one node: dial, TLS, HTTP/2.
//!
//! A connection is made once and never silently again: whether to reconnect, and to whom, is the
//! caller's decision, because a node that comes back may have become somebody else.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tower::Service;

use crate::verify::{Seen, Verifier, identity_problem};
use crate::{CredentialsError, Endpoint, Error, Identity, IdentityProblem, Options, Peer};

/// An open connection; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    sender: http2::SendRequest<Body>,
    ended: Ended,
    peer: Arc<Peer>,
}

/// The TLS failure that ended the connection, if one did.
type Ended = Arc<OnceLock<rustls::Error>>;

impl Transport {
    /// Connects and shows both sides who the other is.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        identity: &Identity,
        options: &Options,
    ) -> Result<Self, Error> {
        let seen = Seen::default();
        let config = tls_config(identity, options, &seen).map_err(|error| Error::Identity {
            endpoint: endpoint.clone(),
            problem: IdentityProblem::Handshake(error.to_string()),
            peer: None,
        })?;
        let stream = options
            .dial
            .dial(endpoint)
            .await
            .map_err(|source| Error::Unreachable {
                endpoint: endpoint.clone(),
                source,
            })?;
        let name = server_name(endpoint)?;
        let tls = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .map_err(|error| handshake_error(endpoint, error, &seen))?;
        let peer = seen.get().cloned().ok_or_else(|| Error::Malformed {
            endpoint: endpoint.clone(),
            method: "connect",
            what: "no certificate".to_owned(),
        })?;
        if matches!(identity, Identity::Maintenance { .. }) && !peer.is_maintenance() {
            return Err(Error::Identity {
                endpoint: endpoint.clone(),
                problem: IdentityProblem::NotInMaintenance,
                peer: Some(Box::new(peer)),
            });
        }
        Self::start(endpoint, tls, peer).await
    }

    async fn start<S>(endpoint: &Endpoint, tls: S, peer: Peer) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let ended = Ended::default();
        let io = TokioIo::new(Watched {
            stream: tls,
            ended: Arc::clone(&ended),
        });
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), io)
                .await
                .map_err(|source| Error::Lost {
                    endpoint: endpoint.clone(),
                    method: "connect",
                    source: source.into(),
                })?;
        // Its errors reach the pending calls; there is nobody else to tell.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            ended,
            peer: Arc::new(peer),
        })
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Says what the end of the connection means.
    pub(crate) fn lost(
        &self,
        endpoint: &Endpoint,
        method: &'static str,
        source: Box<dyn StdError + Send + Sync>,
    ) -> Error {
        // In TLS 1.3 a server judges the client's certificate after the client's handshake is
        // over, so that a refusal arrives in place of the first reply.
        let problem = self
            .ended
            .get()
            .and_then(|error| identity_problem(error, &Seen::default()));
        match problem {
            Some(problem) => Error::Identity {
                endpoint: endpoint.clone(),
                problem,
                peer: Some(Box::new((*self.peer).clone())),
            },
            None => Error::Lost {
                endpoint: endpoint.clone(),
                method,
                source,
            },
        }
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    /// Always ready: a generated client forgets why a service was not, a failed call keeps it.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}

fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(endpoint.host().to_owned()).map_err(|error| Error::Unreachable {
        endpoint: endpoint.clone(),
        source: io::Error::new(io::ErrorKind::InvalidInput, error),
    })
}

fn tls_config(
    identity: &Identity,
    options: &Options,
    seen: &Seen,
) -> Result<ClientConfig, CredentialsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let seen = Arc::clone(seen);
    let verifier = match identity {
        Identity::Maintenance { fingerprints } => {
            Verifier::pinned(Arc::clone(&provider), fingerprints.clone(), seen)
        }
        Identity::Mutual(credentials) => {
            Verifier::authority(Arc::clone(&provider), &credentials.authorities, seen)?
        }
    };
    let builder = ClientConfig::builder_with_details(provider, Arc::clone(&options.time))
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Identity::Maintenance { .. } => builder.with_no_client_auth(),
        Identity::Mutual(credentials) => builder
            .with_client_auth_cert(credentials.chain.clone(), credentials.key()?)
            .map_err(|error| CredentialsError::KeyMismatch(error.to_string()))?,
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A node that restarts changes its identity; nothing of an old session may carry over.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn handshake_error(endpoint: &Endpoint, error: io::Error, seen: &Seen) -> Error {
    let Some(tls) = tls_error(&error) else {
        return Error::Lost {
            endpoint: endpoint.clone(),
            method: "connect",
            source: error.into(),
        };
    };
    let problem =
        identity_problem(tls, seen).unwrap_or_else(|| IdentityProblem::Handshake(tls.to_string()));
    Error::Identity {
        endpoint: endpoint.clone(),
        problem,
        peer: seen.get().cloned().map(Box::new),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Passes bytes through and remembers the TLS failure that ended them.
struct Watched<S> {
    stream: S,
    ended: Ended,
}

impl<S> Watched<S> {
    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result
            && let Some(tls) = tls_error(error)
        {
            self.ended.get_or_init(|| tls.clone());
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.note(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note(result)
    }
}
