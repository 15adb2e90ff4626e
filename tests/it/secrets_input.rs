//! Bad input to `homelab secrets`: a precise message, and the file as it was.

use sops_rs::Identity;

use crate::support::vault::{
    KEY, SECRET, encrypted, git, git_repository, public, repository, secrets, set_mode,
};
use crate::support::{Case, TestEnv, cases};

pub fn tests() -> Vec<Case> {
    cases![
        damaged_files_say_what_is_wrong_and_stay,
        what_can_be_saved_is_saved,
        a_mac_that_does_not_match_has_a_likely_cause,
        huge_and_deep_files_are_refused,
        line_ends_and_marks_of_byte_order,
        bytes_are_a_binary_file,
        standard_input_has_the_format_of_its_name,
        integers_that_would_lose_digits_are_refused,
        the_remedies_for_edits_work_on_tracked_files,
        files_for_other_keys_need_sops,
        key_files_with_comments_and_several_keys,
        wrong_and_damaged_keys_are_told_apart,
        keys_that_others_can_read_are_warned_of_once,
        keys_are_made_once_and_told_by_their_public_half,
    ]
}

const DB: &str = "cluster/secrets/db/db.sops.yaml";

fn with_secret() -> TestEnv {
    let env = repository();
    encrypted(&env, DB, SECRET);
    env
}

/// Puts a damaged text in place of the file; every command that reads it says why and leaves it.
fn refused(env: &TestEnv, text: &str, expected: &str) {
    env.write(DB, text);
    let commands: [&[&str]; 5] = [
        &["decrypt", DB],
        &["decrypt", "-i", DB],
        &["rotate", DB],
        &["get", DB, "stringData.user"],
        &["edit", DB],
    ];
    for command in commands {
        let run = env.homelab(std::iter::once(&"secrets").chain(command));
        let run = run.env("EDITOR", "true").run();
        assert_eq!(run.code, Some(1), "{command:?}: {}", run.transcript());
        assert!(
            run.stderr.contains(expected),
            "{command:?}: {expected}\n{}",
            run.stderr
        );
        assert_eq!(run.stdout, "", "{command:?}");
        assert_eq!(env.read(DB), text, "{command:?}");
    }
}

/// The line of a key.
fn line<'a>(text: &'a str, key: &str) -> &'a str {
    let found = text.lines().find(|line| line.trim_start().starts_with(key));
    found.unwrap()
}

fn damaged_files_say_what_is_wrong_and_stay() {
    let env = with_secret();
    let good = env.read(DB);
    let (password, user) = (line(&good, "password:"), line(&good, "user:"));
    let moved = "the encrypted value was changed, or moved to another key";
    refused(&env, &good.replace("    password:", "    passwort:"), moved);
    let swapped = good
        .replace(password, &user.replace("user:", "password:"))
        .replace(user, &password.replace("password:", "user:"));
    refused(&env, &swapped, moved);
    let tampered = password.replace("data:", "data:AAAA");
    refused(&env, &good.replace(password, &tampered), moved);
    let plain = "    password: in the clear";
    refused(
        &env,
        &good.replace(password, plain),
        "stringData.password: ",
    );
    let (before, metadata) = good.split_once("sops:\n").unwrap();
    refused(
        &env,
        before,
        "the file is not encrypted: it has no `sops` entry",
    );
    refused(&env, &format!("{before}sops: text\n"), "must be a mapping");
    refused(
        &env,
        &format!("{before}sops: {{}}\n"),
        "the `sops` entry has no `version`",
    );
    let no_mac = metadata.replace(line(metadata, "mac:"), "    mac: ''");
    refused(
        &env,
        &format!("{before}sops:\n{no_mac}"),
        "the file has no MAC",
    );
    let wrong_type = metadata.replace(line(metadata, "lastmodified:"), "    lastmodified: 5");
    refused(
        &env,
        &format!("{before}sops:\n{wrong_type}"),
        "`sops.lastmodified` must be ",
    );
    let twice = good.replace(password, &format!("{password}\n{password}"));
    refused(&env, &twice, "key `password` is already defined");
    refused(&env, &good[..before.len() - 20], "");
}

fn what_can_be_saved_is_saved() {
    let env = with_secret();
    let text = env.read(DB).replace("    password:", "    passwort:");
    env.write(DB, &text);
    let run = secrets(&env, ["decrypt", "--keep-going", DB]).expect_code(1);
    assert!(
        run.stdout.contains("    user: ada-lovelace\n"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("    passwort: ENC["), "{}", run.stdout);
    assert!(
        run.stderr.contains(
            "warning: not decrypted: stringData.passwort: the encrypted value was changed, or moved to another key\n"
        ),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("1 value of"), "{}", run.stderr);
    encrypted(&env, "good.sops.yaml", "a: b\n");
    let run = secrets(&env, ["decrypt", "--keep-going", "good.sops.yaml"]).success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("a: b\n", ""));
}

fn a_mac_that_does_not_match_has_a_likely_cause() {
    let env = with_secret();
    let good = env.read(DB);
    env.write(DB, good.replace("name: db", "name: other"));
    let run = secrets(&env, ["decrypt", DB]).expect_code(1);
    assert!(
        run.stderr.contains("a value was changed, added or removed"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains(&format!("`git log -p -- {DB}`")),
        "{}",
        run.stderr
    );
    env.write(DB, format!("{good}    mac_only_encrypted: true\n"));
    let run = secrets(&env, ["decrypt", DB]).expect_code(1);
    assert!(
        run.stderr.contains("`mac_only_encrypted` was changed"),
        "{}",
        run.stderr
    );
}

fn huge_and_deep_files_are_refused() {
    let env = repository();
    let deep = format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    let deep_json = format!("{{\"a\": {}{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    for (file, text) in [("deep.sops.yaml", &deep), ("deep.sops.json", &deep_json)] {
        env.write(file, text);
        for verb in ["encrypt", "decrypt"] {
            let run = secrets(&env, [verb, file]).expect_code(1);
            assert!(
                run.stderr.contains("deep") && run.stderr.lines().count() < 5,
                "{}",
                run.stderr
            );
        }
        assert_eq!(env.read(file), *text);
    }
    let huge = env.root().join("huge.sops.yaml");
    std::fs::File::create(&huge)
        .unwrap()
        .set_len(300 * 1024 * 1024)
        .unwrap();
    for verb in ["encrypt", "decrypt", "status"] {
        let run = secrets(&env, [verb, "huge.sops.yaml"]).expect_code(1);
        assert!(
            run.stderr
                .contains("`huge.sops.yaml` has 314572800 bytes; more than 268435456 are not read"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(std::fs::metadata(huge).unwrap().len(), 300 * 1024 * 1024);
}

fn line_ends_and_marks_of_byte_order() {
    let env = repository();
    env.write("crlf.sops.yaml", "a: one\r\nb: two\r\n");
    env.write("bom.sops.yaml", "\u{feff}a: one\nb: two\n");
    for file in ["crlf.sops.yaml", "bom.sops.yaml"] {
        secrets(&env, ["encrypt", file]).success();
        let get = |key| secrets(&env, ["get", file, key]).success().stdout;
        assert_eq!(
            (get("a"), get("b")),
            ("one".to_owned(), "two".to_owned()),
            "{file}"
        );
    }
}

fn bytes_are_a_binary_file() {
    let env = repository();
    env.write("bytes.sops.yaml", b"a: \xff\n");
    let run = secrets(&env, ["encrypt", "bytes.sops.yaml"]).expect_code(1);
    assert!(run.stderr.contains("UTF-8"), "{}", run.stderr);
    env.write("bytes.sops.bin", b"a: \xff\n");
    secrets(&env, ["encrypt", "bytes.sops.bin"]).success();
    let run = secrets(&env, ["encrypt", "bytes.sops.bin"]).expect_code(6);
    assert!(
        run.stderr.contains("is already encrypted"),
        "{}",
        run.stderr
    );
    secrets(&env, ["decrypt", "-i", "bytes.sops.bin"]).success();
    assert_eq!(
        std::fs::read(env.root().join("bytes.sops.bin")).unwrap(),
        b"a: \xff\n"
    );
}

fn standard_input_has_the_format_of_its_name() {
    let env = repository();
    let through = |name: &str, text: &[u8], options: &[&str]| {
        env.write(name, text);
        secrets(&env, ["encrypt", name]).success();
        let input = env.read(name);
        let arguments = ["secrets", "decrypt", "-"].iter().chain(options);
        env.homelab(arguments).stdin(input).run()
    };
    let files: [(&str, &str); 4] = [
        ("x.sops.bin", "no: yaml\n\tat all\n"),
        ("x.sops.env", "A=x\n"),
        ("x.sops.ini", "[s]\na = x\n"),
        ("x.sops.json", "{\n\t\"a\": \"x\"\n}\n"),
    ];
    for (name, text) in files {
        let run = through(name, text.as_bytes(), &["--name", name]).success();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (text, ""));
    }
    let guessed = through("y.sops.bin", b"\x00\xff", &[]).success();
    assert!(
        guessed.stderr.contains("`--format binary`"),
        "{}",
        guessed.stderr
    );
    for (name, text) in [("y.sops.env", "A=x\n"), ("y.sops.ini", "[s]\na = x\n")] {
        let run = through(name, text.as_bytes(), &[]).expect_code(1);
        assert!(run.stderr.contains("`--name FILE`"), "{}", run.stderr);
    }
    let input = env.read("x.sops.env");
    let get = env.homelab(["secrets", "get", "--name", "x.env", "-", "A"]);
    assert_eq!(get.stdin(input).run().success().stdout, "x");
}

fn integers_that_would_lose_digits_are_refused() {
    let env = repository();
    let text = "{\n  \"n\": -12345678901234567890\n}\n";
    env.write("n.sops.json", text);
    let run = secrets(&env, ["encrypt", "n.sops.json"]).expect_code(1);
    assert!(
        run.stderr
            .contains("line 2, column 8: an integer beyond 64 bits would lose digits"),
        "{}",
        run.stderr
    );
    assert_eq!(env.read("n.sops.json"), text);
    // What a float holds whole is no loss.
    encrypted(&env, "f.sops.json", "{\"n\": 12345678901234567000}\n");
}

/// Runs what the messages say.
fn the_remedies_for_edits_work_on_tracked_files() {
    let env = git_repository();
    encrypted(&env, DB, SECRET);
    git(&env, ["add", "-A"]).success();
    git(&env, ["commit", "-q", "-m", "x"]).success();
    let good = env.read(DB);
    env.write(DB, good.replace("name: db", "name: other"));
    let told = secrets(&env, ["decrypt", DB]).expect_code(1).stderr;
    let commands = [
        format!("secrets decrypt --ignore-mac -i --over-tracked {DB}"),
        format!("secrets encrypt {DB}"),
    ];
    for command in &commands {
        assert!(told.contains(&format!("`homelab {command}`")), "{told}");
        env.homelab(command.split(' ')).run().success();
    }
    let wanted = SECRET.replace("name: db", "name: other");
    assert_eq!(secrets(&env, ["decrypt", DB]).success().stdout, wanted);

    // A value that somebody put in the place of an encrypted one.
    let password = line(&good, "password:");
    env.write(DB, good.replace(password, "    password: in-the-clear"));
    let told = secrets(&env, ["check"]).expect_code(4);
    let told = told.transcript();
    git(&env, ["checkout", "-q", "HEAD", "--", DB]).success();
    assert!(
        told.contains(&format!("`homelab secrets set {DB} 'stringData.password'`")),
        "{told}"
    );
    let set = env.homelab(["secrets", "set", DB, "stringData.password"]);
    set.stdin("in-the-clear").run().success();
    secrets(&env, ["check"]).success();
    // The same without a good state.
    env.write(DB, good.replace(&format!("{password}\n"), ""));
    for command in &commands {
        assert!(told.contains(&format!("`homelab {command}`")), "{told}");
        env.homelab(command.split(' ')).run().success();
    }
    secrets(&env, ["check"]).success();
}

fn files_for_other_keys_need_sops() {
    let env = with_secret();
    let text = env.read(DB);
    let start = text.find("    age:\n").unwrap();
    let end = text.find("    lastmodified:").unwrap();
    let pgp = "    pgp:\n        - created_at: \"2024-01-01T00:00:00Z\"\n          enc: x\n          fp: ABCD\n";
    env.write(DB, format!("{}{pgp}{}", &text[..start], &text[end..]));
    let run = secrets(&env, ["decrypt", DB]).expect_code(1);
    assert!(run.stderr.contains("PGP key `ABCD`"), "{}", run.stderr);
    assert!(
        run.stderr.contains("`sops rotate -i --add-age"),
        "{}",
        run.stderr
    );
    assert!(
        !run.stderr.contains("put the private key"),
        "{}",
        run.stderr
    );
}

fn key_files_with_comments_and_several_keys() {
    let env = with_secret();
    let other = Identity::generate().to_text().unwrap();
    for text in [
        format!("# one\n\n{}\n# two\n  {KEY}  \n", *other),
        format!("\u{feff}{KEY}\r\n"),
        format!("{KEY}\r\n{}\r\n", *other),
    ] {
        env.write(".sops/age.key", &text);
        let run = secrets(&env, ["get", DB, "stringData.user"]);
        assert_eq!(run.stdout, "ada-lovelace", "{text:?}: {}", run.stderr);
    }
}

fn wrong_and_damaged_keys_are_told_apart() {
    let env = with_secret();
    let other = Identity::generate();
    env.write(".sops/age.key", other.to_text().unwrap().as_bytes());
    let run = secrets(&env, ["decrypt", DB]).expect_code(1);
    let expected = format!(
        "hint: at hand: {} from `{}/.sops/age.key`\n",
        public(&other),
        env.root()
    );
    assert!(
        run.stderr.contains("does not open the file"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    env.write(".sops/age.key", format!("# mine\n{}\n", &KEY[..40]));
    let run = secrets(&env, ["decrypt", DB]).expect_code(1);
    assert!(run.stderr.contains("line 2"), "{}", run.stderr);
    assert!(!run.stderr.contains(&KEY[..40]), "{}", run.stderr);
}

fn keys_that_others_can_read_are_warned_of_once() {
    let env = with_secret();
    encrypted(&env, "other.sops.yaml", "a: b\n");
    set_mode(&env, ".sops/age.key", 0o644);
    let run = secrets(&env, ["check"]).success();
    let warnings = run.stderr.matches("chmod 600").count();
    assert_eq!(warnings, 1, "{}", run.stderr);
}

fn keys_are_made_once_and_told_by_their_public_half() {
    let env = TestEnv::new();
    let run = secrets(&env, ["keygen"]).success();
    let recipient = run.stdout.trim_end();
    assert!(
        recipient.starts_with("age1") && recipient.len() == 62,
        "{recipient}"
    );
    let text = env.read(".sops/age.key");
    assert!(text.starts_with(&format!("# public key: {recipient}\nAGE-SECRET-KEY-1")));
    assert_eq!(env.read(".sops/.gitignore"), "*\n");
    let public = secrets(&env, ["keygen", "--public", ".sops/age.key"]).success();
    assert_eq!(public.stdout, run.stdout);
    let again = secrets(&env, ["keygen"]).expect_code(6);
    assert!(
        again.stderr.contains("a key is never replaced"),
        "{}",
        again.stderr
    );
    assert_eq!(env.read(".sops/age.key"), text);
    let piped = secrets(&env, ["keygen", "--to", "-"]).success();
    assert!(piped.stdout.contains("\nAGE-SECRET-KEY-1"));
}
