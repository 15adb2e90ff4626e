//! The table of known symptoms: part of what is seen, what it means, what to try.
//!
//! The words are those of Talos 1.13, etcd 3.6, Kubernetes 1.36 and Flux 2.9, in lower case, and
//! those of this program. `NODE` is the machine or machines in question, with commas, `NODES` the
//! same with spaces; `KIND`, `NAMESPACE` and `NAME` are the object's that the sentence begins with.

/// Of what a symptom tells something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// Machines, their configuration and etcd.
    Machine,
    /// The Kubernetes API and its nodes.
    Kubernetes,
    /// Objects in Kubernetes, what Git brings above all.
    Object,
}

/// One known symptom.
pub(super) struct Symptom {
    pub(super) domain: Domain,
    /// Any of these is in what was seen.
    pub(super) seen: &'static [&'static str],
    pub(super) cause: &'static str,
    pub(super) command: &'static str,
}

const fn machine(
    seen: &'static [&'static str],
    cause: &'static str,
    command: &'static str,
) -> Symptom {
    Symptom {
        domain: Domain::Machine,
        seen,
        cause,
        command,
    }
}

const fn kubernetes(
    seen: &'static [&'static str],
    cause: &'static str,
    command: &'static str,
) -> Symptom {
    Symptom {
        domain: Domain::Kubernetes,
        seen,
        cause,
        command,
    }
}

const fn object(
    seen: &'static [&'static str],
    cause: &'static str,
    command: &'static str,
) -> Symptom {
    Symptom {
        domain: Domain::Object,
        seen,
        cause,
        command,
    }
}

/// Tried in order; the first of its domain that matches is reported.
pub(super) const SYMPTOMS: &[Symptom] = &[
    machine(
        &["is not in the connection map"],
        "the file that `--connect-map` names does not lead to the machine",
        "add the target to that file, or leave `--connect-map` out where the machine is reached directly",
    ),
    machine(
        &["time is not in sync", "time: not synced"],
        "the node cannot reach its time server",
        "talosctl -n NODE get timestatus; check `network.timeServers` and that UDP port 123 is open",
    ),
    machine(
        &["not valid yet", "has expired"],
        "the clocks of the machine and of this computer differ",
        "compare the machine's console with `date`; set the clock that is wrong",
    ),
    machine(
        &[
            "unknown authority",
            "other secrets",
            "unknown issuer",
            "authority did not sign",
        ],
        "the machine and this directory's bundle belong to two clusters: one of them is not the one that is meant",
        "compare directory, bundle and address with the cluster that is meant; its own bundle comes back from Git, a backup or a control plane (`homelab secrets init --from-controlplane-config controlplane.yaml`); reset the machine (boot it with `talos.experimental.wipe=system`) only if nothing on it is needed",
    ),
    machine(
        &["still in maintenance", "maintenance mode"],
        "the machine started from its boot medium again instead of its disk",
        "remove the boot medium or put the disk first in the boot order, then restart the machine",
    ),
    machine(
        &[
            "internal error",
            "broke off the tls handshake",
            "tls handshake failed",
        ],
        "the machine has no certificate yet: a worker gets it from a control plane, at port 50001 of the cluster's endpoint",
        "check that the endpoint of homelab.yaml leads to a control plane; look at the console of NODE",
    ),
    machine(
        &["no disks matched"],
        "no disk of the machine is the one that homelab.yaml names",
        "homelab nodes list; correct `disk` of the node in homelab.yaml",
    ),
    machine(
        &[
            "manifest unknown",
            "failed to pull",
            "pull access denied",
            "404 not found",
        ],
        "an image does not exist under its name, or its registry cannot be reached from the machine",
        "look at the console of NODE for the image's name; check the schematic and `network.nameservers`",
    ),
    machine(
        &["no suitable node ip"],
        "the kubelet finds no address of the machine in the nodes' network",
        "talosctl -n NODE get addresses; compare with `network.nodes` in homelab.yaml",
    ),
    machine(
        &["too many learner", "rpc not supported for learner"],
        "another control plane is still joining etcd",
        "talosctl -n NODE etcd members",
    ),
    machine(
        &["in sync with leader"],
        "a control plane cannot catch up with etcd: its disk or its network is too slow",
        "talosctl -n NODE etcd status; talosctl -n NODE logs etcd",
    ),
    machine(
        &["nospace", "database space exceeded"],
        "etcd is full and takes no writes any more",
        "talosctl -n NODE etcd alarm list; talosctl -n NODE etcd defrag; talosctl -n NODE etcd alarm disarm",
    ),
    machine(
        &["no leader", "request timed out", "voters are healthy"],
        "etcd has lost its quorum, or is about to",
        "homelab doctor; bring the other control planes back first",
    ),
    machine(
        &["etcd waits", "preparing"],
        "etcd waits for a member that it could join: the control planes do not reach each other",
        "talosctl -n NODE logs etcd; check ports 2379 and 2380 between the control planes",
    ),
    machine(
        &["bootstrap is not available yet", "etcd not started"],
        "the machine still pulls images or starts its services",
        "talosctl -n NODE services; talosctl -n NODE dmesg",
    ),
    machine(
        &["staticpods"],
        "a part of the Kubernetes control plane does not start on the machine",
        "talosctl -n NODE containers -k; talosctl -n NODE get staticpodstatus",
    ),
    machine(
        &["nodeready"],
        "the pod network does not run on the machine",
        "kubectl describe node NODES; kubectl -n kube-system get pods -o wide",
    ),
    machine(
        &["services:"],
        "a service of the machine does not become healthy",
        "talosctl -n NODE services",
    ),
    machine(
        &["connection refused"],
        "the machine is up but the service is not",
        "talosctl -n NODE services; look at the machine's console",
    ),
    machine(
        &[
            "no answer to `",
            "timed out",
            "no route",
            "unreachable",
            "broken off",
        ],
        "the machine is off, has another address, or did not start from its disk",
        "look at the console of NODE (power, boot order, address), then the same command again; or, if it is gone for good, --without NODE",
    ),
    kubernetes(
        &["is not in the connection map"],
        "the file that `--connect-map` names does not lead to the Kubernetes API",
        "add the target to that file, or leave `--connect-map` out where the API is reached directly",
    ),
    kubernetes(
        &[
            "networkpluginnotready",
            "cni plugin not initialized",
            "network plugin is not ready",
        ],
        "the pod network does not start on a node",
        "kubectl -n kube-system get pods -o wide; kubectl describe node NODES",
    ),
    kubernetes(
        &["is not registered"],
        "a kubelet cannot reach the API, or its certificate request was not approved",
        "kubectl get csr; talosctl -n NODE logs kubelet",
    ),
    kubernetes(
        &["stopped posting", "nodestatusunknown"],
        "the machine is off, or its kubelet does not reach the API",
        "homelab status; talosctl -n NODE service kubelet",
    ),
    kubernetes(
        &["diskpressure", "memorypressure", "pidpressure"],
        "the machine has run out of something",
        "kubectl describe node NODES",
    ),
    kubernetes(
        &["this cluster's authority signed"],
        "another cluster answers there, or its authority was changed",
        "compare the address with homelab.yaml; homelab status",
    ),
    kubernetes(
        &["tls handshake eof"],
        "another device answers at this address, or a proxy stands in between",
        "look for a second owner of NODE with `arping`; leave the address to the cluster, or choose another in homelab.yaml",
    ),
    kubernetes(
        &["database space exceeded"],
        "the API cannot write: its etcd is full",
        "talosctl etcd alarm list; talosctl etcd defrag; talosctl etcd alarm disarm",
    ),
    kubernetes(
        &["unauthorized", "(401)", "forbidden", "(403)"],
        "the API does not take the credentials yet, or they are another cluster's",
        "homelab status; remove `.homelab/state/kubeconfig`, which is fetched again",
    ),
    kubernetes(
        &["does not answer: no control plane answers"],
        "no control plane can be asked",
        "look at the machines first",
    ),
    kubernetes(
        &["another operator"],
        "another run of `homelab` is at work on the cluster",
        "kubectl -n kube-system get lease homelab-operator -o yaml",
    ),
    object(
        &[
            "no key could decrypt",
            "did not match any of the recipients",
            "decryption failed",
            "failed to decrypt",
        ],
        "the age key in the cluster does not open a file in Git",
        "homelab secrets check; encrypt what it names for the recipients in .sops.yaml and push",
    ),
    object(
        &["holds ciphertext"],
        "its Kustomization does not decrypt, so that an encrypted file was applied as it is",
        "homelab render; commit and push",
    ),
    object(
        &["has two owners"],
        "two of what Git brings apply the same object, so that each undoes what the other does",
        "keep it in the folder of one of them; commit and push",
    ),
    object(
        &[
            "authentication required",
            "permission denied (publickey)",
            "knownhosts",
            "unable to authenticate",
            "authorization failed",
        ],
        "the GitOps engine may not read the repository",
        "register the deploy key with the Git host; kubectl -n flux-system get secret git-credentials",
    ),
    object(
        &["couldn't find remote ref"],
        "the branch does not exist where the spec says",
        "git ls-remote; correct `gitops.flux.branch` in homelab.yaml, or push the branch",
    ),
    object(
        &["repository not found", "repository does not exist"],
        "the repository does not exist where the spec says, or nobody may see it",
        "git ls-remote; correct `gitops.flux.url` in homelab.yaml",
    ),
    object(
        &["no such host", "server misbehaving"],
        "the cluster cannot resolve a name",
        "kubectl -n kube-system get pods -l k8s-app=kube-dns; check `network.nameservers` in homelab.yaml",
    ),
    object(
        &["certificate signed by unknown authority", "x509:"],
        "the cluster does not trust the server's certificate",
        "kubectl -n NAMESPACE describe KIND NAME; use a server with a public certificate, or SSH",
    ),
    object(
        &[
            "unable to clone",
            "failed to checkout",
            "dial tcp",
            "i/o timeout",
        ],
        "the cluster cannot reach the server",
        "kubectl -n NAMESPACE describe KIND NAME; check that the address is reachable from the nodes' network",
    ),
    object(
        &["path not found"],
        "the repository does not hold what homelab.yaml renders",
        "homelab render --check; commit and push",
    ),
    object(
        &[
            "invalid chart reference",
            "no chart version found",
            "chart not found",
            "sourcenotready",
        ],
        "the chart does not exist where its source points, or the source is not ready",
        "kubectl -n NAMESPACE describe KIND NAME; kubectl get helmrepositories,ocirepositories,helmcharts -A",
    ),
    object(
        &[
            "dependency '",
            "dependencynotready",
            "dependencies do not meet",
        ],
        "it waits for another object that is not ready",
        "look at the object that it names; kubectl get kustomizations,helmreleases -A",
    ),
    object(
        &["variable not set", "envsubst error"],
        "a file uses a variable that the cluster's settings do not have",
        "add it to the settings, or escape it as `$${VARIABLE}`; then commit and push",
    ),
    object(
        &["no matches for kind"],
        "a kind is not installed yet: what brings it must come first",
        "kubectl get crds; add the dependency",
    ),
    object(
        &["violates podsecurity"],
        "the namespace does not allow what the pods ask for",
        "kubectl get namespace NAMESPACE -o yaml; raise its Pod Security level where that is meant",
    ),
    object(
        &["admission webhook", "failed calling webhook"],
        "a webhook denies the object or does not answer",
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ),
    object(
        &["imagepullbackoff", "errimagepull", "back-off pulling image"],
        "an image cannot be pulled",
        "kubectl get events -A --field-selector reason=Failed",
    ),
    object(
        &["crashloopbackoff"],
        "a program ends again and again",
        "kubectl -n NAMESPACE logs NAME --previous",
    ),
    object(
        &[
            "unbound immediate persistentvolumeclaims",
            "insufficient cpu",
            "insufficient memory",
            "unschedulable",
        ],
        "no machine has room for a pod, or its volume cannot be made",
        "kubectl -n NAMESPACE describe KIND NAME; kubectl get events -A --field-selector reason=FailedScheduling",
    ),
    object(
        &["backofflimitexceeded"],
        "a Job failed as often as it may",
        "kubectl -n NAMESPACE logs job/NAME",
    ),
    object(
        &["installfailed", "upgradefailed", "retriesexceeded"],
        "Helm could not bring the release up",
        "kubectl -n NAMESPACE describe KIND NAME; kubectl -n NAMESPACE get pods",
    ),
    object(
        &[
            "healthcheckfailed",
            "health check failed",
            "timeout waiting for",
            "context deadline exceeded",
        ],
        "something that it brought does not become healthy",
        "kubectl -n NAMESPACE describe KIND NAME; kubectl -n NAMESPACE get pods",
    ),
];
