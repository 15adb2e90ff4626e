//! Settings that Talos takes and that lead people into trouble.

use serde_json::Value;

use super::{Finding, Subject, at, of_kind};
use crate::spec::Code;

/// Every trap.
pub(super) fn all(subject: &Subject<'_>) -> Vec<Finding> {
    let traps = [
        installer(subject),
        discovery(subject),
        certificates(subject),
        login(subject),
    ];
    traps.into_iter().flatten().collect()
}

/// An image of the plain installer has none of the extensions and kernel arguments.
fn installer(subject: &Subject<'_>) -> Option<Finding> {
    let path = match subject.kind() {
        None => "machine.install.image",
        Some("UnattendedInstallConfig") => "installer.image",
        Some(_) => return None,
    };
    let image = subject.at(path)?.as_str()?;
    let own = &subject.node.image;
    let wanted = !own.extensions.is_empty() || !own.kernel_args.is_empty();
    let has_schematic = image
        .split(['/', ':'])
        .any(|part| part.len() == 64 && part.chars().all(|letter| letter.is_ascii_hexdigit()));
    (wanted && !has_schematic).then(|| {
        Finding::new(Code::PlainInstaller, format!("`{image}` has none of the extensions and kernel arguments of the spec"))
            .at(path)
            .label("an image without a schematic")
            .help("remove it: the image is computed from `image` of the spec and the release; mirror it with `registries.mirrors`")
    })
}

/// Nodes of Kubernetes 1.32 and later may not write what this kind of discovery keeps.
fn discovery(subject: &Subject<'_>) -> Option<Finding> {
    let path = "cluster.discovery.registries.kubernetes.disabled";
    (subject.kind().is_none() && subject.at(path) == Some(&Value::Bool(false))).then(|| {
        Finding::new(Code::KubernetesDiscovery, "discovery through Kubernetes does not work since Kubernetes 1.32")
            .at(path)
            .label("nodes may not write it any more")
            .help("remove it, and leave the discovery service on; or `discovery: false` where nodes need not find each other")
    })
}

/// The kubelet asks for a certificate that somebody must approve.
fn certificates(subject: &Subject<'_>) -> Option<Finding> {
    let path = match subject.kind() {
        None => "machine.kubelet.extraArgs.rotate-server-certificates",
        Some("KubeletConfig") => "extraArgs.rotate-server-certificates",
        Some(_) => return None,
    };
    let value = subject.at(path)?;
    let on = value == &Value::Bool(true) || value == "true" || value[0] == "true";
    let approved = subject
        .cluster
        .components
        .iter()
        .chain(&subject.cluster.apps);
    let approved = approved
        .into_iter()
        .any(|component| component.name.contains("csr-approver"));
    let inline = of_kind(subject.documents, None)
        .and_then(|main| at(main, "cluster.extraManifests"))
        .is_some_and(|manifests| manifests.to_string().contains("approver"));
    (on && !approved && !inline).then(|| {
        Finding::new(Code::UnapprovedCertificates, "nobody approves the server certificates that kubelets ask for")
            .at(path)
            .label("logs, `exec` and metrics fail until they are approved")
            .help("remove it, or bring an approver, such as kubelet-csr-approver, into the cluster and accept this warning")
    })
}

/// A login is found by the host that is asked, which is the mirror's.
fn login(subject: &Subject<'_>) -> Option<Finding> {
    if subject.kind() != Some("RegistryAuthConfig") {
        return None;
    }
    let host = subject.at("name")?.as_str()?;
    let mirror = subject.documents.iter().find(|document| {
        document["kind"] == "RegistryMirrorConfig"
            && document["name"] == host
            && document["skipFallback"] == true
    })?;
    let endpoints: Vec<_> = mirror["endpoints"]
        .as_array()?
        .iter()
        .filter_map(|endpoint| endpoint["url"].as_str())
        .collect();
    let own = endpoints
        .iter()
        .any(|url| url.contains(&format!("://{host}")));
    (!own && !endpoints.is_empty()).then(|| {
        Finding::new(
            Code::LoginOfMirrored,
            format!("the login for `{host}` is never used"),
        )
        .at("name")
        .label(format!("`{}` answers in its place", endpoints.join("`, `")))
        .help("name the login after the host of the mirror's URL")
    })
}
