//! HTTP over the connector: one TLS connection to one API server, whatever the URL says.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::access::{Access, AccessError};
use crate::connect::{CertificateTime, SharedConnector, Stream, Target};
use crate::model::Clock;

/// The HTTP client under [`super::Client`].
pub(super) type Http = legacy::Client<Dialer, Body>;

/// Opens TLS connections to one target.
#[derive(Clone)]
pub(super) struct Dialer {
    connector: SharedConnector,
    target: Target,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// An open TLS connection.
pub(super) struct Opened(TokioIo<TlsStream<Box<dyn Stream>>>);

pub(super) fn http(
    access: &Access,
    target: &Target,
    connector: SharedConnector,
    clock: Arc<dyn Clock>,
) -> Result<Http, AccessError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in &access.authority {
        roots
            .add(authority.clone())
            .map_err(|_| AccessError::Missing("certificate-authority-data"))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ClientConfig::builder_with_details(provider, Arc::new(CertificateTime(clock)))
            .with_safe_default_protocol_versions()
            .map_err(|_| AccessError::Missing("protocol version"))?
            .with_root_certificates(roots)
            .with_client_auth_cert(access.certificate.clone(), access.key())
            .map_err(|_| AccessError::Missing("client-key-data"))?;
    let dialer = Dialer {
        connector,
        target: target.clone(),
        name: ServerName::try_from(target.host.clone())
            .map_err(|_| AccessError::Missing("server"))?,
        tls: TlsConnector::from(Arc::new(config)),
    };
    Ok(legacy::Client::builder(TokioExecutor::new()).build(dialer))
}

impl tower::Service<Uri> for Dialer {
    type Response = Opened;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Opened>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let stream = dialer.connector.connect(&dialer.target).await?;
            let stream = dialer.tls.connect(dialer.name, stream).await?;
            Ok(Opened(TokioIo::new(stream)))
        })
    }
}

impl Connection for Opened {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Opened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
