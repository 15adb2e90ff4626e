//! Every file of the corpus, and what becomes of it. A file in no row fails the test.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails by panic"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sops_rs::{
    Config, Document, EncryptedFile, EncryptionRule, Format, Identities, IdentityOrigin, Layout,
};

/// A file and what becomes of it.
struct Row {
    path: String,
    becomes: Becomes,
}

enum Becomes {
    /// It opens with these keys to what `sops` makes of it, which stands in another file.
    Opens {
        keys: Keys,
        to: String,
        layout: Layout,
    },
    /// With these keys it fails to open, for this reason.
    Fails { keys: Keys, because: &'static str },
    /// It is in the clear, prints as this other file, and goes round through encryption.
    Prints(String),
    /// It is in the clear, and no encrypted file.
    IsPlain,
    /// It is a `.sops.yaml` with so many rules.
    HasRules(usize),
    /// It is an identity file with so many identities.
    HasKeys(usize),
    /// It belongs to another row, or is for people.
    Belongs,
}

type Keys = &'static [&'static str];

const MOCK: Keys = &["age-mock.txt"];
const FLUX: Keys = &["flux.txt"];
const TALHELPER: Keys = &["talhelper.txt"];

fn row(path: impl Into<String>, becomes: Becomes) -> Row {
    let path = path.into();
    Row { path, becomes }
}

/// A file that opens to what stands under the same name in `opened/`.
fn opens(path: &str, keys: Keys) -> Vec<Row> {
    let to = format!("opened/{path}");
    let layout = Layout::default();
    let belongs = row(&*to, Becomes::Belongs);
    vec![row(path, Becomes::Opens { keys, to, layout }), belongs]
}

fn fails(path: &str, keys: Keys, because: &'static str) -> Vec<Row> {
    vec![row(path, Becomes::Fails { keys, because })]
}

/// A folder of `plain/`: a document, its tree, how it prints, encrypted, and decrypted again.
fn plain(name: &str, ending: &str) -> Vec<Row> {
    let part = |stem: &str| format!("plain/{name}/{stem}.{ending}");
    let opens = Becomes::Opens {
        keys: MOCK,
        to: part("dec"),
        layout: Layout::default(),
    };
    vec![
        row(part("in"), Becomes::Prints(part("emit"))),
        row(part("enc"), opens),
        row(part("emit"), Becomes::Belongs),
        row(part("dec"), Becomes::Belongs),
        row(format!("plain/{name}/tree.json"), Becomes::Belongs),
    ]
}

/// Files of `variants/`: a document, encrypted by the rules there, and decrypted again.
fn variant(name: &str, ending: &str, keys: Keys) -> Vec<Row> {
    let part = |stem: &str| format!("variants/{name}.{stem}.{ending}");
    let opens = Becomes::Opens {
        keys,
        to: part("dec"),
        layout: Layout::indented(2),
    };
    vec![
        row(part("in"), Becomes::IsPlain),
        row(part("enc"), opens),
        row(part("dec"), Becomes::IsPlain),
    ]
}

/// A document of another project, its tree and how it prints.
fn real(name: &str) -> Vec<Row> {
    let part = |end: &str| format!("real-world/{name}.{end}");
    vec![
        row(part("in.yaml"), Becomes::Prints(part("emit.yaml"))),
        row(part("emit.yaml"), Becomes::Belongs),
        row(part("tree.json"), Becomes::Belongs),
    ]
}

fn is_plain(path: &str) -> Vec<Row> {
    vec![row(path, Becomes::IsPlain)]
}

fn other(path: &str, becomes: Becomes) -> Vec<Row> {
    vec![row(path, becomes)]
}

fn table() -> Vec<Row> {
    let groups = [
        plain_rows(),
        variant_rows(),
        upstream_rows(),
        rows_of_other_projects(),
        broken_rows(),
        changed_rows(),
        rows_for_other_keys(),
        key_rows(),
    ];
    groups.into_iter().flatten().flatten().collect()
}

fn plain_rows() -> Vec<Vec<Row>> {
    vec![
        plain("anchors-merge", "yaml"),
        plain("blob", "bin"),
        plain("blocks", "yaml"),
        plain("comments-key-line", "yaml"),
        plain("comments-map", "yaml"),
        plain("comments-seq", "yaml"),
        plain("conf", "ini"),
        plain("dup-in-list", "yaml"),
        plain("empty-doc", "yaml"),
        plain("env", "env"),
        plain("flow", "yaml"),
        plain("ints", "json"),
        plain("k8s-multidoc", "yaml"),
        plain("k8s-secret", "yaml"),
        plain("key-colon", "yaml"),
        plain("multidoc", "yaml"),
        plain("multidoc-empty", "yaml"),
        plain("quoting", "yaml"),
        plain("scalars", "yaml"),
        plain("types", "yaml"),
        plain("unencrypted-suffix", "yaml"),
        real("budimanjojo+talhelper_example_talconfig"),
        real("budimanjojo+talhelper_pkg_talos_testdata_node2_basecfg"),
        real("cozystack+talm_.goreleaser"),
        real("cozystack+talm_charts_generic_values"),
        real("fluxcd+kustomize-controller_config_crd_kustomization"),
        real(
            "fluxcd+kustomize-controller_internal_controller_testdata_file-transformer_deployment",
        ),
        real("kube-rs+kube_.github_FUNDING"),
        real("kube-rs+kube_.github_release"),
        real("postfinance+topf_.golangci"),
        real("siderolabs+talos_.conform"),
        real("siderolabs+talos_.github_workflows_integration-aws-triggered"),
        other("float-formats.json", Becomes::Belongs),
        other("README.md", Becomes::Belongs),
    ]
}

fn variant_rows() -> Vec<Vec<Row>> {
    vec![
        variant("enc-comment", "yaml", MOCK),
        variant("enc-suffix", "yaml", MOCK),
        variant("flux-style", "yaml", MOCK),
        variant("indent", "bin", MOCK),
        variant("indent", "json", MOCK),
        variant("indent", "yaml", MOCK),
        variant("onegroup", "yaml", &["age-other.txt"]),
        variant("plaincomm", "yaml", MOCK),
        variant("unenc-regex", "yaml", &["age-other.txt"]),
        other("variants/dot-sops.yaml", Becomes::HasRules(10)),
    ]
}

/// Files of sops itself: with an age key in place of the PGP key, and as they are.
fn upstream_rows() -> Vec<Vec<Row>> {
    let pgp = |path: &str| {
        let two = ["example.", "multiple_keys", "secret"];
        let because = if two.iter().any(|name| path.contains(name)) {
            "the file is not encrypted for an age key, but for \
             PGP key `FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4`, \
             PGP key `D7229043384BCC60326C6FB9D8720D957C3D3074`"
        } else {
            "the file is not encrypted for an age key, but for \
             PGP key `FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4`"
        };
        fails(path, MOCK, because)
    };
    vec![
        opens("upstream/comments.enc.yaml", MOCK),
        opens("upstream/comments_unencrypted_comments.yaml", MOCK),
        opens("upstream/example.ini", MOCK),
        opens("upstream/example.json", MOCK),
        opens("upstream/example.txt", MOCK),
        opens("upstream/example.yaml", MOCK),
        opens("upstream/format-2.enc.ini", MOCK),
        opens("upstream/format.enc.env", MOCK),
        opens("upstream/format.enc.ini", MOCK),
        opens("upstream/format.enc.json", MOCK),
        opens("upstream/format.enc.yaml", MOCK),
        opens("upstream/multiple_keys.yaml", MOCK),
        opens("upstream/secret.enc.json", MOCK),
        fails("upstream/no_mac.yaml", MOCK, NO_MAC),
        pgp("upstream-pgp/comments.enc.yaml"),
        pgp("upstream-pgp/comments_unencrypted_comments.yaml"),
        pgp("upstream-pgp/example.ini"),
        pgp("upstream-pgp/example.json"),
        pgp("upstream-pgp/example.txt"),
        pgp("upstream-pgp/example.yaml"),
        pgp("upstream-pgp/format-2.enc.ini"),
        pgp("upstream-pgp/format.enc.env"),
        pgp("upstream-pgp/format.enc.ini"),
        pgp("upstream-pgp/format.enc.json"),
        pgp("upstream-pgp/format.enc.yaml"),
        pgp("upstream-pgp/multiple_keys.yaml"),
        pgp("upstream-pgp/no_mac.yaml"),
        pgp("upstream-pgp/secret.enc.json"),
        is_plain("upstream-pgp/comments.yaml"),
        is_plain("upstream-pgp/comments_list.yaml"),
        is_plain("upstream-pgp/plainfile.yaml"),
    ]
}

fn rows_of_other_projects() -> Vec<Vec<Row>> {
    let talhelper = |name: &str, ending: &str| {
        let part = |middle: &str| format!("talhelper/{name}-{middle}.{ending}");
        let opens = Becomes::Opens {
            keys: TALHELPER,
            to: part("unencrypted"),
            layout: Layout::default(),
        };
        vec![
            row(part("encrypted"), opens),
            row(part("unencrypted"), Becomes::IsPlain),
        ]
    };
    vec![
        opens("flux/age.yaml", FLUX),
        opens("flux/merge1.yaml", FLUX),
        opens("flux/merge2.yaml", FLUX),
        opens("flux/component.env", FLUX),
        opens("flux/envs.env", FLUX),
        opens("flux/remote.env", FLUX),
        opens("flux/file.txt", FLUX),
        opens("flux/global.yaml", &["flux-global.txt"]),
        // A manifest whose Secret holds an encrypted JSON file, in base64.
        is_plain("flux/inside.yaml"),
        other("flux/dot-sops.yaml", Becomes::HasRules(5)),
        talhelper("decrypt", "env"),
        // The two differ in their layout.
        opens("talhelper/decrypt-encrypted.json", TALHELPER),
        is_plain("talhelper/decrypt-unencrypted.json"),
        talhelper("decrypt", "yaml"),
        opens("talhelper/example-talenv.yaml", TALHELPER),
        opens("talhelper/example-talsecret.yaml", TALHELPER),
        opens("talhelper/patcher-encrypted.sops.yaml", TALHELPER),
        opens(
            "talhelper/substitute-encrypted-manifest.sops.yaml",
            TALHELPER,
        ),
        opens("talhelper/substitute-file3.sops.yaml", TALHELPER),
        is_plain("talhelper/substitute-encrypted-manifest.yaml"),
    ]
}

const NO_MAC: &str =
    "the file has no MAC: nothing proves that its values are complete and unchanged";
const EDITED: &str = "the MAC does not match the contents: a value was changed, added or removed without encrypting the file again";

fn broken_rows() -> Vec<Vec<Row>> {
    let bug = |name: &str, because| fails(&format!("bugs/{name}.enc.yaml"), MOCK, because);
    vec![
        bug(
            "added-unencrypted",
            "the MAC does not match the contents: `extra_unencrypted` was added without encrypting the file again",
        ),
        bug("mac-mismatch", EDITED),
        bug("empty-mac", NO_MAC),
        bug("plaintext-value", "a: the value is not encrypted"),
        bug(
            "renamed-key",
            "b: the encrypted value was changed, or moved to another key",
        ),
        bug("no-version", "the `sops` entry has no `version`"),
        bug(
            "lastmodified-unquoted",
            "`sops.lastmodified` must be quoted",
        ),
        bug("written-by-rops-0.1.7", "the `sops` entry has no `version`"),
        opens("bugs/empty-comment-in-list.enc.yaml", MOCK),
        opens("bugs/lastmodified-fraction.enc.yaml", MOCK),
        opens("bugs/unknown-metadata-field.enc.yaml", MOCK),
        is_plain("bugs/empty-comment-in-list.in.yaml"),
    ]
}

/// What `sops set`, `rotate` and `updatekeys` made of a file.
fn changed_rows() -> Vec<Vec<Row>> {
    vec![
        is_plain("ops/00-base.in.yaml"),
        opens("ops/00-base.enc.yaml", MOCK),
        opens("ops/01-set-b.enc.yaml", MOCK),
        opens("ops/02-set-n-number.enc.yaml", MOCK),
        opens("ops/03-set-obj.enc.yaml", MOCK),
        opens("ops/04-rotate.enc.yaml", MOCK),
        opens("ops/05-rotate-add-age.enc.yaml", &["age-other.txt"]),
        opens("ops/06-updatekeys-from-3.9.enc.yaml", MOCK),
    ]
}

/// Files for several groups of keys, SSH keys and post-quantum keys.
fn rows_for_other_keys() -> Vec<Vec<Row>> {
    let groups = |ending: &str| variant("shamir23", ending, &["age-mock.txt", "ssh-mock-ed25519"]);
    vec![
        groups("env"),
        groups("ini"),
        groups("json"),
        groups("yaml"),
        opens("flux/age-pq.yaml", &["flux-pq.txt"]),
        variant("pq", "yaml", &["age-pq-mock.txt"]),
        variant("ssh", "yaml", &["ssh-mock-ed25519"]),
    ]
}

fn key_rows() -> Vec<Vec<Row>> {
    let key = |name: &str| other(&format!("keys/{name}"), Becomes::HasKeys(1));
    let belongs = |name: &str| other(&format!("keys/{name}"), Becomes::Belongs);
    vec![
        key("age-mock.txt"),
        key("age-other.txt"),
        key("age-pq-mock.txt"),
        key("flux.txt"),
        key("flux-global.txt"),
        key("flux-pq.txt"),
        key("talhelper.txt"),
        key("ssh-mock-ed25519"),
        key("ssh-rsa"),
        key("ssh-ed25519-protected"),
        key("age-mock-passphrase-protected.age"),
        belongs("age-pq-mock.pub"),
        belongs("ssh-mock-ed25519.pub"),
        belongs("ssh-rsa.pub"),
        belongs("ssh-ed25519-protected.pub"),
        belongs("age-mock-passphrase-protected.passphrase.txt"),
    ]
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(data(path)).map_err(|error| format!("{path}: {error}"))
}

fn identities(keys: Keys) -> Identities {
    let mut identities = Identities::default();
    for name in keys {
        let text = fs::read_to_string(data(&format!("keys/{name}"))).unwrap();
        identities.add_text(&text, &IdentityOrigin::Given);
    }
    identities
}

fn open(path: &str, keys: Keys) -> Result<Document, String> {
    let format = Format::of_path(Path::new(path));
    let file = EncryptedFile::parse(format, &read(path)?).map_err(|error| error.to_string())?;
    let opened = file.decrypt(&identities(keys));
    Ok(opened.map_err(|error| error.to_string())?.document)
}

impl Row {
    fn check(&self) -> Result<(), String> {
        let path = &*self.path;
        let format = Format::of_path(Path::new(path));
        match &self.becomes {
            Becomes::Opens { keys, to, layout } => {
                let found = open(path, keys)?.to_bytes_with(*layout);
                equal(&found, &read(to)?)
            }
            Becomes::Fails { keys, because } => match open(path, keys) {
                Ok(_) => Err("it opens".to_owned()),
                Err(error) => equal(error.as_bytes(), because.as_bytes()),
            },
            Becomes::Prints(as_file) => {
                let document = parse(format, &read(path)?)?;
                equal(&document.to_bytes(), &read(as_file)?)?;
                goes_round(&document)
            }
            Becomes::IsPlain => {
                let document = parse(format, &read(path)?)?;
                match EncryptedFile::parse(format, &read(path)?) {
                    Ok(_) => Err("it is encrypted".to_owned()),
                    Err(_) => goes_round(&document),
                }
            }
            Becomes::HasRules(count) => {
                let config = Config::load(&data(path)).map_err(|error| error.to_string())?;
                equal_counts(config.rules().len(), *count)
            }
            Becomes::HasKeys(count) => {
                let mut identities = Identities::default();
                let text = String::from_utf8(read(path)?).unwrap();
                identities.add_text(&text, &IdentityOrigin::Given);
                equal_counts(identities.iter().count(), *count)
            }
            Becomes::Belongs => read(path).map(|_| ()),
        }
    }
}

fn parse(format: Format, bytes: &[u8]) -> Result<Document, String> {
    Document::parse(format, bytes).map_err(|error| error.to_string())
}

/// Encrypted and decrypted it has the same values, and prints its encrypted form the same again.
fn goes_round(document: &Document) -> Result<(), String> {
    let keys = identities(MOCK);
    let rule = EncryptionRule::for_recipients(keys.recipients());
    let encrypted = document.encrypt(&rule).unwrap().to_text();
    let file = EncryptedFile::parse(document.format(), &encrypted).unwrap();
    let opened = file.decrypt(&keys).map_err(|error| error.to_string())?;
    if !opened.document.tree().has_values_of(document.tree()) {
        return Err("it does not go round".to_owned());
    }
    Ok(())
}

fn equal(found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (found, expected) = (text(found), text(expected));
    let differ = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
    Err(match differ {
        Some((found, expected)) => format!("found {found:?}, expected {expected:?}"),
        None => format!("found {} bytes, expected {}", found.len(), expected.len()),
    })
}

fn equal_counts(found: usize, expected: usize) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found}, expected {expected}"))
    }
}

/// Every file below a folder, relative to the data.
fn files(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let relative = path.strip_prefix(data("")).unwrap();
            found.insert(relative.to_str().unwrap().replace('\\', "/"));
        }
    }
}

#[test]
fn every_file_does_what_its_row_says() {
    let mut wrong = String::new();
    for row in table() {
        if let Err(error) = row.check() {
            let _ = writeln!(wrong, "{}: {error}", row.path);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_file_is_in_one_row() {
    let mut left = BTreeSet::new();
    files(&data(""), &mut left);
    assert!(left.len() > 200, "the corpus is there");
    for row in table() {
        assert!(
            left.remove(&row.path),
            "{} is in two rows, or missing",
            row.path
        );
    }
    assert!(left.is_empty(), "files in no row: {left:#?}");
}
