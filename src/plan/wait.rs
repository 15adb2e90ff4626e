//! What is waited for, how long that is normal, and what may be seen meanwhile.

use std::time::Duration;

use serde::Serialize;

use super::step::{Condition, ObjectSet};

/// Machines answer within milliseconds, but each look is a handshake.
const SOONEST: Duration = Duration::from_millis(250);
/// The share of a wait that may be lost by seeing its end late is one in this many.
const SHARE: u32 = 20;

/// How one condition is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// How long it takes when all is well.
    pub normal: Duration,
    /// When to give up.
    pub deadline: Duration,
    /// How long to pause between looks at most.
    pub every: Duration,
    /// And at least.
    pub soonest: Duration,
    /// What is happening meanwhile.
    pub because: &'static str,
    /// What may be seen meanwhile and means nothing.
    pub noise: &'static str,
}

/// Returns how a condition is waited for.
pub fn wait_for(condition: &Condition) -> Wait {
    let (normal, deadline, every, because, noise) = machine_wait(condition)
        .or_else(|| cluster_wait(condition))
        .unwrap_or(ANSWER);
    let every = Duration::from_secs(every);
    let soonest = match condition {
        // Two good looks in a row say nothing when they are one and the same moment.
        Condition::Settled { .. } => every,
        _ => SOONEST.min(every),
    };
    Wait {
        normal: Duration::from_secs(normal),
        deadline: Duration::from_secs(deadline),
        every,
        soonest,
        because,
        noise,
    }
}

impl Wait {
    /// Returns how long to pause after having waited so long: a small share of it, so that what
    /// comes soon is seen soon and what takes long is not asked often.
    pub fn pause(&self, waited: Duration) -> Duration {
        (waited / SHARE).clamp(self.soonest, self.every)
    }
}

/// Seconds that are normal, seconds until the end, seconds between looks; what is happening, and
/// what means nothing.
type Row = (u64, u64, u64, &'static str, &'static str);

/// For what is there as soon as somebody answers.
const ANSWER: Row = (
    10,
    300,
    3,
    "the API answers",
    "short interruptions while control planes join",
);

fn machine_wait(condition: &Condition) -> Option<Row> {
    Some(match condition {
        Condition::InMaintenance { .. } => (
            5,
            60,
            3,
            "the machine answers as it did when the plan was made",
            "silence when another operator was faster: the machine installs itself",
        ),
        Condition::HasIdentity { .. } => (
            300,
            1200,
            3,
            "Talos installs itself, restarts and takes its new certificate",
            "connection refused, timeouts and `tls: internal error` while the machine restarts",
        ),
        Condition::TookConfiguration { .. } => (
            15,
            180,
            3,
            "Talos checks the configuration and begins to install",
            "the connection drops as soon as the installation begins",
        ),
        Condition::Configured { .. } => (
            120,
            900,
            3,
            "Talos takes the changed configuration",
            "connection refused if the change needs a restart",
        ),
        Condition::Spared { .. } => (
            5,
            300,
            3,
            "the other control planes are asked how they are",
            "short interruptions while an API server restarts",
        ),
        Condition::Settled { .. } => (
            120,
            1200,
            3,
            "Talos takes the changed configuration, and restarts where it must",
            "connection refused, timeouts and `tls: internal error` while the machine restarts; etcd `Preparing`",
        ),
        Condition::NoEtcd { .. } => (
            60,
            600,
            3,
            "every control plane reaches the point where etcd waits to be bootstrapped",
            "etcd `Preparing`, `time is not in sync yet`, `bootstrap is not available yet`",
        ),
        Condition::EtcdHealthy { .. } => (
            60,
            600,
            3,
            "etcd pulls its image, starts and elects itself",
            "etcd `Preparing`, then health unknown for some seconds",
        ),
        Condition::EtcdComplete { .. } => (
            120,
            900,
            5,
            "control planes join etcd as learners and are promoted one at a time",
            "`rpc not supported for learner`, `too many learner members in cluster`",
        ),
        _ => return None,
    })
}

fn cluster_wait(condition: &Condition) -> Option<Row> {
    Some(match condition {
        Condition::ApiReady { .. } => (
            180,
            1200,
            3,
            "the node pulls and starts the Kubernetes control plane",
            "connection refused, 403 and 503 while controllers start; scheduler restarts",
        ),
        Condition::LeaseHeld => (
            0,
            120,
            5,
            "another run's lease is watched: it is taken once it is seen not to be renewed",
            "the lease of a run that was killed lasts for a short while",
        ),
        Condition::VipAnswers { .. } => (
            30,
            600,
            3,
            "a control plane takes the virtual IP and announces it",
            "connection refused or no route for some seconds",
        ),
        Condition::NodesRegistered { .. } => (
            90,
            900,
            5,
            "kubelets start and register their nodes",
            "`Unauthorized` until the kubelet's certificate request is approved",
        ),
        Condition::NodesReady { .. } => (
            180,
            1200,
            5,
            "the pod network starts on every node",
            "`NetworkPluginNotReady` until the CNI has written its configuration",
        ),
        Condition::Ready { objects } => object_wait(*objects),
        Condition::Reconciled { .. } => (
            600,
            2700,
            5,
            "the GitOps engine fetches the repository and brings everything in dependency order",
            "`DependencyNotReady` while something waits for its turn; image pulls",
        ),
        Condition::Verified => (
            120,
            900,
            5,
            "the last pods start",
            "pods that start again once after the hand-over",
        ),
        _ => return None,
    })
}

fn object_wait(objects: ObjectSet) -> Row {
    match objects {
        ObjectSet::Charts => (
            240,
            1500,
            5,
            "the chart runner pulls images and installs the pod network and the virtual IP",
            "a failed first attempt of the Job while the API restarts",
        ),
        ObjectSet::Operator => (
            120,
            900,
            5,
            "the operator's image is pulled and it starts",
            "the first pods wait for their network",
        ),
        ObjectSet::Instance => (
            180,
            1200,
            5,
            "the operator brings the GitOps controllers and the first sync starts",
            "`Reconciliation in progress`",
        ),
        ObjectSet::Namespaces | ObjectSet::Secrets => (5, 300, 3, "the API takes them", ""),
    }
}
