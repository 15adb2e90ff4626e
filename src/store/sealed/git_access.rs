//! What the GitOps engine reads its repository with: a deploy key that is made here, or a token that a
//! person has.

use camino::Utf8PathBuf;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::expected::{Ask, Question};
use super::setup::State;
use crate::model::Secret;
use crate::pki::{DeployKey, DeployKeyError, Entropy};
use crate::render::bootstrap::{GIT_CREDENTIALS_SECRET, GITOPS_NAMESPACE};
use crate::spec::cluster::{Flux, GitAuth};

/// The component that owns these secrets.
const COMPONENT: &str = "flux-operator";

/// The key by which github.com proves itself, as GitHub publishes it ("GitHub's SSH key fingerprints").
const GITHUB_HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// What became of the access to the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitReport {
    /// The file, relative to the repository's root.
    pub file: Utf8PathBuf,
    /// What became of it.
    pub state: State,
    /// The host, as `known_hosts` names it.
    pub host: String,
    /// How the engine proves itself.
    pub auth: GitAuth,
    /// The public half of a deploy key that was made: to be registered with the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// Where a repository's owner registers what reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// Deploy keys.
    pub deploy_keys: String,
    /// Webhooks.
    pub webhooks: String,
}

/// Says by which keys a host proves itself, one `TYPE BASE64` a line; `None` when nobody knows.
pub type HostKeys<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A repository's address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address<'a> {
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit('@').next()?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => (host, Some(port)),
            _ => (host, None),
        };
        let path = path.trim_end_matches('/');
        Some(Self {
            host,
            port: port.filter(|port| *port != "22"),
            path: path.strip_suffix(".git").unwrap_or(path),
        })
    }

    /// The host as `known_hosts` names it.
    fn known_host(&self) -> String {
        match self.port {
            Some(port) => format!("[{}]:{port}", self.host),
            None => self.host.to_owned(),
        }
    }

    /// GitHub, Gitea and Forgejo have the same pages.
    fn pages(&self) -> Pages {
        let settings = format!("https://{}/{}/settings", self.host, self.path);
        Pages {
            deploy_keys: format!("{settings}/keys"),
            webhooks: format!("{settings}/hooks"),
        }
    }
}

/// The report about a repository that needs access, before anything is made; `None` for a public one.
pub(super) fn report(flux: &Flux, file: &str) -> Option<GitReport> {
    if flux.auth == GitAuth::None {
        return None;
    }
    let address = Address::of(&flux.url);
    Some(GitReport {
        file: file.into(),
        state: State::Missing,
        host: address
            .as_ref()
            .map(Address::known_host)
            .unwrap_or_default(),
        auth: flux.auth,
        public_key: None,
    })
}

/// The pages of a repository, where its URL tells them.
pub(super) fn pages(url: &str) -> Option<Pages> {
    let address = Address::of(url).filter(|address| !address.host.is_empty())?;
    Some(address.pages())
}

/// Makes the Secret that the engine reads the repository with, and completes the report; `None` while a
/// value is missing.
pub(super) fn credentials(
    report: &mut GitReport,
    cluster: &str,
    entropy: &mut dyn Entropy,
    ask: &mut Ask<'_>,
    host_keys: &HostKeys<'_>,
) -> Result<Option<Value>, DeployKeyError> {
    let data = match report.auth {
        GitAuth::None => None,
        GitAuth::Token => token(ask),
        GitAuth::Ssh => match known_hosts(&report.host, host_keys) {
            None => None,
            Some(known_hosts) => {
                let key = DeployKey::generate(&format!("flux@{cluster}"), entropy)?;
                report.public_key = Some(key.public.clone());
                let mut data = Map::new();
                data.insert("identity".to_owned(), key.private.expose().as_str().into());
                data.insert("identity.pub".to_owned(), key.public.into());
                data.insert("known_hosts".to_owned(), known_hosts.into());
                Some(data)
            }
        },
    };
    Ok(data.map(|data| secret(GIT_CREDENTIALS_SECRET, &data)))
}

fn token(ask: &mut Ask<'_>) -> Option<Map<String, Value>> {
    let mut data = Map::new();
    for (key, text) in TOKEN_QUESTIONS {
        let value: Secret<String> = ask(Question {
            component: COMPONENT,
            secret: GIT_CREDENTIALS_SECRET,
            key,
            text,
        })?;
        data.insert(key.to_owned(), value.expose().as_str().into());
    }
    Some(data)
}

/// What a person is asked who reads the repository with a token.
const TOKEN_QUESTIONS: [(&str, &str); 2] = [
    (
        "username",
        "user name for the Git repository (any, where the host asks for a token only)",
    ),
    ("password", "token that may read the Git repository"),
];

/// Returns the names of the values that a person is asked for.
pub fn git_questions(auth: GitAuth) -> Vec<String> {
    match auth {
        GitAuth::Token => TOKEN_QUESTIONS
            .iter()
            .map(|(key, _)| format!("{COMPONENT}/{GIT_CREDENTIALS_SECRET}/{key}"))
            .collect(),
        GitAuth::Ssh | GitAuth::None => Vec::new(),
    }
}

fn known_hosts(host: &str, host_keys: &HostKeys<'_>) -> Option<String> {
    let keys = match host_keys(host) {
        Some(keys) => keys,
        None if host == "github.com" => GITHUB_HOST_KEY.to_owned(),
        None => return None,
    };
    let lines = keys.lines().map(|key| format!("{host} {key}\n"));
    Some(lines.collect()).filter(|lines: &String| !lines.is_empty())
}

fn secret(name: &str, data: &Map<String, Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": GITOPS_NAMESPACE},
        "stringData": data,
    })
}

#[cfg(test)]
mod tests {
    use ssh_key::{HashAlg, PublicKey};

    use super::*;
    use crate::pki::SeededEntropy;

    fn flux(url: &str, auth: GitAuth) -> Flux {
        Flux {
            url: url.to_owned(),
            branch: "main".to_owned(),
            auth,
        }
    }

    /// As GitHub prints it on its page "GitHub's SSH key fingerprints".
    #[test]
    fn the_known_key_of_github_is_the_published_one() {
        let key = PublicKey::from_openssh(GITHUB_HOST_KEY).unwrap();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        assert_eq!(
            fingerprint,
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
        );
    }

    #[test]
    fn a_deploy_key_comes_with_the_host_s_key_and_the_page_to_register_it() {
        let flux = flux("ssh://git@git.example.net:2222/me/lab.git", GitAuth::Ssh);
        let mut report = report(&flux, "file").unwrap();
        let made = credentials(
            &mut report,
            "lab",
            &mut SeededEntropy::new(1),
            &mut |_| None,
            &|host| {
                assert_eq!(host, "[git.example.net]:2222");
                Some("ssh-ed25519 AAAA\nssh-rsa BBBB".to_owned())
            },
        );
        let made = made.unwrap().unwrap();
        assert_eq!(
            made["stringData"]["known_hosts"],
            "[git.example.net]:2222 ssh-ed25519 AAAA\n[git.example.net]:2222 ssh-rsa BBBB\n"
        );
        assert_eq!(made["metadata"]["namespace"], "flux-system");
        let public = report.public_key.unwrap();
        assert!(made["stringData"]["identity.pub"] == public.as_str());
        assert!(public.ends_with(" flux@lab"), "{public}");
        let pages = pages(&flux.url).unwrap();
        assert_eq!(
            pages.deploy_keys,
            "https://git.example.net/me/lab/settings/keys"
        );
        assert_eq!(
            pages.webhooks,
            "https://git.example.net/me/lab/settings/hooks"
        );
    }

    #[test]
    fn without_the_host_s_key_or_an_answer_nothing_is_made() {
        let made = |url: &str, auth| {
            let mut report = report(&flux(url, auth), "file")?;
            let entropy = &mut SeededEntropy::new(1);
            credentials(&mut report, "lab", entropy, &mut |_| None, &|_| None).unwrap()
        };
        assert!(made("ssh://git@example.net/me/lab", GitAuth::Ssh).is_none());
        assert!(made("ssh://git@github.com/me/lab", GitAuth::Ssh).is_some());
        assert!(made("https://example.net/me/lab", GitAuth::Token).is_none());
        assert!(made("https://example.net/me/lab", GitAuth::None).is_none());
    }
}
