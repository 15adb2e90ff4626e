//! Serves the API on any byte stream: TLS with optional client certificates, then HTTP.

use std::io;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::api::Api;
use super::http::{Caller, answer};
use crate::connect::Stream;

/// Serves one connection of the API server that runs on this node, until either side ends it.
pub async fn serve(
    api: Arc<Api>,
    tls: Arc<ServerConfig>,
    (node, from): (String, Arc<str>),
    stream: Box<dyn Stream>,
) -> io::Result<()> {
    let stream = TlsAcceptor::from(tls).accept(stream).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let caller = Caller {
        name: certificates.and_then(|chain| common_name(chain.first()?)),
        node,
        from,
    };
    let service = service_fn(move |request| answer(Arc::clone(&api), caller.clone(), request));
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}
