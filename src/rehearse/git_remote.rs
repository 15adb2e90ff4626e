//! The working tree as a Git remote: as much of smart HTTP as a look at a branch needs.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};

use super::controllers::Remote;
use crate::connect::Stream;
use crate::model::{FileTree, hexadecimal};
use crate::spec::Cluster;
use crate::spec::cluster::GitOps;

/// Makes the repository of a cluster that holds a tree.
pub(super) fn of(cluster: &Cluster, tree: FileTree) -> Remote {
    let GitOps::Flux(flux) = &cluster.gitops;
    Remote {
        url: flux.url.clone(),
        branch: flux.branch.clone(),
        commit: commit_of(&tree),
        tree,
        ..Remote::default()
    }
}

/// Names a tree as a commit would be named. The name follows from the content alone.
fn commit_of(tree: &FileTree) -> String {
    let mut hash = Sha256::new();
    for (path, file) in tree.iter() {
        hash.update(path.as_str());
        hash.update([0]);
        hash.update(file.bytes.len().to_le_bytes());
        hash.update(&file.bytes);
    }
    let digest = hash.finalize();
    hexadecimal(&digest[..20])
}

/// Serves one connection.
pub(super) async fn serve(remote: Arc<Remote>, stream: Box<dyn Stream>) -> io::Result<()> {
    let service = service_fn(move |request| {
        let answer = answer(&remote, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

fn answer(remote: &Remote, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_advertisement = request.uri().path().ends_with("/info/refs")
        && request.uri().query() == Some("service=git-upload-pack");
    if !is_advertisement {
        let mut response = Response::new(Full::new(Bytes::from_static(
            b"a rehearsal's remote shows its branch; it cannot be cloned\n",
        )));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let mut response = Response::new(Full::new(Bytes::from(advertisement(remote))));
    let kind = http::HeaderValue::from_static("application/x-git-upload-pack-advertisement");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

/// Writes what a server tells of its references (gitprotocol-http, "Smart Server Response").
fn advertisement(remote: &Remote) -> String {
    let Remote { commit, branch, .. } = remote;
    let head = format!("{commit} HEAD\0symref=HEAD:refs/heads/{branch} agent=git/rehearsal\n");
    let lines = [head, format!("{commit} refs/heads/{branch}\n")];
    let refs: String = lines.iter().map(|line| packet(line)).collect();
    format!("{}0000{refs}0000", packet("# service=git-upload-pack\n"))
}

fn packet(line: &str) -> String {
    format!("{:04x}{line}", line.len() + 4)
}
