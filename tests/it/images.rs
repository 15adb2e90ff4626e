//! Lists of images: against what Talos itself lists, and as people and programs read them.

use std::collections::BTreeSet;
use std::process::Command;

use homelab::catalog::Catalog;
use homelab::model::Version;
use homelab::render::images::{Inventory, inventory};
use homelab::spec::cluster::{Arch, Cluster, Patch};
use serde_json::{Value, json};

use crate::support::clusters::talos;
use crate::support::{Case, TestEnv, cases, realparts};

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        a_plain_list_has_images_and_charts_and_says_what_it_lacks,
        every_image_says_who_needs_it_and_for_which_processor,
        what_a_release_does_without_is_not_listed,
        a_patched_image_takes_the_place_of_the_default,
        machines_are_booted_with_what_their_image_has,
    ];
    all.push(
        Case::new(
            "kubernetes_images_are_those_that_talosctl_lists",
            as_talosctl,
        )
        .parts(&["talosctl"]),
    );
    all
}

fn found(cluster: &Cluster) -> Inventory {
    inventory(cluster, &Catalog::embedded().unwrap()).unwrap()
}

fn of_kubernetes(found: &Inventory) -> BTreeSet<&str> {
    let images = found.images.iter();
    let images = images.filter(|image| image.needed_by.contains("Kubernetes"));
    images.map(|image| image.reference.as_str()).collect()
}

fn patched(content: Value) -> Cluster {
    let mut cluster = talos();
    cluster.patches.all.push(Patch {
        content,
        ..Patch::default()
    });
    cluster
}

fn as_talosctl() {
    let cluster = patched(json!({"cluster": {"network": {"cni": {
        "name": "flannel", "flannel": {"kubeNetworkPoliciesEnabled": true}}}}}));
    let mut command = Command::new(realparts::program("talosctl", "talosctl"));
    let kubernetes = cluster.kubernetes.to_string();
    command.args(["image", "k8s-bundle", "--k8s-version", &kubernetes]);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let expected: BTreeSet<&str> = printed.split_whitespace().collect();
    assert!(expected.len() > 8, "{printed}");
    assert_eq!(of_kubernetes(&found(&cluster)), expected);
}

fn repository() -> TestEnv {
    let env = TestEnv::new();
    let spec = include_str!("../../homelab.yaml");
    env.write("homelab.yaml", spec);
    env
}

fn a_plain_list_has_images_and_charts_and_says_what_it_lacks() {
    let run = repository().homelab(["images", "--plain"]).run().success();
    let expected = "\
docker.io/alpine/helm:4.3.0@sha256:a6cf54599ccb99d90cf0712b30f03fdb3cab062e6b94e0418cc4db7e8a1464b2
docker.io/nginxinc/nginx-unprivileged:1.29.5-alpine
factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.13.9
ghcr.io/controlplaneio-fluxcd/charts/flux-operator:0.58.1
ghcr.io/siderolabs/kubelet:v1.36.4
quay.io/cilium/charts/cilium:1.20.1
quay.io/jetstack/charts/cert-manager:v1.21.1
registry.k8s.io/coredns/coredns:v1.14.6
registry.k8s.io/etcd:v3.6.12
registry.k8s.io/kube-apiserver:v1.36.4
registry.k8s.io/kube-controller-manager:v1.36.4
registry.k8s.io/kube-scheduler:v1.36.4
registry.k8s.io/pause:3.10.1
";
    assert_eq!(run.stdout, expected);
    for lacking in [
        "`ghcr.io/fluxcd/source-controller` is not in the list: flux-operator takes the tag that Flux 2.9.x has",
        "the images of chart `cilium` are not in the list: `helm template oci://quay.io/cilium/charts/cilium --version 1.20.1 | grep image:` shows them",
        "the images of chart `kube-vip` are not in the list: `helm template kube-vip --repo https://kube-vip.github.io/helm-charts --version 0.9.9 | grep image:` shows them",
    ] {
        assert!(run.stderr.contains(lacking), "{lacking}\n{}", run.stderr);
    }
}

fn every_image_says_who_needs_it_and_for_which_processor() {
    let mut cluster = talos();
    cluster.nodes[3].arch = Arch::Arm64;
    let found = serde_json::to_value(found(&cluster)).unwrap();
    let image = |part: &str| {
        let images = found["images"].as_array().unwrap().iter();
        let mut images = images.filter(|image| image["reference"].as_str().unwrap().contains(part));
        let image = images.next().unwrap();
        assert!(images.next().is_none(), "{part}");
        image
    };
    assert_eq!(
        image("/metal-installer/"),
        &json!({
            "reference": "factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.13.9",
            "digest": null,
            "architectures": ["amd64", "arm64"],
            "neededBy": ["talos-1", "talos-2", "talos-3", "worker-1"],
        })
    );
    assert_eq!(image("kube-apiserver")["architectures"], json!(["amd64"]));
    assert_eq!(
        image("kube-proxy")["architectures"],
        json!(["amd64", "arm64"])
    );
}

/// Cilium takes the place of flannel and kube-proxy, in the fields of 1.13 and in the documents of 1.14.
fn what_a_release_does_without_is_not_listed() {
    for version in [Version::new(1, 13, 9), Version::new(1, 14, 0)] {
        let text = include_str!("../../homelab.yaml").replace("v1.13.9", &version.to_string());
        let catalog = Catalog::embedded().unwrap();
        let mut cluster = homelab::spec::load("homelab.yaml", &text, &catalog)
            .cluster
            .unwrap();
        let mut worker = cluster.nodes[2].clone();
        worker.role = homelab::spec::cluster::Role::Worker;
        cluster.nodes.push(worker);
        let found = found(&cluster);
        let images = of_kubernetes(&found);
        let without = |part: &str| !images.iter().any(|image| image.contains(part));
        assert!(
            without("kube-proxy") && without("flannel"),
            "{version}: {images:?}"
        );
        assert!(
            !without("kube-scheduler:v1.36.4") && !without("kubelet:v1.36.4"),
            "{version}: {images:?}"
        );
        let stand_in = (version == Version::new(1, 14, 0)).then_some("v1.14.0-rc.1");
        let etcd = found
            .images
            .iter()
            .find(|image| image.reference.contains("/etcd:"))
            .unwrap();
        assert_eq!(etcd.assumed_from.as_deref(), stand_in);
    }
}

fn a_patched_image_takes_the_place_of_the_default() {
    let digest = "sha256:a6cf54599ccb99d90cf0712b30f03fdb3cab062e6b94e0418cc4db7e8a1464b2";
    let mine = format!("registry.homelab.local/etcd:3@{digest}");
    let mut cluster = patched(json!({"cluster": {"etcd": {"image": mine}}}));
    cluster.nodes.truncate(3);
    let found = found(&cluster);
    let images: Vec<_> = found
        .images
        .iter()
        .filter(|image| image.reference.contains("/etcd:"))
        .collect();
    let [image] = images.as_slice() else {
        panic!("{images:?}");
    };
    assert_eq!(
        (image.reference.as_str(), image.digest.as_deref()),
        (mine.as_str(), Some(digest))
    );
}

fn machines_are_booted_with_what_their_image_has() {
    let env = repository();
    let board = "- name: talos-3\n      arch: arm64\n      image: {overlay: {name: rpi_generic}}\n";
    let spec = env.read("homelab.yaml");
    env.write("homelab.yaml", spec.replacen("- name: talos-3\n", board, 1));
    let run = env.homelab(["images", "--media"]).run().success();
    let expected = "\
talos-1, talos-2 (Talos v1.13.9, amd64)
  schematic  376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba
  installer  factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.13.9
  cmdline    https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/cmdline-metal-amd64
  diskImage  https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/metal-amd64.raw.zst
  initramfs  https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/initramfs-amd64.xz
  iso        https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/metal-amd64.iso
  kernel     https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/kernel-amd64
  pxe        https://pxe.talos.dev/pxe/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/metal-amd64
  uki        https://factory.talos.dev/image/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba/v1.13.9/metal-amd64-uki.efi
  The factory is told once:
    curl -X POST --data-binary @- https://factory.talos.dev/schematics <<'END'
customization: {}
END

talos-3 (Talos v1.13.9, arm64)
  schematic  ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9
  installer  factory.talos.dev/metal-installer/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9:v1.13.9
  cmdline    https://factory.talos.dev/image/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9/v1.13.9/cmdline-metal-arm64
  diskImage  https://factory.talos.dev/image/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9/v1.13.9/metal-arm64.raw.xz
  initramfs  https://factory.talos.dev/image/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9/v1.13.9/initramfs-arm64.xz
  kernel     https://factory.talos.dev/image/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9/v1.13.9/kernel-arm64
  uki        https://factory.talos.dev/image/ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9/v1.13.9/metal-arm64-uki.efi
  The factory is told once:
    curl -X POST --data-binary @- https://factory.talos.dev/schematics <<'END'
overlay:
    image: siderolabs/sbc-raspberrypi
    name: rpi_generic
customization: {}
END
";
    assert_eq!(run.stdout, expected);
}
