//! The codes of diagnostics: stable names, one page each in `docs/diagnostics/`.

use std::fmt;
use std::str::FromStr;

use super::diagnostic::Severity;

macro_rules! codes {
    ($($variant:ident = $text:literal, $severity:ident, $title:literal;)+) => {
        /// What kind of finding a diagnostic is. A code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the code as people see it, such as `HL0101`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Returns what it is about, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// Returns how bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    InvalidYaml = "HL0001", Error, "the file is not valid YAML";
    DuplicateKey = "HL0002", Error, "a key is written twice";
    ForbiddenYaml = "HL0003", Error, "an alias, a tag or another part of YAML that this file does not use";
    EmptyFile = "HL0004", Error, "the file is empty";
    TooMuch = "HL0005", Error, "the file is too large or too deep";
    UnknownKey = "HL0006", Error, "a key that is not known here";
    MissingKey = "HL0007", Error, "a key that must be there is missing";
    WrongType = "HL0008", Error, "a value of the wrong type";
    InvalidValue = "HL0009", Error, "a value that is not allowed here";
    ExactlyOne = "HL0010", Error, "exactly one of several keys must be there";
    Unreadable = "HL0011", Error, "the file cannot be read";

    AddressClash = "HL0101", Error, "one address has two owners";
    NetworkOverlap = "HL0102", Error, "two networks overlap";
    HostBits = "HL0103", Error, "a network with host bits";
    OutsideNodeNetwork = "HL0104", Error, "an address outside the nodes' network";
    VipOutsideNodeNetwork = "HL0105", Error, "the virtual IP is outside the nodes' network";
    UnusableAddress = "HL0106", Error, "an address that no host can have";
    FamilyMismatch = "HL0107", Error, "address families that do not fit together";
    OutsidePools = "HL0108", Error, "a named address outside every pool";
    BgpIncomplete = "HL0109", Error, "BGP without peers, or peers without BGP";
    PodNetworkTooSmall = "HL0110", Error, "a pod network with less than a /24 for every node";
    UnreachableRouter = "HL0111", Error, "a router that no address of its link reaches";

    DuplicateName = "HL0201", Error, "two nodes have one name";
    DuplicateMac = "HL0202", Error, "two nodes have one network card";
    DuplicateDisk = "HL0203", Error, "two nodes have one disk";
    InvalidHostName = "HL0204", Error, "a name that a host cannot have";
    NoControlPlane = "HL0205", Error, "no node is a control plane";
    EvenVoters = "HL0206", Warning, "an even number of etcd voters";
    TwoControlPlanesBehindVip = "HL0207", Error, "two control planes behind a virtual IP";
    UnstableDisk = "HL0208", Warning, "an install disk by a name that may change";
    WeakVoter = "HL0209", Warning, "a control plane with little memory";
    UnknownClass = "HL0210", Error, "a class that is not described";
    NoDisk = "HL0211", Error, "a node without an install disk";
    NoNic = "HL0212", Error, "a node without a network card";
    ReservedHostName = "HL0213", Error, "a reserved host name";
    NoStableEndpoint = "HL0214", Warning, "several control planes without a common endpoint";
    NowhereToRun = "HL0215", Error, "no node may run ordinary pods";
    CardUsedTwice = "HL0216", Error, "a network card with two uses";
    DuplicateVlan = "HL0217", Error, "two VLANs with one number";
    DiskByTraits = "HL0218", Warning, "an install disk by traits that several disks may have";
    EncryptionByIdentity = "HL0219", Warning, "encryption that a thief of the machine can open";
    UnknownExtension = "HL0220", Warning, "an extension or overlay that this build does not know";
    ImpossibleImage = "HL0221", Error, "an image that cannot be made";

    VersionSkew = "HL0301", Error, "versions that do not fit together";
    UnknownRelease = "HL0302", Warning, "a Talos release that this build does not know";
    FluxSkew = "HL0303", Warning, "a Kubernetes that this Flux does not support";
    TooOldRelease = "HL0304", Error, "a Talos release that is too old";

    UnknownComponent = "HL0401", Error, "a component that the catalogue does not have";
    UnmetNeed = "HL0402", Error, "a component needs what nothing provides";
    UnpinnedVersion = "HL0403", Warning, "a component without a pinned version";
    UnsupportedVersion = "HL0404", Error, "a component version that the catalogue does not support";
    DependencyCycle = "HL0405", Error, "components that wait for each other";
    WrongSection = "HL0406", Error, "an application among components, or the other way round";
    UnenforcedNetworkPolicy = "HL0407", Error, "a network policy that nothing enforces";
    UnsupportedArchitecture = "HL0408", Warning, "a component without images for a node's architecture";
    MissingVipComponent = "HL0409", Error, "the virtual IP's component is not in the cluster";
    NoPodNetwork = "HL0410", Error, "no pod network";
    TwoPodNetworks = "HL0411", Error, "two pod networks";
    MissingEngineComponent = "HL0412", Error, "the GitOps engine's component is not in the cluster";
    UnannouncedPool = "HL0413", Error, "load balancer pools that nothing announces";
    KubeProxyKept = "HL0414", Error, "kube-proxy beside what replaces it";

    InvalidRecipient = "HL0501", Error, "not an age recipient";
    GitAuthMismatch = "HL0502", Error, "Git authentication that does not fit the URL";
    UselessAcceptance = "HL0503", Warning, "an accepted warning that does not occur";
    UnacceptableCode = "HL0504", Error, "a code that cannot be accepted";
    NoSecretKeeping = "HL0505", Error, "nothing says how secrets are kept";
    MissingSecret = "HL0506", Warning, "an encrypted file that is not there";
    PresetValue = "HL0507", Warning, "a value that is still the preset's";

    WipeProtectsNothing = "HL0601", Warning, "`wipe: false` protects nothing";
    LinkWithoutAddress = "HL0602", Warning, "a link that gets no address";
    AutomaticHostName = "HL0603", Error, "an automatic host name beside a chosen one";
    OperationsOnDocuments = "HL0604", Error, "operations on a configuration of several documents";
    FieldBesideDocument = "HL0605", Error, "a field beside the document that replaces it";
    SupersededField = "HL0606", Warning, "a field that a document has replaced";
    KindTooNew = "HL0607", Error, "a kind of document that the node's Talos does not know";
    UnknownKind = "HL0608", Warning, "a kind of document that this build does not know";
    ContradictsSpec = "HL0609", Error, "a patch against the spec";
    UnreadablePatchFile = "HL0610", Error, "a patch file that cannot be read";
    NotAPatch = "HL0611", Error, "something that is not a patch";
    TargetsNothing = "HL0612", Error, "a patch of something that is not there";
    DeletesNeeded = "HL0613", Error, "a patch that takes away what a node needs";
    NotReadByTalos = "HL0614", Error, "something that Talos does not read";
    CannotBeApplied = "HL0615", Error, "a patch that cannot be applied";
    RefusedByTalos = "HL0616", Error, "a value that Talos refuses";
    BrokenReference = "HL0617", Error, "a secret reference that leads nowhere";
    UnknownField = "HL0618", Warning, "a field that this build does not know";
    LockedSecret = "HL0619", Warning, "a secret that no key at hand opens";
    PlainInstaller = "HL0620", Warning, "an installer image without its extensions";
    KubernetesDiscovery = "HL0621", Warning, "discovery through Kubernetes";
    UnapprovedCertificates = "HL0622", Warning, "server certificates that nobody approves";
    LoginOfMirrored = "HL0623", Warning, "a login for a registry that mirrors answer for";

    DistributionNotYet = "HL0901", Error, "a distribution that is not there yet";
    EngineNotYet = "HL0902", Error, "a GitOps engine that is not there yet";
    ComponentNotYet = "HL0903", Error, "a component that is not there yet";
    SectionNotYet = "HL0904", Error, "a section that is not there yet";
}

/// Why a text is not a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no diagnostic `{0}`")]
pub struct ParseCodeError(String);

impl FromStr for Code {
    type Err = ParseCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParseCodeError(text.to_owned()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
