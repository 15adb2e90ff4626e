//! The `v1alpha1` document, and the documents about the machine itself.

use serde_json::{Map, Value, json};

use super::Options;
use crate::render::talos::Contract;
use crate::render::talos::forms::document;
use crate::render::talos::secrets::bundle;
use crate::spec::cluster::Role;

/// Talos' public discovery service.
const DISCOVERY: &str = "https://discovery.talos.dev/";
/// How often the generator has file systems tell their disk what is free.
const TRIM_INTERVAL: &str = "168h0m0s";

/// What no document says. Keys whose value is nothing keep the usual order for what is moved in; those
/// that stay without a value are left out.
pub(super) fn v1alpha1(contract: Contract, options: &Options) -> Value {
    let control_plane = options.role == Role::ControlPlane;
    let mut main = json!({
        "version": "v1alpha1",
        "debug": false,
        "persist": true,
        "machine": {
            "type": if control_plane { "controlplane" } else { "worker" },
            "token": bundle("trustdinfo.token"),
            "ca": authority("certs.os", control_plane),
            "certSANs": options.sans,
            "kubelet": null,
            "network": null,
            "install": null,
            "sysctls": null,
            "registries": null,
            "features": {"rbac": null, "stableHostname": null, "apidCheckExtKeyUsage": null, "diskQuotaSupport": true,
                "kubePrism": null,
                "hostDNS": null,
            },
            "nodeLabels": null,
        },
        "cluster": {
            "id": null, "secret": null, "controlPlane": null, "clusterName": null, "network": null,
            "token": bundle("secrets.bootstraptoken"),
            "secretboxEncryptionSecret": null, "ca": null, "aggregatorCA": null, "serviceAccount": null,
            "apiServer": null, "controllerManager": null, "proxy": null, "scheduler": null,
            "discovery": null, "etcd": null, "extraManifests": null,
        },
    });
    if control_plane {
        main["cluster"]["etcd"] = json!({"ca": authority("certs.etcd", true)});
    }
    if contract < Contract::V1_14 {
        legacy(&mut main, contract, options);
    }
    main
}

/// The defaults that generators before 1.14 wrote into the `v1alpha1` document.
fn legacy(main: &mut Value, contract: Contract, options: &Options) {
    let control_plane = options.role == Role::ControlPlane;
    main["machine"]["install"] = install(contract, options);
    main["machine"]["kubelet"] = json!({
        "image": null, "defaultRuntimeSeccompProfileEnabled": null, "disableManifestsDirectory": true,
    });
    if contract <= Contract::V1_12 {
        main["machine"]["network"] = json!({});
    }
    if contract <= Contract::V1_11 {
        main["machine"]["features"]["rbac"] = json!(true);
        main["machine"]["features"]["apidCheckExtKeyUsage"] = json!(true);
    }
    if contract < Contract::V1_14Alpha {
        main["cluster"]["discovery"] = json!({
            "enabled": false,
            "registries": {"kubernetes": {"disabled": true}, "service": {}},
        });
    }
    if !control_plane {
        let cni = options
            .cni_manifest
            .as_ref()
            .filter(|_| contract < Contract::V1_14Alpha);
        if let Some(url) = cni {
            main["cluster"]["network"] = json!({"cni": {"name": "custom", "urls": [url]}});
        }
        return;
    }
    if contract < Contract::V1_14Alpha {
        main["cluster"]["apiServer"] = json!({"image": null, "certSANs": null});
    }
    if contract <= Contract::V1_11 {
        main["cluster"]["apiServer"]["disablePodSecurityPolicy"] = json!(true);
    }
    if options.schedulable {
        main["cluster"]["allowSchedulingOnControlPlanes"] = json!(true);
    }
    if let (Contract::V1_14Alpha, Some(url)) = (contract, &options.cni_manifest) {
        main["cluster"]["extraManifests"] = json!([url]);
    }
}

fn install(contract: Contract, options: &Options) -> Value {
    let mut install = Map::new();
    let mut insert = |key: &str, value: Option<Value>| {
        install.extend(value.map(|value| (key.to_owned(), value)));
    };
    let arguments = &options.extra_kernel_args;
    insert(
        "disk",
        options.install_disk.as_ref().map(|disk| json!(disk)),
    );
    insert(
        "extraKernelArgs",
        (!arguments.is_empty()).then(|| json!(arguments)),
    );
    insert(
        "image",
        options.install_image.as_ref().map(|image| json!(image)),
    );
    insert("wipe", Some(json!(false)));
    insert(
        "grubUseUKICmdline",
        (contract >= Contract::V1_12).then(|| json!(true)),
    );
    Value::Object(install)
}

/// The documents that say the same on every node.
pub(super) fn documents(contract: Contract, options: &Options) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut add = |wanted: bool, kind: &str, content: Value| {
        documents.extend(wanted.then(|| document(kind, content)));
    };
    let discovery = json!({"name": "default", "endpoint": DISCOVERY});
    add(options.discovery, "DiscoveryServiceConfig", discovery);
    let identity =
        json!({"clusterID": bundle("cluster.id"), "clusterSecret": bundle("cluster.secret")});
    add(true, "DiscoveryIdentityConfig", identity);
    if let Some(disk) = options
        .install_disk
        .as_ref()
        .filter(|_| contract >= Contract::V1_14)
    {
        let matched = format!("disk.dev_path == {}", json!(disk));
        add(
            true,
            "UnattendedInstallConfig",
            unattended_install(options.install_image.as_deref(), &matched),
        );
    }
    let host_dns = json!({"hostDNS": {"enabled": true, "forwardKubeDNSToHost": true}});
    add(true, "ResolverConfig", host_dns);
    let sysctls = &options.sysctls;
    add(
        !sysctls.is_empty(),
        "SysctlConfig",
        json!({"params": sysctls}),
    );
    let ephemeral = json!({"name": "EPHEMERAL", "mount": {"secure": true}});
    add(contract >= Contract::V1_14, "VolumeConfig", ephemeral);
    let trim = json!({"interval": TRIM_INTERVAL});
    add(
        contract >= Contract::V1_14Alpha,
        "FilesystemTrimConfig",
        trim,
    );
    let isolation = json!({"workloadIsolation": true});
    add(
        contract >= Contract::V1_14,
        "SecurityProfileConfig",
        isolation,
    );
    for (host, urls) in &options.mirrors {
        let endpoints: Vec<_> = urls.iter().map(|url| json!({"url": url})).collect();
        add(
            true,
            "RegistryMirrorConfig",
            json!({"name": host, "endpoints": endpoints}),
        );
    }
    add(true, "HostnameConfig", json!({"auto": "stable"}));
    add(
        options.kube_span,
        "KubeSpanConfig",
        json!({"enabled": true}),
    );
    documents
}

/// Returns how 1.14 installs itself. Talos would wipe the whole disk unless told otherwise.
pub(crate) fn unattended_install(image: Option<&str>, matched: &str) -> Value {
    json!({
        "installer": image.map_or_else(|| json!({}), |image| json!({"image": image})),
        "provisioning": {"diskSelector": {"match": matched}, "wipe": false},
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
