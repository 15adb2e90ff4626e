//! Keys of every kind, against what `sops` and `age` made with them.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and fails by panic"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sops_rs::{
    Config, DecryptError, Document, EncryptedFile, EncryptionRule, Environment, Format, Identities,
    Identity, IdentityFailure, IdentityKind, IdentityOrigin, Prompt, Recipient, RecipientGroups,
    RecipientKind, UnlockError,
};
use zeroize::Zeroizing;

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(data(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program that always gives the same answer, and counts how often it was asked.
struct Answer {
    passphrase: Option<&'static str>,
    asked: AtomicUsize,
}

impl Answer {
    fn new(passphrase: Option<&'static str>) -> Arc<Self> {
        let asked = AtomicUsize::new(0);
        Arc::new(Self { passphrase, asked })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Prompt for Answer {
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
        assert!(question.contains("passphrase of"), "{question}");
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.passphrase
            .map(|passphrase| Zeroizing::new(passphrase.to_owned()))
    }
}

fn keys(names: &[&str]) -> Identities {
    let mut identities = Identities::default();
    for name in names {
        identities.add_file(read(name).as_bytes(), &IdentityOrigin::Given);
    }
    assert_eq!(identities.problems(), []);
    identities
}

fn file(path: &str) -> EncryptedFile {
    EncryptedFile::parse(Format::Yaml, &read(path)).unwrap()
}

fn opened(path: &str, identities: &Identities) -> String {
    let opened = file(path).decrypt(identities);
    let opened = opened.unwrap_or_else(|error| panic!("{path}: {error}"));
    let layout = Config::load(&data("variants/dot-sops.yaml"))
        .unwrap()
        .layout();
    String::from_utf8(opened.document.to_bytes_with(layout).to_vec()).unwrap()
}

fn key_error(path: &str, identities: &Identities) -> UnlockError {
    match file(path).decrypt(identities) {
        Err(DecryptError::Key(error)) => error,
        Err(error) => panic!("{path}: {error}"),
        Ok(_) => panic!("{path} opens"),
    }
}

const MOCK: &str = "keys/age-mock.txt";
const OTHER: &str = "keys/age-other.txt";
const SSH: &str = "keys/ssh-mock-ed25519";
const PQ: &str = "keys/age-pq-mock.txt";

#[test]
fn post_quantum_files_of_sops_open() {
    assert_eq!(
        opened("variants/pq.enc.yaml", &keys(&[PQ])),
        read("variants/pq.dec.yaml")
    );
    let text = opened("flux/age-pq.yaml", &keys(&["keys/flux-pq.txt"]));
    assert!(text.contains(": value\n"), "{text}");
    let error = key_error("flux/age-pq.yaml", &keys(&[PQ]));
    assert_eq!(
        error.to_string(),
        "the identity at hand does not open the file"
    );
}

#[test]
fn files_for_ssh_keys_open_with_either_key() {
    for key in [SSH, MOCK] {
        assert_eq!(
            opened("variants/ssh.enc.yaml", &keys(&[key])),
            read("variants/ssh.dec.yaml"),
            "{key}"
        );
    }
    let identity = keys(&[SSH]);
    let recipient = identity.recipients().next().unwrap();
    let stated: Recipient = read("keys/ssh-mock-ed25519.pub").parse().unwrap();
    assert!(recipient.is_same_key(&stated));
}

#[test]
fn two_of_three_groups_open_a_file() {
    let path = "variants/shamir23.enc.yaml";
    for pair in [[MOCK, OTHER], [MOCK, SSH], [SSH, OTHER]] {
        assert_eq!(
            opened(path, &keys(&pair)),
            read("variants/shamir23.dec.yaml"),
            "{pair:?}"
        );
    }
    let unlocked = file(path).metadata().unlock(&keys(&[SSH, MOCK])).unwrap();
    let groups: Vec<_> = unlocked.opened.iter().map(|group| group.group).collect();
    assert_eq!(groups, [0, 2]);

    let error = key_error(path, &keys(&[OTHER]));
    assert_eq!(
        error.to_string(),
        "keys of 2 of the file's 3 key groups are needed, and only group 2 opens"
    );
    let UnlockError::TooFewGroups { missing, .. } = error else {
        panic!("{error}");
    };
    let missing: Vec<_> = missing
        .iter()
        .map(|group| group.recipients[0].split(' ').next())
        .collect();
    assert_eq!(
        missing,
        [
            Some("age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"),
            Some("ssh-ed25519")
        ]
    );
}

#[test]
fn what_is_encrypted_for_groups_opens_with_enough_of_them() {
    let people: Vec<Identity> = vec![
        Identity::generate(),
        Identity::generate_post_quantum(),
        Identity::generate(),
        Identity::generate(),
    ];
    let group = |members: &[usize]| -> Vec<Recipient> {
        let members = members.iter();
        members
            .filter_map(|member| people[*member].recipient())
            .collect()
    };
    let groups =
        RecipientGroups::shared([group(&[0, 1]), group(&[2]), group(&[3])], Some(2)).unwrap();
    let document = Document::parse(Format::Yaml, "a: secret\n").unwrap();
    let encrypted = document
        .encrypt(&EncryptionRule::for_groups(groups))
        .unwrap()
        .to_text();
    assert!(encrypted.contains("shamir_threshold: 2\n"));
    let opens = |members: &[usize]| {
        let identities: Identities = members
            .iter()
            .map(|member| people[*member].clone())
            .collect();
        let file = EncryptedFile::parse(Format::Yaml, &encrypted).unwrap();
        file.decrypt(&identities).is_ok()
    };
    for enough in [&[0, 2][..], &[1, 3], &[2, 3], &[0, 1, 2, 3]] {
        assert!(opens(enough), "{enough:?}");
    }
    for too_few in [&[][..], &[0], &[0, 1], &[3]] {
        assert!(!opens(too_few), "{too_few:?}");
    }
}

/// The key of `MOCK`, protected with little work, so that the test costs little.
fn protected() -> Vec<u8> {
    let passphrase = age::secrecy::SecretString::from("passphrase".to_owned());
    let mut recipient = age::scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(2);
    age::encrypt_and_armor(&recipient, read(MOCK).as_bytes())
        .unwrap()
        .into_bytes()
}

#[test]
fn a_key_file_that_age_protected_opens() {
    let prompt = Answer::new(Some("passphrase"));
    let mut identities = Identities::with_prompt(prompt);
    let contents = read("keys/age-mock-passphrase-protected.age");
    identities.add_file(contents.as_bytes(), &IdentityOrigin::Given);
    file("plain/types/enc.yaml").decrypt(&identities).unwrap();
}

#[test]
fn a_protected_key_file_asks_once_and_only_when_needed() {
    let contents = protected();
    let origin = IdentityOrigin::Given;
    let with_prompt = |prompt: &Arc<Answer>, before: &[&str]| {
        let mut identities = Identities::with_prompt(prompt.clone());
        for name in before {
            identities.add_file(read(name).as_bytes(), &origin);
        }
        identities.add_file(&contents, &origin);
        identities
    };
    let path = "plain/types/enc.yaml";

    let prompt = Answer::new(Some("passphrase"));
    let identities = with_prompt(&prompt, &[]);
    let loaded = identities.iter().next().unwrap();
    assert_eq!(loaded.identity.kind(), IdentityKind::Passphrase);
    assert_eq!(prompt.asked(), 0);
    for _ in 0..2 {
        file(path).decrypt(&identities).unwrap();
    }
    assert_eq!(prompt.asked(), 1);
    assert_eq!(
        loaded.identity.public_part(),
        "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"
    );

    let prompt = Answer::new(Some("passphrase"));
    file(path).decrypt(&with_prompt(&prompt, &[MOCK])).unwrap();
    assert_eq!(prompt.asked(), 0, "another key opened the file");

    for (answer, failure, asked) in [
        (None, IdentityFailure::NoPassphrase, 1),
        (Some("wrong"), IdentityFailure::WrongPassphrase, 2),
    ] {
        let prompt = Answer::new(answer);
        let identities = with_prompt(&prompt, &[]);
        for _ in 0..2 {
            let UnlockError::NoMatchingIdentity { unused, .. } = key_error(path, &identities)
            else {
                panic!("another error");
            };
            assert_eq!(unused[0].failure, failure);
        }
        assert_eq!(prompt.asked(), asked);
    }
}

#[test]
fn a_mistyped_passphrase_may_be_typed_again() {
    struct SecondTime(AtomicUsize);
    impl Prompt for SecondTime {
        fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
            let (answer, words) = match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => ("pasphrase", "passphrase of"),
                _ => ("passphrase", "wrong passphrase; passphrase of"),
            };
            assert!(question.starts_with(words), "{question}");
            Some(Zeroizing::new(answer.to_owned()))
        }
    }
    let prompt = Arc::new(SecondTime(AtomicUsize::new(0)));
    let mut identities = Identities::with_prompt(prompt.clone());
    identities.add_file(&protected(), &IdentityOrigin::Given);
    file("plain/types/enc.yaml").decrypt(&identities).unwrap();
    assert_eq!(prompt.0.load(Ordering::SeqCst), 2);
}

#[test]
fn keys_of_other_kinds_are_named() {
    let error = key_error("upstream-pgp/comments.enc.yaml", &keys(&[MOCK]));
    assert_eq!(
        error.to_string(),
        "the file is not encrypted for an age key, but for PGP key `FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4`"
    );
}

#[test]
fn an_rsa_key_opens_what_is_encrypted_for_it() {
    let identities = keys(&["keys/ssh-rsa"]);
    let recipient: Recipient = read("keys/ssh-rsa.pub").parse().unwrap();
    assert_eq!(recipient.kind(), RecipientKind::SshRsa);
    assert!(recipient.is_same_key(&identities.recipients().next().unwrap()));
    let document = Document::parse(Format::Yaml, "a: secret\n").unwrap();
    let rule = EncryptionRule::for_recipients([recipient]);
    let encrypted = document.encrypt(&rule).unwrap();
    assert!(encrypted.to_text().contains("recipient: ssh-rsa AAAA"));
    assert!(encrypted.decrypt(&identities).is_ok());
}

#[test]
fn a_protected_ssh_key_asks_only_for_files_that_are_for_it() {
    let prompt = Answer::new(Some("passphrase"));
    let mut identities = Identities::with_prompt(prompt.clone());
    let contents = read("keys/ssh-ed25519-protected");
    identities.add_file(contents.as_bytes(), &IdentityOrigin::Given);
    assert_eq!(identities.problems(), []);
    key_error("variants/ssh.enc.yaml", &identities);
    assert_eq!(prompt.asked(), 0, "the file is for another SSH key");

    let recipient: Recipient = read("keys/ssh-ed25519-protected.pub").parse().unwrap();
    let document = Document::parse(Format::Yaml, "a: secret\n").unwrap();
    let rule = EncryptionRule::for_recipients([recipient]);
    let encrypted = document.encrypt(&rule).unwrap();
    for _ in 0..2 {
        assert!(encrypted.decrypt(&identities).is_ok());
    }
    assert_eq!(prompt.asked(), 1);
}

fn problems(identities: &Identities) -> Vec<String> {
    let problems = identities.problems().iter();
    problems.map(ToString::to_string).collect()
}

#[test]
fn problems_name_file_and_line() {
    let mock = read(MOCK);
    let mut identities = Identities::default();
    let origin = IdentityOrigin::Default("keys.txt".into());
    let text = format!(
        "# a comment\r\n\n{}\r\nnonsense\n",
        mock.lines().last().unwrap()
    );
    for text in [
        &*text,
        "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun",
        "# nothing",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n",
    ] {
        identities.add_text(text, &origin);
    }
    identities.add_file(&[0xff, 0xfe], &origin);
    assert!(identities.is_empty(), "a damaged file gives no key");
    assert_eq!(
        problems(&identities),
        [
            "`keys.txt`, line 4: it is not an age identity (`AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…` or `AGE-PLUGIN-…`)",
            "`keys.txt`, line 1: it is a public key; the private one is needed",
            "`keys.txt`: it holds no identity",
            "`keys.txt`: the SSH key cannot be used: it is damaged",
            "`keys.txt`: it is an age file that no passphrase opens",
            "`keys.txt`: it is not UTF-8 text",
        ]
    );
}

#[test]
fn sources_are_merged_in_the_order_of_sops() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, contents: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    };
    let made = || {
        let identity = Identity::generate();
        let text = identity.to_text().unwrap();
        (identity.public_part(), text)
    };
    let [variable, file, command, repository, default] = [(); 5].map(|()| made());
    write(".ssh/id_ed25519", &read(SSH));
    write("file.txt", &file.1);
    write("command.txt", &command.1);
    write("repo/.sops/age.key", &repository.1);
    write(".config/sops/age/keys.txt", &default.1);
    let path = |name: &str| home.path().join(name).display().to_string();
    let environment = Environment::default()
        .with_home(home.path())
        .with_repository(home.path().join("repo"))
        .with_variable("PATH", "/usr/bin:/bin")
        .with_variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path("none"))
        .with_variable("SOPS_AGE_KEY", format!("# comment\n{} ", *variable.1))
        .with_variable("SOPS_AGE_KEY_FILE", path("file.txt"))
        .with_variable("SOPS_AGE_KEY_CMD", format!("cat '{}'", path("command.txt")));
    let identities = Identities::load(&environment);
    let found: Vec<_> = identities
        .iter()
        .map(|loaded| loaded.identity.public_part())
        .collect();
    let ssh = read("keys/ssh-mock-ed25519.pub");
    let ssh = ssh.rsplit_once(' ').unwrap().0.to_owned();
    if cfg!(target_os = "linux") {
        let expected = [ssh, variable.0, file.0, command.0, repository.0, default.0];
        assert_eq!(found, expected);
        assert_eq!(identities.problems()[0].line, None);
    }
}

#[test]
fn a_key_command_is_told_the_recipients() {
    let environment = |recipients: [&str; 2]| {
        let environment = Environment::default()
            .with_variable("PATH", "/usr/bin:/bin")
            .with_variable("SOPS_AGE_KEY_CMD", "sh -c 'test \"$SOPS_AGE_RECIPIENT\" = two && echo AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7'");
        recipients
            .into_iter()
            .fold(environment, Environment::with_recipient)
    };
    let identities = Identities::load(&environment(["one", "two"]));
    assert_eq!(identities.len(), 1);
    assert_eq!(
        problems(&identities),
        ["$SOPS_AGE_KEY_CMD: the command failed: `sh` ended with exit status: 1"]
    );
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_used_with_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.txt");
    std::fs::write(&path, read(MOCK)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let environment = Environment::default().with_variable("SOPS_AGE_KEY_FILE", &path);
    let identities = Identities::load(&environment);
    assert_eq!(identities.len(), 1);
    assert!(identities.problems()[0].is_warning());
    assert!(problems(&identities)[0].ends_with("others can read the private key (mode 0644)"));
}
