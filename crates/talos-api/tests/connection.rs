//! The client against servers in memory: who is accepted, and what every failure is called.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    SignatureAlgorithm,
};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, UnixTime};
use talos_api::proto::common;
use talos_api::proto::google::rpc;
use talos_api::proto::machine as wire;
use talos_api::proto::machine::machine_service_server::{MachineService, MachineServiceServer};
use talos_api::server::kubeconfig_archive;
use talos_api::{
    Client, Code, Credentials, Dial, Dialing, Endpoint, Error, Identity, IdentityProblem, Options,
};
use tokio_rustls::TlsAcceptor;
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// 2026-12-01, in seconds since 1970.
const NOW: u64 = 1_796_083_200;
const HOST: &str = "10.0.0.1";

/// A server whose answers show every way in which a call can end.
#[derive(Clone, Default)]
struct Node {
    versions: Vec<wire::Version>,
}

#[tonic::async_trait]
impl MachineService for Node {
    async fn version(&self, _: Request<()>) -> Result<Response<wire::VersionResponse>, Status> {
        let messages = self.versions.clone();
        Ok(Response::new(wire::VersionResponse { messages }))
    }

    async fn etcd_member_list(
        &self,
        _: Request<wire::EtcdMemberListRequest>,
    ) -> Result<Response<wire::EtcdMemberListResponse>, Status> {
        std::future::pending().await
    }

    async fn bootstrap(
        &self,
        request: Request<wire::BootstrapRequest>,
    ) -> Result<Response<wire::BootstrapResponse>, Status> {
        let node = request.metadata().get("node").map(|node| node.to_str());
        Err(Status::already_exists(format!("asked for {node:?}")))
    }

    async fn kubeconfig(
        &self,
        _: Request<()>,
    ) -> Result<Response<BoxStream<common::Data>>, Status> {
        let archive = kubeconfig_archive("kind: Config\n");
        let (start, end) = archive.split_at(700.min(archive.len()));
        let chunks = [start, &[], end].map(|bytes| {
            Ok(common::Data {
                bytes: bytes.to_vec(),
                ..Default::default()
            })
        });
        Ok(Response::new(Box::pin(tokio_stream(chunks))))
    }
}

fn tokio_stream<T: Send + 'static>(
    items: [T; 3],
) -> impl tonic::codegen::tokio_stream::Stream<Item = T> + Send {
    tonic::codegen::tokio_stream::iter(items)
}

/// A server's TLS and content behind an in-memory connection.
struct InMemory {
    tls: Arc<ServerConfig>,
    node: Node,
    /// How long a connection lives.
    breaks_after: Option<Duration>,
}

impl Dial for InMemory {
    fn dial<'a>(&'a self, _: &'a Endpoint) -> Dialing<'a> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (tls, node) = (Arc::clone(&self.tls), self.node.clone());
        let lives = self.breaks_after.unwrap_or(Duration::from_secs(1_000_000));
        tokio::spawn(async move {
            let serving = async {
                let stream = TlsAcceptor::from(tls).accept(far).await?;
                let routes = Routes::new(MachineServiceServer::new(node)).prepare();
                http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
                    .await
                    .map_err(std::io::Error::other)
            };
            drop(tokio::time::timeout(lives, serving).await);
        });
        Box::pin(async move { Ok(Box::new(near) as Box<dyn talos_api::Stream>) })
    }
}

#[derive(Debug)]
struct At(u64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// An authority with the subject that all of Talos' have.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

struct Pair {
    certificate: Certificate,
    key: KeyPair,
}

fn params(common_name: Option<&str>, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = common_name {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.not_before = rcgen::date_time_ymd(2026, 11, 30);
    params.not_after = rcgen::date_time_ymd(2026, 12, 2);
    params
}

fn self_signed(algorithm: &'static SignatureAlgorithm) -> Pair {
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let params = params(Some("maintenance-service.talos.dev"), &[HOST]);
    let certificate = params.self_signed(&key).expect("signs");
    Pair { certificate, key }
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let mut params = params(None, &[]);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "talos");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("signs");
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    fn server(&self, name: &str) -> Pair {
        self.sign(
            params(Some("talos-1"), &[name]),
            ExtendedKeyUsagePurpose::ServerAuth,
        )
    }

    fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Pair {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).expect("signs");
        Pair { certificate, key }
    }

    /// Credentials that trust `self` and show a certificate of `signer`'s.
    fn client_of(&self, signer: &Self) -> Identity {
        let pair = signer.sign(params(None, &[]), ExtendedKeyUsagePurpose::ClientAuth);
        let key = pair
            .key
            .serialize_pem()
            .replace("PRIVATE KEY", "ED25519 PRIVATE KEY");
        let credentials =
            Credentials::from_pem(&self.certificate.pem(), &pair.certificate.pem(), &key);
        Identity::Mutual(credentials.expect("credentials"))
    }
}

fn tls(pair: &Pair, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(At(NOW)))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(authority.certificate.der().clone())
                .expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::try_from(pair.key.serialize_der()).expect("a key");
    let mut config = builder
        .with_single_cert(vec![pair.certificate.der().clone()], key)
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn options(tls: Arc<ServerConfig>, node: Node) -> Options {
    let dial = InMemory {
        tls,
        node,
        breaks_after: None,
    };
    Options {
        dial: Arc::new(dial),
        time: Arc::new(At(NOW)),
        deadline: Duration::from_secs(10),
    }
}

fn v1_13_9() -> wire::Version {
    wire::Version {
        version: Some(wire::VersionInfo {
            tag: "v1.13.9".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn node() -> Node {
    Node {
        versions: vec![v1_13_9()],
    }
}

async fn connect(identity: &Identity, options: &Options) -> Result<Client, Error> {
    Client::connect(&Endpoint::new(HOST), identity, options).await
}

fn anyone() -> Identity {
    Identity::Maintenance {
        fingerprints: Vec::new(),
    }
}

#[track_caller]
fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> IdentityProblem {
    match result {
        Err(Error::Identity { problem, .. }) => problem,
        other => panic!("expected an identity problem, found {other:?}"),
    }
}

/// A configured node and the way to it as an administrator.
async fn configured(node: Node) -> Client {
    let authority = Authority::new();
    let options = options(tls(&authority.server(HOST), Some(&authority)), node);
    connect(&authority.client_of(&authority), &options)
        .await
        .expect("both sides accept")
}

#[tokio::test]
async fn maintenance_certificates_of_both_kinds_are_taken_and_kept() {
    for algorithm in [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256] {
        let pair = self_signed(algorithm);
        let client = connect(&anyone(), &options(tls(&pair, None), node()))
            .await
            .expect("taken");
        assert!(client.peer().is_maintenance());
        assert_eq!(client.version().await.expect("answers").tag, "v1.13.9");
    }
}

/// Shows a certificate without having its key.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_copied_certificate_is_not_enough() {
    let (real, other) = (self_signed(&PKCS_ED25519), self_signed(&PKCS_ED25519));
    let key = PrivateKeyDer::try_from(other.key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let signer = provider.key_provider.load_private_key(key).expect("a key");
    let copied = CertifiedKey::new(vec![real.certificate.der().clone()], signer);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Impostor(Arc::new(copied))));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let genuine = connect(&anyone(), &options(tls(&real, None), node())).await;
    let pinned = Identity::Maintenance {
        fingerprints: vec![genuine.expect("taken").peer().fingerprint],
    };
    for identity in [pinned, anyone()] {
        let result = connect(&identity, &options(Arc::new(config.clone()), node())).await;
        assert!(result.is_err(), "{identity:?}");
    }
}

#[tokio::test]
async fn a_node_that_wants_a_certificate_says_so_at_the_first_call() {
    let authority = Authority::new();
    let mut pair = self_signed(&PKCS_ED25519);
    pair.certificate = {
        let params = params(Some("maintenance-service.talos.dev"), &[HOST]);
        params.self_signed(&pair.key).expect("signs")
    };
    let client = connect(&anyone(), &options(tls(&pair, Some(&authority)), node()))
        .await
        .expect("the client's half of the handshake succeeds");
    let refused = client.version().await;
    assert_eq!(problem(refused), IdentityProblem::ClientCertificateRefused);
}

#[tokio::test]
async fn another_clusters_client_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = tls(&ours.server(HOST), Some(&ours));
    let client = connect(&ours.client_of(&theirs), &options(server, node()))
        .await
        .expect("the client's half of the handshake succeeds");
    assert_eq!(
        problem(client.version().await),
        IdentityProblem::ClientCertificateRefused
    );
}

#[tokio::test]
async fn another_clusters_node_is_refused_although_its_authority_has_the_same_name() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = tls(&theirs.server(HOST), Some(&theirs));
    let result = connect(&ours.client_of(&ours), &options(server, node())).await;
    let peer = result
        .as_ref()
        .err()
        .and_then(Error::peer)
        .expect("was seen");
    assert_eq!(
        (peer.subject.as_str(), peer.issuer.as_str()),
        ("CN=talos-1", "O=talos")
    );
    assert!(!peer.is_maintenance());
    assert_eq!(problem(result), IdentityProblem::UnknownAuthority);
}

#[tokio::test]
async fn names_and_times_are_judged_separately() {
    let authority = Authority::new();
    let identity = authority.client_of(&authority);
    let elsewhere = tls(&authority.server("10.0.0.2"), Some(&authority));
    let wrong = connect(&identity, &options(elsewhere, node())).await;
    assert_eq!(problem(wrong), IdentityProblem::WrongName);
    let day = 24 * 3600;
    for (now, expected) in [
        (NOW + 7 * day, IdentityProblem::Expired),
        (NOW - 7 * day, IdentityProblem::NotYetValid),
    ] {
        let server = tls(&authority.server(HOST), Some(&authority));
        let mut options = options(server, node());
        options.time = Arc::new(At(now));
        assert_eq!(problem(connect(&identity, &options).await), expected);
    }
}

#[tokio::test]
async fn a_configured_node_is_not_taken_for_one_in_maintenance() {
    let authority = Authority::new();
    let server = tls(&authority.server(HOST), None);
    let result = connect(&anyone(), &options(server, node())).await;
    assert_eq!(problem(result), IdentityProblem::NotInMaintenance);
}

#[tokio::test(start_paused = true)]
async fn no_call_outlives_its_deadline() {
    let client = configured(node()).await;
    let began = tokio::time::Instant::now();
    let patient = client.with_deadline(Duration::from_mins(10));
    let error = patient.etcd_members().await.expect_err("never answers");
    assert!(
        matches!(
            error,
            Error::Deadline {
                method: "EtcdMemberList",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.is_outcome_unknown());
    assert_eq!(began.elapsed().as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    let authority = Authority::new();
    let dial = InMemory {
        tls: tls(&authority.server(HOST), Some(&authority)),
        node: node(),
        breaks_after: Some(Duration::from_secs(5)),
    };
    let options = Options {
        dial: Arc::new(dial),
        time: Arc::new(At(NOW)),
        deadline: Duration::from_secs(10),
    };
    let client = connect(&authority.client_of(&authority), &options)
        .await
        .expect("both sides accept");
    client.version().await.expect("answers at first");
    let error = client.etcd_members().await.expect_err("breaks");
    assert!(
        matches!(
            error,
            Error::Lost {
                method: "EtcdMemberList",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.is_outcome_unknown());
    let error = client.version().await.expect_err("stays broken");
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_and_a_closed_port_are_different() {
    struct Silent;
    impl Dial for Silent {
        fn dial<'a>(&'a self, _: &'a Endpoint) -> Dialing<'a> {
            Box::pin(std::future::pending())
        }
    }
    struct Closed;
    impl Dial for Closed {
        fn dial<'a>(&'a self, _: &'a Endpoint) -> Dialing<'a> {
            Box::pin(async { Err(std::io::ErrorKind::ConnectionRefused.into()) })
        }
    }
    let with = |dial: Arc<dyn Dial>| Options {
        dial,
        ..Options::default()
    };
    let error = connect(&anyone(), &with(Arc::new(Silent)))
        .await
        .expect_err("silent");
    assert!(
        matches!(
            error,
            Error::Deadline {
                method: "connect",
                ..
            }
        ),
        "{error:?}"
    );
    let error = connect(&anyone(), &with(Arc::new(Closed)))
        .await
        .expect_err("closed");
    assert_eq!(error.to_string(), "cannot reach `10.0.0.1:50000`");
    assert!(!error.is_outcome_unknown());
}

#[tokio::test]
async fn refusals_keep_their_code_and_words_and_the_target() {
    let client = configured(node()).await;
    let error = client.bootstrap().await.expect_err("refused");
    assert_eq!(error.code(), Some(Code::AlreadyExists));
    assert_eq!(
        error.to_string(),
        "`10.0.0.1:50000` refused `Bootstrap`: asked for None (AlreadyExists)"
    );
    let other = client.for_node("10.0.0.2").expect("a node");
    let error = other.bootstrap().await.expect_err("refused");
    assert!(
        error.to_string().contains("Some(Ok(\"10.0.0.2\"))"),
        "{error}"
    );
    let error = client.services().await.expect_err("not there");
    assert_eq!(error.code(), Some(Code::Unimplemented));
    assert!(client.for_node("a\nb").is_err());
}

#[tokio::test]
async fn a_failure_inside_a_forwarded_reply_is_a_failure() {
    let failed = wire::Version {
        metadata: Some(common::Metadata {
            hostname: "10.0.0.2".to_owned(),
            error: "rpc error: code = PermissionDenied desc = not authorized".to_owned(),
            status: Some(rpc::Status {
                code: 7,
                message: "not authorized".to_owned(),
                details: Vec::new(),
            }),
        }),
        ..Default::default()
    };
    let versions = vec![failed];
    let error = configured(Node { versions }).await.version().await;
    assert_eq!(
        error.expect_err("failed").code(),
        Some(Code::PermissionDenied)
    );
    for count in [0, 2] {
        let versions = vec![v1_13_9(); count];
        let error = configured(Node { versions }).await.version().await;
        assert!(matches!(error, Err(Error::Malformed { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_kubeconfig_comes_in_pieces() {
    let client = configured(node()).await;
    assert_eq!(client.kubeconfig().await.expect("whole"), "kind: Config\n");
}
