//! The `sops` entry: what this crate cannot use survives a rewrite, and weakly typed fields are read.
//!
//! Files with the layouts of sops 3.6 to 3.13 are among those of `tests/every_file.rs`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use sops_rs::{
    Document, EncryptedFile, EncryptionRule, Format, Identities, Identity, KeyKind, Layout,
    MasterKey,
};

struct Sample {
    format: Format,
    plain: &'static str,
    /// A line of the metadata, and what is put before it.
    before: &'static str,
    added: &'static str,
}

/// Keys of other kinds and a field of tomorrow, as `sops` spells and orders them in each format.
const SAMPLES: [Sample; 5] = [
    Sample {
        format: Format::Yaml,
        plain: "a: x\n",
        before: "    lastmodified:",
        added: "    future:\n        - size: 1\n    kms:\n        - arn: arn:aws:kms:eu-1:1:key/2\n          aws_profile: \"\"\n          context:\n            Role: x\n          created_at: \"2019-08-29T21:52:32Z\"\n          enc: AQIC\n",
    },
    Sample {
        format: Format::Json,
        plain: "{\"a\": \"x\"}",
        before: "\t\t\"lastmodified\":",
        added: "\t\t\"future\": [\n\t\t\t{\n\t\t\t\t\"size\": 1\n\t\t\t}\n\t\t],\n\t\t\"kms\": [\n\t\t\t{\n\t\t\t\t\"arn\": \"arn:aws:kms:eu-1:1:key/2\",\n\t\t\t\t\"aws_profile\": \"\",\n\t\t\t\t\"context\": {\n\t\t\t\t\t\"Role\": \"x\"\n\t\t\t\t},\n\t\t\t\t\"created_at\": \"2019-08-29T21:52:32Z\",\n\t\t\t\t\"enc\": \"AQIC\"\n\t\t\t}\n\t\t],\n",
    },
    Sample {
        format: Format::Dotenv,
        plain: "a=x\n",
        before: "sops_lastmodified=",
        added: "sops_future__list_0__map_size=1\nsops_kms__list_0__map_arn=arn:aws:kms:eu-1:1:key/2\nsops_kms__list_0__map_aws_profile=\nsops_kms__list_0__map_context__map_Role=x\nsops_kms__list_0__map_created_at=2019-08-29T21:52:32Z\nsops_kms__list_0__map_enc=AQIC\n",
    },
    Sample {
        format: Format::Ini,
        plain: "[s]\na = x\n",
        before: "lastmodified ",
        added: "future__list_0__map_size = 1\nkms__list_0__map_arn = arn:aws:kms:eu-1:1:key/2\nkms__list_0__map_aws_profile =\nkms__list_0__map_context__map_Role = x\nkms__list_0__map_created_at = 2019-08-29T21:52:32Z\nkms__list_0__map_enc = AQIC\n",
    },
    Sample {
        format: Format::Binary,
        plain: "x",
        before: "\t\t\"lastmodified\":",
        added: "\t\t\"future\": \"n\",\n\t\t\"kms\": [\n\t\t\t{\n\t\t\t\t\"arn\": \"a\",\n\t\t\t\t\"enc\": \"AQIC\"\n\t\t\t}\n\t\t],\n",
    },
];

impl Sample {
    fn encrypted(&self) -> (String, Identities) {
        let identity = Identity::generate();
        let rule = EncryptionRule::for_recipients(identity.recipient());
        let document = Document::parse(self.format, self.plain).unwrap();
        let text = document.encrypt(&rule).unwrap().to_text();
        (text, Identities::from(identity))
    }

    fn parse(&self, text: &str) -> EncryptedFile {
        EncryptedFile::parse(self.format, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

#[test]
fn foreign_keys_and_unknown_fields_survive_a_rewrite() {
    for sample in SAMPLES {
        let (text, identities) = sample.encrypted();
        let with = text.replacen(
            sample.before,
            &format!("{}{}", sample.added, sample.before),
            1,
        );
        assert_ne!(with, text, "{}", sample.format);
        let file = sample.parse(&with);
        assert!(file.decrypt(&identities).is_ok());
        let foreign = file
            .metadata()
            .keys()
            .filter(|key| matches!(key, MasterKey::Other { kind, .. } if *kind == KeyKind::AwsKms));
        assert_eq!(foreign.count(), 1);
        let printed = file.to_text();
        match sample.format {
            // Spaces around `=` follow the longest key.
            Format::Ini => {
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&printed), bare(&with));
            }
            // `sops` adds the rule for files without one.
            Format::Binary => assert!(printed.contains(sample.added), "{printed}"),
            _ => assert_eq!(printed, with),
        }
    }
}

#[test]
fn unknown_fields_of_a_key_group_survive_too() {
    let text = include_str!("data/variants/shamir23.enc.yaml");
    let with = text.replace(
        "      hc_vault: []\n",
        "      future: 1\n      hc_vault: []\n",
    );
    assert_ne!(with, text);
    let file = EncryptedFile::parse(Format::Yaml, &with).unwrap();
    assert_eq!(file.to_text_with(Layout::indented(2)), with);
}

#[test]
fn fields_may_be_written_weakly() {
    let sample = &SAMPLES[0];
    let (text, identities) = sample.encrypted();
    let text = text.replace("version: 3.13.3", "version: 3.13");
    for (flag, count) in [
        ("false", "0"),
        ("\"false\"", "\"0\""),
        ("0", "\"\""),
        ("\"\"", "null"),
    ] {
        let weak = text.replacen(
            "    version",
            &format!("    mac_only_encrypted: {flag}\n    shamir_threshold: {count}\n    pgp: []\n    azure_kv: null\n    version"),
            1,
        );
        let file = sample.parse(&weak);
        assert_eq!(file.metadata().version, "3.13");
        assert!(!file.metadata().mac_only_encrypted);
        assert_eq!(file.metadata().shamir_threshold, None);
        assert!(file.decrypt(&identities).is_ok());
    }
    let on = text.replacen(
        "    version",
        "    mac_only_encrypted: \"true\"\n    version",
        1,
    );
    assert!(sample.parse(&on).metadata().mac_only_encrypted);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let sample = &SAMPLES[0];
    let (text, _) = sample.encrypted();
    let line = |start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.trim_start().starts_with(start))
            .unwrap()
            .to_owned()
    };
    let cases = [
        (
            line("version"),
            String::new(),
            "the `sops` entry has no `version`",
        ),
        (
            line("lastmodified"),
            String::new(),
            "the `sops` entry has no `lastmodified`",
        ),
        (
            line("lastmodified"),
            "    lastmodified: yesterday".to_owned(),
            "`sops.lastmodified` must be a date and time (RFC 3339)",
        ),
        (
            line("version"),
            "    version: [3]".to_owned(),
            "`sops.version` must be text",
        ),
        (
            line("version"),
            "    version: 3.9.0\n    mac_only_encrypted: maybe".to_owned(),
            "`sops.mac_only_encrypted` must be true or false",
        ),
        (
            line("version"),
            "    version: 3.9.0\n    pgp: none".to_owned(),
            "`sops.pgp` must be a list",
        ),
        (
            line("version"),
            "    version: 3.9.0\n    encrypted_regex: ^a$".to_owned(),
            "the `sops` entry does not say clearly what is encrypted",
        ),
        (
            text.split_once("    age:\n")
                .unwrap()
                .1
                .split("    lastmodified")
                .next()
                .unwrap()
                .to_owned(),
            "        []\n".to_owned(),
            "the `sops` entry names no key",
        ),
    ];
    for (from, to, expected) in cases {
        let broken = text.replacen(&from, &to, 1);
        assert_ne!(broken, text);
        let error = EncryptedFile::parse(sample.format, &broken)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
