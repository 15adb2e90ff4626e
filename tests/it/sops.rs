//! SOPS files both ways: what `sops` encrypts we open, what we encrypt `sops` opens.

use camino::{Utf8Path, Utf8PathBuf};
use sops_rs::{Document, EncryptedFile, EncryptionRule, Format, Identities, Identity};
use sops_rs::{Mapping, Pattern, Scalar, Selection, Tree, Value};

use crate::support::env::Run;
use crate::support::{Case, TestEnv, realparts};

pub fn tests() -> Vec<Case> {
    let real = [
        Case::new("sops_opens_what_we_encrypt", sops_opens_what_we_encrypt),
        Case::new("we_open_what_sops_encrypts", we_open_what_sops_encrypts),
        Case::new(
            "sops_opens_every_kind_of_selection",
            sops_opens_every_selection,
        ),
        Case::new("sops_prints_what_we_print", sops_prints_what_we_print),
        Case::new("sops_edits_what_we_encrypt", sops_edits_what_we_encrypt),
        Case::new("commands_of_both_tools_mix", commands_mix),
        Case::new(
            "both_tools_change_who_opens_a_file",
            both_tools_change_who_opens_a_file,
        ),
        Case::new("two_thousand_documents_agree", two_thousand_documents_agree),
    ];
    let mut cases: Vec<Case> = real.into_iter().map(|case| case.parts(&["sops"])).collect();
    let age = Case::new(
        "age_opens_the_wrapped_data_key",
        age_opens_the_wrapped_data_key,
    );
    cases.push(age.parts(&["age"]));
    cases
}

/// A key, and a directory in which `sops` runs with it.
pub(crate) struct Lab {
    pub(crate) env: TestEnv,
    pub(crate) identity: Identity,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let env = TestEnv::new();
        let identity = Identity::generate();
        env.write(
            "age.key",
            identity.to_text().expect("an age key").as_bytes(),
        );
        Self { env, identity }
    }

    pub(crate) fn sops<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.env
            .program(realparts::program("sops", "sops"), arguments)
            .env("SOPS_AGE_KEY_FILE", self.env.root().join("age.key"))
            .env("SOPS_AGE_RECIPIENTS", self.identity.public_part())
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .run()
    }

    pub(crate) fn rule(&self) -> EncryptionRule {
        EncryptionRule::for_recipients(self.identity.recipient())
    }

    pub(crate) fn open(&self, text: &str) -> String {
        let file = EncryptedFile::parse(Format::Yaml, text).unwrap();
        let opened = file
            .decrypt(&Identities::from(self.identity.clone()))
            .unwrap();
        String::from_utf8(opened.document.to_bytes().to_vec()).unwrap()
    }
}

/// The plain files of the library's corpus: names and texts.
pub(crate) fn corpus() -> Vec<(String, String)> {
    let data = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/sops-rs/tests/data");
    let mut found = Vec::new();
    for entry in data.join("plain").read_dir_utf8().unwrap() {
        let folder = entry.unwrap().into_path();
        // Folders of other formats are compared in `sops_formats`.
        let name = folder.file_name().unwrap();
        let file = folder.join("in.yaml");
        if file.exists() {
            let text = std::fs::read_to_string(&file).unwrap();
            found.push((name.to_owned(), text));
        }
    }
    for entry in data.join("real-world").read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        if let Some(name) = path
            .file_name()
            .and_then(|name| name.strip_suffix(".in.yaml"))
        {
            found.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    assert!(found.len() > 25, "the corpus is there");
    found
}

pub(crate) fn parse(text: &str) -> Document {
    Document::parse(Format::Yaml, text).unwrap()
}

/// What a document says, without its comments and empty lines: both tools agree on data exactly, on the place of
/// a comment only where go-yaml is consistent with itself.
pub(crate) fn without_comments(text: &str) -> String {
    let counts = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
    let kept: Vec<&str> = text.lines().filter(counts).collect();
    kept.join("\n")
}

fn sops_opens_what_we_encrypt() {
    let lab = Lab::new();
    for (name, text) in corpus() {
        let document = parse(&text);
        let encrypted = document.encrypt(&lab.rule()).unwrap().to_text();
        lab.env.write("file.yaml", &encrypted);
        let run = lab.sops(["decrypt", "file.yaml"]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        let ours = lab.open(&encrypted);
        assert_eq!(
            without_comments(&run.stdout),
            without_comments(&ours),
            "{name}"
        );
    }
}

fn we_open_what_sops_encrypts() {
    let lab = Lab::new();
    for (name, text) in corpus() {
        lab.env.write("file.yaml", &text);
        let encrypted = lab.sops(["encrypt", "file.yaml"]).success().stdout;
        lab.env.write("file.yaml", &encrypted);
        let theirs = lab.sops(["decrypt", "file.yaml"]).success().stdout;
        assert_eq!(lab.open(&encrypted), theirs, "{name}");
        let printed = EncryptedFile::parse(Format::Yaml, &encrypted)
            .unwrap()
            .to_text();
        assert_eq!(
            without_comments(&printed),
            without_comments(&encrypted),
            "{name}"
        );
    }
}

fn sops_opens_every_selection() {
    let text = "\
# about
apiVersion: v1
metadata: {name: x, n: 3}
# secret below
stringData:
  # inner
  password: hunter2
  port: 5432
  list: [a, 1, true, 2024-01-02, 1.5, null, '']
  key_unencrypted: clear
  key_enc: hidden
other: 0o17
";
    let pattern = |text: &str| Pattern::new(text).unwrap();
    let selections = [
        Selection::default(),
        Selection::EncryptedSuffix("_enc".to_owned()),
        Selection::EncryptedRegex(pattern("^(data|stringData)$")),
        Selection::UnencryptedRegex(pattern("^(apiVersion|metadata)$")),
        Selection::EncryptedCommentRegex(pattern("secret")),
        Selection::UnencryptedCommentRegex(pattern("^ (about|inner)$")),
    ];
    for selection in selections {
        for only in [false, true] {
            let lab = Lab::new();
            let rule = lab
                .rule()
                .with_selection(selection.clone())
                .with_mac_only_encrypted(only);
            let encrypted = parse(text).encrypt(&rule).unwrap().to_text();
            lab.env.write("file.yaml", &encrypted);
            let run = lab.sops(["decrypt", "file.yaml"]);
            assert_eq!(run.code, Some(0), "{selection:?}, {only}: {}", run.stderr);
            assert_eq!(run.stdout, lab.open(&encrypted), "{selection:?}, {only}");
        }
    }
}

/// With a rule that encrypts nothing, `sops encrypt` shows how it lays a document out.
fn sops_prints_what_we_print() {
    let lab = Lab::new();
    let nothing = "^no key is called this$";
    let selection = Selection::EncryptedRegex(Pattern::new(nothing).unwrap());
    let rule = lab.rule().with_selection(selection);
    for (name, text) in corpus() {
        lab.env.write("file.yaml", &text);
        let run = lab.sops(["encrypt", "--encrypted-regex", nothing, "file.yaml"]);
        let theirs = run.success().stdout;
        let ours = parse(&text).encrypt(&rule).unwrap().to_text();
        assert_eq!(without_metadata(&ours), without_metadata(&theirs), "{name}");
    }
}

/// A file without its `sops` entries, which differ in every run.
fn without_metadata(text: &str) -> String {
    let mut within = false;
    let kept = text.lines().filter(|line| {
        within = *line == "sops:" || within && line.starts_with(' ');
        !within
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn sops_edits_what_we_encrypt() {
    let lab = Lab::new();
    let encrypted = parse("a: one\nb: two\n")
        .encrypt(&lab.rule())
        .unwrap()
        .to_text();
    lab.env.write("file.yaml", &encrypted);
    lab.sops(["set", "file.yaml", r#"["b"]"#, r#""three""#])
        .success();
    lab.sops(["rotate", "--in-place", "file.yaml"]).success();
    assert_eq!(lab.open(&lab.env.read("file.yaml")), "a: one\nb: three\n");
}

fn commands_mix() {
    let lab = Lab::new();
    let recipient = lab.identity.public_part();
    lab.env.write(
        ".sops.yaml",
        format!(
            "stores: {{yaml: {{indent: 2}}}}\ncreation_rules:\n  - path_regex: secrets/.*\\.sops\\.ya?ml$\n    \
             encrypted_regex: ^(data|stringData)$\n    mac_only_encrypted: true\n    age: {recipient}\n"
        ),
    );
    let manifest = "kind: Secret\nstringData:\n  password: hunter2\n  pin: \"0042\"\n";
    for file in ["secrets/ours.sops.yaml", "secrets/theirs.sops.yaml"] {
        lab.env.write(file, manifest);
    }
    let homelab = |arguments: &[&str]| {
        let key = lab.env.root().join("age.key");
        lab.env
            .homelab(arguments)
            .env("SOPS_AGE_KEY_FILE", key)
            .run()
            .success()
    };
    homelab(&["secrets", "encrypt", "secrets/ours.sops.yaml"]);
    lab.sops(["encrypt", "--in-place", "secrets/theirs.sops.yaml"])
        .success();
    let ours = lab.env.read("secrets/ours.sops.yaml");
    let theirs = lab.env.read("secrets/theirs.sops.yaml");
    assert_eq!(shape(&ours), shape(&theirs));
    let opened = lab
        .sops(["decrypt", "secrets/ours.sops.yaml"])
        .success()
        .stdout;
    assert_eq!(opened, manifest);
    let opened = homelab(&["secrets", "decrypt", "secrets/theirs.sops.yaml"]).stdout;
    assert_eq!(opened, manifest);
}

/// The rules change, one tool follows them, and the other opens the file with exactly the keys that they name.
fn both_tools_change_who_opens_a_file() {
    let env = TestEnv::new();
    let keys: Vec<Identity> = (0..3).map(|_| Identity::generate()).collect();
    let public: Vec<String> = keys.iter().map(Identity::public_part).collect();
    let private = |names: &[usize]| {
        let keys = names
            .iter()
            .map(|&name| keys[name].to_text().expect("an age key"));
        keys.map(|key| key.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let sops = |keys: &[usize], arguments: &[&str]| {
        let program = env.program(realparts::program("sops", "sops"), arguments);
        let program = program.env("SOPS_DISABLE_VERSION_CHECK", "1");
        program.env("SOPS_AGE_KEY", private(keys)).run()
    };
    let homelab = |keys: &[usize], arguments: &[&str]| {
        let arguments = [&["secrets"], arguments].concat();
        env.homelab(arguments)
            .env("SOPS_AGE_KEY", private(keys))
            .run()
    };
    let rules = |lines: &str| env.write(".sops.yaml", format!("creation_rules:\n  - {lines}\n"));
    let plain = "a: one\nb: 2\n";
    let sops_opens = |keys: &[usize]| {
        let run = sops(keys, &["decrypt", "file.yaml"]);
        run.code == Some(0) && run.stdout == plain
    };
    let we_open = |keys: &[usize]| {
        let run = homelab(keys, &["decrypt", "file.yaml"]);
        run.code == Some(0) && run.stdout == plain
    };

    rules(&format!("age: {}", public[0]));
    env.write("file.yaml", plain);
    sops(&[], &["encrypt", "--in-place", "file.yaml"]).success();
    rules(&format!("age: {}, {}", public[0], public[1]));
    homelab(&[0], &["updatekeys", "file.yaml"]).success();
    assert_eq!([&[0][..], &[1], &[2]].map(sops_opens), [true, true, false]);

    let groups = public.iter().map(|key| format!("{{age: [{key}]}}"));
    let groups = groups.collect::<Vec<_>>().join(", ");
    rules(&format!("{{shamir_threshold: 2, key_groups: [{groups}]}}"));
    homelab(&[0, 1], &["updatekeys", "file.yaml"]).success();
    let sets = [&[0][..], &[1], &[0, 1], &[0, 2], &[1, 2]];
    assert_eq!(sets.map(sops_opens), [false, false, true, true, true]);
    homelab(&[0, 2], &["rotate", "file.yaml"]).success();
    assert_eq!(sets.map(sops_opens), [false, false, true, true, true]);

    rules(&format!("age: {}", public[2]));
    sops(&[0, 1], &["updatekeys", "--yes", "file.yaml"]).success();
    assert_eq!([&[0][..], &[1], &[2]].map(we_open), [false, false, true]);
    homelab(&[2], &["updatekeys", "--check", "file.yaml"]).success();
}

/// A file with everything random cut out: the lines that both tools must write alike.
fn shape(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = match line.split_once("ENC[AES256_GCM,data:") {
            Some((key, value)) => {
                let kind = value.rsplit_once("type:").map_or("", |(_, kind)| kind);
                format!("{key}ENC {kind}")
            }
            None if line.contains("lastmodified") => "lastmodified".to_owned(),
            None => line.to_owned(),
        };
        lines.push(line);
    }
    let armor =
        |line: &String| line.len() > 40 && !line.contains(' ') || line.starts_with("      ");
    lines.retain(|line| !armor(line));
    lines.join("\n")
}

fn age_opens_the_wrapped_data_key() {
    let lab = Lab::new();
    let keygen = realparts::program("age", "age-keygen");
    let key = lab
        .env
        .program(&keygen, [] as [&str; 0])
        .run()
        .success()
        .stdout;
    lab.env.write("real.key", &key);
    let line = key
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .unwrap();
    let identity = Identity::parse(line).unwrap();
    let stated = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    assert_eq!(identity.public_part(), stated);

    let rule = EncryptionRule::for_recipients(identity.recipient());
    let encrypted = parse("a: 1\n").encrypt(&rule).unwrap();
    let text = encrypted.to_text();
    let armor: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("BEGIN AGE"))
        .take_while(|line| !line.contains("recipient:"))
        .map(str::trim)
        .collect();
    lab.env.write("data-key.age", armor.join("\n") + "\n");
    let age = realparts::program("age", "age");
    let run = lab
        .env
        .program(
            age,
            ["-d", "-i", "real.key", "-o", "data-key", "data-key.age"],
        )
        .run();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let size = std::fs::metadata(Utf8Path::new(&lab.env.root()).join("data-key"))
        .unwrap()
        .len();
    assert_eq!(size, 32);
}

/// Documents of strange strings, every type and every nesting, both ways.
fn two_thousand_documents_agree() {
    let lab = Lab::new();
    let mut random = Random(0x5eed);
    for round in 0..20 {
        let documents: Vec<Mapping> = (0..100).map(|_| random.mapping(3)).collect();
        let document = Document::from_tree(Format::Yaml, Tree { documents }).unwrap();
        let ours = document.encrypt(&lab.rule()).unwrap().to_text();
        lab.env.write("file.yaml", &ours);
        let run = lab.sops(["decrypt", "file.yaml"]);
        assert_eq!(run.code, Some(0), "round {round}: {}", run.stderr);
        assert_eq!(run.stdout, lab.open(&ours), "round {round}, ours");
        lab.env.write("file.yaml", &run.stdout);
        let theirs = lab.sops(["encrypt", "file.yaml"]).success().stdout;
        assert_eq!(lab.open(&theirs), run.stdout, "round {round}, theirs");
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }

    /// Up to four keys; the number in each keeps them apart.
    fn mapping(&mut self, depth: usize) -> Mapping {
        let mut mapping = Mapping::default();
        for index in 0..=self.below(4) {
            let text = STRANGE[self.below(STRANGE.len())];
            let key = if text.contains('\n') { "k" } else { text };
            mapping.push(format!("{key}{index}"), self.value(depth));
        }
        mapping
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 10 }) {
            0..=2 => STRANGE[self.below(STRANGE.len())].into(),
            3 => Scalar::Int(self.below(1 << 40).cast_signed() as i64 - (1 << 39)).into(),
            4 => Scalar::Bool(self.below(2) == 0).into(),
            5 => Scalar::Float(f64::from_bits(
                0x3e00_0000_0000_0001 + ((self.below(1 << 60)) as u64),
            ))
            .into(),
            6 => Value::Null,
            7 | 8 => self.mapping(depth - 1).into(),
            _ => {
                let length = self.below(4);
                let values: Vec<Value> = (0..length).map(|_| self.value(depth - 1)).collect();
                values.into()
            }
        }
    }
}

/// Strings that a printer is tempted to print wrongly.
const STRANGE: &[&str] = &[
    "plain",
    "two words",
    "",
    "y",
    "No",
    "null",
    "~",
    "true",
    "0644",
    "0o17",
    "1_000",
    "1e3",
    ".5",
    "1:30",
    "2024-01-02",
    "a: b",
    "a #b",
    "#c",
    "- d",
    "-",
    "?",
    ": e",
    "[f",
    "{g",
    "*h",
    "&i",
    "!j",
    "|k",
    ">l",
    "%m",
    "@n",
    "`o",
    "'p",
    "\"q",
    "r'",
    " lead",
    "trail ",
    "tab\there",
    "back\\slash",
    "---",
    "...",
    "<",
    "é ü 漢字",
    "\u{1F600}",
    "\u{a0}nbsp",
    "\u{feff}bom",
    "bell\u{7}",
    "line\nbreak",
    "end\n",
    "two\n\n",
    "a\n  indented\n",
    "trailing \nspace",
    "cr\r\nlf",
    "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n",
    "ENC[nothing]",
    "{{ x }}",
];
