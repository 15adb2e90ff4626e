//! Requests to a Kubernetes API as they are, and its answers as they come.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use camino::Utf8Path;
use homelab::connect::Stream;
use homelab::rehearse::kubernetes::{Api, serve};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::control_plane::ControlPlane;

/// An administrator of an API server on loopback.
pub struct RawApi {
    address: SocketAddr,
    tls: TlsConnector,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    pub body: Option<Value>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub code: u16,
    pub body: String,
}

impl Answer {
    /// The body as JSON; what is none stays text.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| Value::from(self.body.as_str()))
    }
}

impl RawApi {
    /// The API server of a real control plane.
    pub fn real(real: &ControlPlane) -> anyhow::Result<Self> {
        let address = real.server().trim_start_matches("https://").parse()?;
        Self::new(address, &real.file("pki"))
    }

    /// A simulated one, behind the same certificates as a real control plane.
    pub async fn simulated(api: Arc<Api>, real: &ControlPlane) -> anyhow::Result<Self> {
        let pki = real.file("pki");
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots(&pki)?)).build()?;
        let (chain, key) = identity(&pki, "apiserver")?;
        let tls = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        let tls = Arc::new(tls);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream: Box<dyn Stream> = Box::new(stream);
                let who = ("talos-1".to_owned(), Arc::default());
                tokio::spawn(serve(Arc::clone(&api), Arc::clone(&tls), who, stream));
            }
        });
        Self::new(address, &pki)
    }

    fn new(address: SocketAddr, pki: &Utf8Path) -> anyhow::Result<Self> {
        let (chain, key) = identity(pki, "admin")?;
        let config = ClientConfig::builder()
            .with_root_certificates(roots(pki)?)
            .with_client_auth_cert(chain, key)?;
        Ok(Self {
            address,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Sends a request on a connection of its own and reads the answer to its end.
    pub async fn send(&self, asked: &Asked) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = self.tls.connect(name, stream).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let body = asked
            .body
            .as_ref()
            .map_or_else(Bytes::new, |body| body.to_string().into());
        let request = http::Request::builder()
            .method(asked.method)
            .uri(&asked.path)
            .header("host", "localhost")
            .header("user-agent", "raw/1")
            .header("accept", "application/json")
            .header("content-type", asked.content_type)
            .body(Full::new(body))?;
        let response = sender.send_request(request).await?;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await?.to_bytes();
        connection.abort();
        let body = String::from_utf8(bytes.to_vec()).context("the answer is text")?;
        Ok(Answer { code, body })
    }
}

fn roots(pki: &Utf8Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join("ca.crt"))?)?;
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(pki: &Utf8Path, name: &str) -> anyhow::Result<Identity> {
    let certificate = CertificateDer::from_pem_file(pki.join(format!("{name}.crt")))?;
    let key = PrivateKeyDer::from_pem_file(pki.join(format!("{name}.key")))?;
    Ok((vec![certificate], key))
}
