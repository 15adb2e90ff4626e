//! The generator's output under the contract of Talos 1.13.

use serde_json::{Map, Value, json};

use super::Options;
use crate::render::talos::secrets::bundle;
use crate::spec::cluster::Role;

/// What outside load balancers look at; the generator keeps control planes out of them.
const EXCLUDED_FROM_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

pub(super) fn generate(options: &Options) -> Vec<Value> {
    let config = json!({
        "version": "v1alpha1",
        "debug": false,
        "persist": true,
        "machine": machine(options),
        "cluster": cluster(options),
    });
    vec![
        config,
        json!({"apiVersion": "v1alpha1", "kind": "HostnameConfig", "auto": "stable"}),
    ]
}

fn machine(options: &Options) -> Value {
    let control_plane = options.role == Role::ControlPlane;
    let mut machine = json!({
        "type": if control_plane { "controlplane" } else { "worker" },
        "token": bundle("trustdinfo.token"),
        "ca": authority("certs.os", control_plane),
        "certSANs": options.sans,
        "kubelet": {
            "image": format!("ghcr.io/siderolabs/kubelet:v{}", options.kubernetes),
            "defaultRuntimeSeccompProfileEnabled": true,
            "disableManifestsDirectory": true,
        },
        "install": install(options),
        "features": {
            "diskQuotaSupport": true,
            "kubePrism": {"enabled": true, "port": 7445},
            "hostDNS": {"enabled": true, "forwardKubeDNSToHost": true},
        },
    });
    if control_plane {
        machine["nodeLabels"] = json!({EXCLUDED_FROM_BALANCERS: ""});
    }
    machine
}

fn install(options: &Options) -> Value {
    let mut install = Map::new();
    if let Some(disk) = &options.install_disk {
        install.insert("disk".to_owned(), json!(disk));
    }
    install.insert("image".to_owned(), json!(options.install_image));
    install.insert("wipe".to_owned(), json!(false));
    install.insert("grubUseUKICmdline".to_owned(), json!(true));
    Value::Object(install)
}

fn cluster(options: &Options) -> Value {
    let control_plane = options.role == Role::ControlPlane;
    let mut cluster = json!({
        "id": bundle("cluster.id"),
        "secret": bundle("cluster.secret"),
        "controlPlane": {"endpoint": options.endpoint},
        "clusterName": options.cluster_name,
        "network": {
            "dnsDomain": options.dns_domain,
            "podSubnets": options.pods,
            "serviceSubnets": options.services,
        },
        "token": bundle("secrets.bootstraptoken"),
    });
    if control_plane {
        cluster["secretboxEncryptionSecret"] = bundle("secrets.secretboxencryptionsecret");
    }
    cluster["ca"] = authority("certs.k8s", control_plane);
    if control_plane {
        cluster["aggregatorCA"] = authority("certs.k8saggregator", true);
        cluster["serviceAccount"] = json!({"key": bundle("certs.k8sserviceaccount.key")});
        cluster["apiServer"] = api_server(options);
        for (key, program) in [
            ("controllerManager", "kube-controller-manager"),
            ("proxy", "kube-proxy"),
            ("scheduler", "kube-scheduler"),
        ] {
            cluster[key] = json!({"image": kubernetes_image(program, options)});
        }
    }
    cluster["discovery"] = json!({
        "enabled": true,
        "registries": {"kubernetes": {"disabled": true}, "service": {}},
    });
    if control_plane {
        cluster["etcd"] = json!({"ca": authority("certs.etcd", true)});
        if options.schedulable {
            cluster["allowSchedulingOnControlPlanes"] = json!(true);
        }
    }
    cluster
}

fn api_server(options: &Options) -> Value {
    let mut server = Map::new();
    let image = kubernetes_image("kube-apiserver", options);
    server.insert("image".to_owned(), json!(image));
    if !options.sans.is_empty() {
        server.insert("certSANs".to_owned(), json!(options.sans));
    }
    server.insert("admissionControl".to_owned(), json!([pod_security()]));
    server.insert(
        "auditPolicy".to_owned(),
        json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}),
    );
    Value::Object(server)
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

/// Workers trust an authority without holding its key.
fn authority(path: &str, with_key: bool) -> Value {
    let key = if with_key {
        bundle(&format!("{path}.key"))
    } else {
        json!("")
    };
    json!({"crt": bundle(&format!("{path}.crt")), "key": key})
}

fn kubernetes_image(program: &str, options: &Options) -> String {
    format!("registry.k8s.io/{program}:v{}", options.kubernetes)
}
