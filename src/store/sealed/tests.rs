use std::collections::BTreeMap;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;
use sops_rs::{Config, Environment, Identities, Identity};

use super::seal::Sealer;
use super::*;
use crate::catalog::Catalog;
use crate::model::Secret;
use crate::pki::{SecretsBundle, SeededEntropy};
use crate::render::bootstrap::GIT_CREDENTIALS;
use crate::render::reference::join;
use crate::render::talos::BUNDLE_PATH;
use crate::spec;
use crate::spec::Cluster;

const TOKEN_FILE: &str = "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml";

struct Repository {
    _guard: tempfile::TempDir,
    root: Utf8PathBuf,
    cluster: Cluster,
    catalog: Catalog,
}

impl Repository {
    fn new() -> Self {
        let guard = tempfile::tempdir().expect("a temporary directory");
        let root = Utf8PathBuf::from_path_buf(guard.path().to_owned()).expect("UTF-8");
        let catalog = Catalog::embedded().expect("it is well formed");
        let text = include_str!("../../../homelab.yaml");
        let cluster = spec::load("homelab.yaml", text, &catalog)
            .cluster
            .expect("it is valid");
        Self {
            _guard: guard,
            root,
            cluster,
            catalog,
        }
    }

    /// One with a key, rules and the published bundle, which costs no new RSA key.
    fn prepared() -> Self {
        let repository = Self::new();
        let identity = Identity::generate();
        let recipient = identity.public_part();
        age_key::write(&repository.root, &identity).expect("writes");
        let rules = creation_rules(&[recipient]);
        repository.write(RULES_FILE, &rules);
        let sealer = Sealer {
            root: &repository.root,
            rules: &Config::parse(&rules, Path::new("")).expect("well formed"),
            identities: &Identities::from(identity),
        };
        let bundle = SecretsBundle::throwaway().to_document();
        sealer
            .seal(Utf8Path::new(BUNDLE_PATH), &bundle)
            .expect("writes");
        repository
    }

    fn set_up(&self, answer: Option<&str>) -> Result<Report, SetupError> {
        Setup {
            root: &self.root,
            cluster: &self.cluster,
            catalog: &self.catalog,
            environment: Environment::default(),
            now: now(),
            entropy: &mut SeededEntropy::new(1),
            ask: &mut |question| {
                assert_eq!(question.component, "cert-manager");
                answer.map(|answer| Secret::new(answer.to_owned()))
            },
            bundle: None,
            host_keys: &|_| None,
        }
        .run()
    }

    /// Sets up with the bundle of a cluster that exists.
    fn recover(&self, bundle: SecretsBundle) -> Result<Report, SetupError> {
        Setup {
            root: &self.root,
            cluster: &self.cluster,
            catalog: &self.catalog,
            environment: Environment::default(),
            now: now(),
            entropy: &mut SeededEntropy::new(1),
            ask: &mut |_| None,
            bundle: Some(bundle),
            host_keys: &|_| None,
        }
        .run()
    }

    fn opener(&self) -> Opener {
        Opener::new(&self.root, Environment::default())
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("can be made");
        std::fs::write(path, text).expect("can be written");
    }

    /// Every file with its content.
    fn files(&self) -> BTreeMap<Utf8PathBuf, String> {
        fn walk(root: &Utf8Path, folder: &Utf8Path, found: &mut BTreeMap<Utf8PathBuf, String>) {
            for entry in folder.read_dir_utf8().expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(root, path, found);
                } else {
                    let relative = path.strip_prefix(root).expect("below").to_owned();
                    found.insert(relative, std::fs::read_to_string(path).expect("text"));
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.root, &self.root, &mut found);
        found
    }
}

fn now() -> jiff::Timestamp {
    "2027-01-01T00:00:00Z".parse().expect("a time")
}

fn refusal<T>(result: Result<T, impl std::error::Error>) -> String {
    match result {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_first_run_makes_everything_that_needs_no_person() {
    let repository = Repository::new();
    let report = repository.set_up(None).expect("makes it");
    assert_eq!(report.key.expect("made").file, AGE_KEY_FILE);
    assert_eq!(
        (report.rules.state, report.bundle.state),
        (State::Made, State::Made)
    );
    let secrets: Vec<_> = report
        .secrets
        .iter()
        .map(|s| (s.file.as_str(), s.state))
        .collect();
    assert_eq!(secrets, [(TOKEN_FILE, State::Missing)]);
    let files: Vec<_> = repository.files().into_keys().collect();
    assert_eq!(
        files,
        [
            ".sops/.gitignore",
            AGE_KEY_FILE,
            RULES_FILE,
            GIT_CREDENTIALS,
            BUNDLE_PATH
        ]
    );
    only_its_owner_may_read_the_key(&repository);
}

#[cfg(not(unix))]
fn only_its_owner_may_read_the_key(_repository: &Repository) {}

#[cfg(unix)]
fn only_its_owner_may_read_the_key(repository: &Repository) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &str| {
        let metadata = std::fs::metadata(repository.root.join(path)).expect("is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(".sops"), 0o700);
    assert_eq!(mode(AGE_KEY_FILE), 0o600);
    assert_eq!(mode(BUNDLE_PATH), 0o644);
}

#[test]
fn no_value_of_the_bundle_is_on_disk_in_the_clear() {
    let repository = Repository::new();
    repository
        .set_up(Some("planted-token-value"))
        .expect("makes it");
    let bundle = repository.opener().bundle(now()).expect("opens").bundle;
    let files = repository.files();
    for path in [
        "trustdinfo.token",
        "secrets.bootstraptoken",
        "cluster.id",
        "certs.os.key",
        "certs.os.crt",
    ] {
        let value = bundle.lookup(path).expect("is there");
        for (file, text) in &files {
            assert!(!text.contains(value), "{path} in {file}");
        }
    }
    assert!(
        files
            .values()
            .all(|text| !text.contains("planted-token-value"))
    );
    let token = &files[Utf8Path::new(TOKEN_FILE)];
    assert!(
        token.contains("namespace: cert-manager\n"),
        "reviewers see which Secret it is"
    );
    let opened = repository
        .opener()
        .open(Utf8Path::new(TOKEN_FILE))
        .expect("opens");
    assert!(opened.expose().contains("api-token: planted-token-value\n"));
}

#[test]
fn a_later_run_keeps_what_is_there_and_adds_what_was_missing() {
    let repository = Repository::prepared();
    let before = repository.files();
    let report = repository.set_up(Some("x")).expect("adds to it");
    assert_eq!(report.key, None);
    assert_eq!(
        (report.rules.state, report.bundle.state),
        (State::Kept, State::Kept)
    );
    assert_eq!(report.secrets[0].state, State::Made);
    let mut after = repository.files();
    for added in [TOKEN_FILE, GIT_CREDENTIALS] {
        after.remove(Utf8Path::new(added)).expect("added");
    }
    assert_eq!(after, before);
}

#[test]
fn nothing_is_made_that_nobody_here_could_open() {
    let repository = Repository::new();
    let stranger = Identity::generate().public_part();
    repository.write(RULES_FILE, &creation_rules(&[stranger]));
    let before = repository.files();
    assert_eq!(
        refusal(repository.set_up(None)),
        format!("`{BUNDLE_PATH}` would be encrypted for keys that are not at hand")
    );
    assert_eq!(repository.files(), before);
}

#[test]
fn a_damaged_key_is_not_replaced() {
    let repository = Repository::new();
    repository.write(AGE_KEY_FILE, "AGE-SECRET-KEY-1DAMAGED\n");
    let before = repository.files();
    assert!(refusal(repository.set_up(None)).starts_with("no age key can be used: "));
    assert_eq!(repository.files(), before);
}

#[test]
fn rules_that_leave_everything_clear_are_refused() {
    let repository = Repository::new();
    let key = Identity::generate();
    repository.write(AGE_KEY_FILE, &key.to_text().expect("an age key"));
    let rules =
        json!({"creation_rules": [{"encrypted_regex": "^nothing$", "age": key.public_part()}]});
    repository.write(RULES_FILE, &rules.to_string());
    assert_eq!(
        refusal(repository.set_up(None)),
        format!("the rule in `.sops.yaml` for `{BUNDLE_PATH}` encrypts none of its values")
    );
    assert!(!repository.opener().has(Utf8Path::new(BUNDLE_PATH)));
}

#[test]
fn a_file_that_does_not_open_says_for_whom_it_is_and_which_keys_are_at_hand() {
    let repository = Repository::prepared();
    let report = repository.set_up(None).expect("adds nothing");
    let other = Identity::generate();
    std::fs::write(
        repository.root.join(AGE_KEY_FILE),
        other.to_text().expect("an age key").as_str(),
    )
    .expect("writes");
    let Err(OpenError::Decrypt {
        file,
        recipients,
        identities,
        ..
    }) = repository.opener().bundle(now())
    else {
        panic!("it must not open");
    };
    assert_eq!(file, BUNDLE_PATH);
    assert!(recipients.contains(&report.recipients[0]));
    assert!(
        identities[0].starts_with(&other.public_part()),
        "{identities:?}"
    );
}

#[test]
fn a_damaged_value_is_told_from_a_key_that_does_not_fit() {
    let repository = Repository::prepared();
    let token = [Utf8PathBuf::from(TOKEN_FILE)];
    repository.set_up(Some("a token")).expect("sets up");
    let own = repository.opener();
    assert!(unreadable(&own, &token).is_empty());
    let damage = |opener: &Opener| {
        let closed = unreadable(opener, &token);
        let [(file, error)] = closed.as_slice() else {
            panic!("one file is closed: {closed:?}");
        };
        assert_eq!(file, TOKEN_FILE);
        error.damage()
    };
    let stranger = Identity::generate().to_text().expect("it has a text");
    assert_eq!(damage(&own.only(&stranger)), None);

    let text = std::fs::read_to_string(repository.root.join(TOKEN_FILE)).expect("it is there");
    let (before, value) = text
        .split_once("ENC[AES256_GCM,data:")
        .expect("it is encrypted");
    let other = if value.starts_with('A') { 'B' } else { 'A' };
    let value = &value[1..];
    repository.write(
        TOKEN_FILE,
        &format!("{before}ENC[AES256_GCM,data:{other}{value}"),
    );
    let damage = damage(&own).expect("it is damaged");
    assert!(damage.starts_with("stringData.api-token: "), "{damage}");
}

#[test]
fn absent_and_outside_files_are_told_apart() {
    let repository = Repository::new();
    assert_eq!(
        refusal(repository.opener().bundle(now())),
        format!("there is no `{BUNDLE_PATH}`")
    );
    for file in ["../x.yaml", "/etc/passwd", "a/../../x"] {
        let opened = repository.opener().open(Utf8Path::new(file));
        assert_eq!(
            refusal(opened),
            format!("`{file}` does not lie in this repository")
        );
    }
}

#[test]
fn references_to_any_encrypted_file_are_joined() {
    let repository = Repository::prepared();
    repository.set_up(Some("t0ken")).expect("adds to it");
    let documents = [json!({
        "token": {"secretRef": format!("{TOKEN_FILE}#stringData.api-token")},
        "id": {"secretRef": format!("{BUNDLE_PATH}#cluster.id")},
    })];
    let sources = repository.opener().sources(&documents).expect("opens");
    let bundle = repository.opener().bundle(now()).expect("opens").bundle;
    let joined = match join(&documents, &sources) {
        Ok(joined) => joined.expose().clone(),
        Err(error) => panic!("{error}"),
    };
    assert!(joined.starts_with("token: t0ken\nid: "), "{joined}");
    assert!(joined.contains(&bundle.cluster.id));
}

#[test]
fn a_recovered_bundle_is_taken_once_and_never_replaces_another() {
    let repository = Repository::new();
    let report = repository
        .recover(SecretsBundle::throwaway())
        .expect("it is taken");
    assert_eq!(report.bundle.state, State::Made);
    let held = repository.opener().bundle(now()).expect("opens").bundle;
    assert!(held.to_document() == SecretsBundle::throwaway().to_document());

    let before = repository.files();
    let again = repository.recover(SecretsBundle::throwaway());
    assert_eq!(again.expect("the same").bundle.state, State::Kept);
    let other = SecretsBundle::generate(now(), &mut SeededEntropy::new(9)).expect("makes one");
    assert_eq!(
        refusal(repository.recover(other)),
        "`infrastructure/talos/secrets.sops.yaml` exists already and holds another cluster's secrets"
    );
    assert_eq!(repository.files(), before);
}

#[test]
fn a_recovered_bundle_that_makes_no_cluster_is_refused_before_anything_is_written() {
    let repository = Repository::new();
    let mut bundle = SecretsBundle::throwaway();
    bundle.cluster.id.clear();
    assert_eq!(
        refusal(repository.recover(bundle)),
        "the recovered bundle is not usable: `cluster.id` is missing"
    );
    assert!(repository.files().is_empty());
}
