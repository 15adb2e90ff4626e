//! The documents about Kubernetes.

use serde_json::{Value, json};

use super::{Options, endpoint_url};
use crate::render::talos::Contract;
use crate::render::talos::forms::document;
use crate::render::talos::secrets::{bundle, bundle_pem};
use crate::spec::cluster::Role;

/// What outside load balancers look at; the generator keeps control planes out of them.
const EXCLUDED_FROM_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// The label and the taint of control planes. Before 1.14 Talos sets them by itself.
pub(crate) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
/// Where every node finds the Kubernetes API.
const KUBE_PRISM_PORT: u16 = 7445;
/// The port of flannel's VXLAN.
const FLANNEL_PORT: u16 = 4789;

/// The documents that every node has.
pub(super) fn documents(options: &Options) -> Vec<Value> {
    let control_plane = options.role == Role::ControlPlane;
    let mut node = json!({"nodeIP": {}});
    if control_plane {
        node["labels"] = json!({CONTROL_PLANE: "", EXCLUDED_FROM_BALANCERS: ""});
        if !options.schedulable {
            node["taints"] = json!({CONTROL_PLANE: "NoSchedule"});
        }
    }
    let authority = if control_plane {
        json!({"issuingCA": issuing("certs.k8s")})
    } else {
        json!({"acceptedCAs": [bundle_pem("certs.k8s.crt")]})
    };
    let kubelet = json!({
        "image": format!("ghcr.io/siderolabs/kubelet:v{}", options.kubernetes),
        "config": {},
        "defaultRuntimeSeccompProfileEnabled": true,
    });
    let network = json!({
        "dnsDomain": options.dns_domain,
        "podSubnets": options.pods,
        "serviceSubnets": options.services,
    });
    let cluster =
        json!({"clusterName": options.cluster_name, "endpoint": endpoint_url(&options.endpoint)});
    vec![
        document("KubeClusterConfig", cluster),
        document("KubeNodeConfig", node),
        document("KubeletConfig", kubelet),
        document("KubeNetworkConfig", network),
        document("KubeAPIServerCAConfig", authority),
        document("KubePrismConfig", json!({"port": KUBE_PRISM_PORT})),
    ]
}

/// The documents of control planes.
pub(super) fn control_plane(contract: Contract, options: &Options) -> Vec<Value> {
    let image = |program: &str| format!("registry.k8s.io/{program}:v{}", options.kubernetes);
    let issuer = json!({
        "privateKey": bundle_pem("certs.k8sserviceaccount.key"),
        "issuerURL": endpoint_url(&options.endpoint),
    });
    let mut documents = vec![
        document(
            "KubeAggregatorCAConfig",
            json!({"issuingCA": issuing("certs.k8saggregator")}),
        ),
        document("KubeAdmissionControlConfig", pod_security()),
        document(
            "KubeAuditPolicyConfig",
            json!({"configuration": audit_policy()}),
        ),
        document(
            "KubeAuthenticationConfig",
            json!({"configuration": authentication()}),
        ),
        document(
            "KubeAuthorizerConfig",
            json!({"name": "node", "type": "Node"}),
        ),
        document(
            "KubeAuthorizerConfig",
            json!({"name": "rbac", "type": "RBAC"}),
        ),
        document(
            "KubeEtcdEncryptionConfig",
            json!({"config": encryption(contract)}),
        ),
        document("KubeServiceAccountConfig", json!({"issuer": issuer})),
        document(
            "KubeAPIServerConfig",
            api_server(contract, options, &image("kube-apiserver")),
        ),
        document(
            "KubeControllerManagerConfig",
            json!({"image": image("kube-controller-manager")}),
        ),
        document(
            "KubeSchedulerConfig",
            json!({"image": image("kube-scheduler"), "config": {}}),
        ),
        document(
            "KubeProxyConfig",
            json!({"image": image("kube-proxy"), "config": {}}),
        ),
    ];
    if options.cni_manifest.is_none() {
        let flannel = json!({"backendType": "vxlan", "backendPort": FLANNEL_PORT});
        documents.push(document("KubeFlannelCNIConfig", flannel));
    }
    if contract >= Contract::V1_14 {
        documents.push(document("KubeCoreDNSConfig", json!({"enabled": true})));
    }
    if let Some(url) = options
        .cni_manifest
        .as_ref()
        .filter(|_| contract != Contract::V1_14Alpha)
    {
        documents.push(document(
            "KubeExternalManifestConfig",
            json!({"name": "custom-cni", "url": url}),
        ));
    }
    documents
}

fn issuing(path: &str) -> Value {
    json!({"cert": bundle_pem(&format!("{path}.crt")), "key": bundle_pem(&format!("{path}.key"))})
}

fn api_server(contract: Contract, options: &Options, image: &str) -> Value {
    let mut server = json!({"image": image});
    if let Some(port) = options.api_port {
        server["apiPort"] = json!(port);
    }
    let mut sans = options.sans.clone();
    // Later releases add the endpoint's host by themselves.
    if contract <= Contract::V1_11 {
        sans.insert(0, options.endpoint.host.clone());
    }
    // The pre-release loses them.
    if !sans.is_empty() && contract != Contract::V1_14Alpha {
        server["certExtraSANs"] = json!(sans);
    }
    server
}

/// The key's name is part of what etcd stores, so it is that of the releases before.
fn encryption(contract: Contract) -> Value {
    let name = if contract == Contract::V1_14Alpha {
        "key1"
    } else {
        "key2"
    };
    let key = json!({"name": name, "secret": bundle("secrets.secretboxencryptionsecret")});
    json!({"resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}]}]})
}

fn audit_policy() -> Value {
    json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]})
}

/// Nobody without a name may ask more than whether the server is well.
fn authentication() -> Value {
    let paths = ["/livez", "/readyz", "/healthz"].map(|path| json!({"path": path}));
    json!({"anonymous": {"enabled": true, "conditions": paths}, "jwt": []})
}

fn pod_security() -> Value {
    json!({
        "name": "PodSecurity",
        "configuration": {
            "apiVersion": "pod-security.admission.config.k8s.io/v1alpha1",
            "kind": "PodSecurityConfiguration",
            "defaults": {
                "enforce": "baseline",
                "enforce-version": "latest",
                "audit": "restricted",
                "audit-version": "latest",
                "warn": "restricted",
                "warn-version": "latest",
            },
            "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": ["kube-system"]},
        },
    })
}
