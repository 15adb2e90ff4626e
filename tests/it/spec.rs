//! `homelab.yaml`: the five reference systems, every diagnostic, the schema, and hostile files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use homelab::catalog::Catalog;
use homelab::render::talos::lint;
use homelab::spec::{self, Checked, Code, MissingSecret, Placeholder, Severity};
use homelab::store::sealed::{Opener, check_patch_secrets};
use serde_json::Value;
use sops_rs::Environment;

use crate::support::{Case, TestEnv, cases, generated, walk};

pub fn tests() -> Vec<Case> {
    let mut all = cases![
        systems_have_only_what_is_not_there_yet,
        systems_and_examples_validate_against_the_schema,
        examples_have_no_findings,
        the_committed_schema_is_current,
        every_code_has_a_page_and_a_pair_of_fixtures,
        validate_says_what_the_cluster_is,
        validate_shows_the_place_and_fails,
        validate_writes_findings_as_data,
        accepted_warnings_are_counted_not_shown,
        explain_prints_the_page,
        explain_lists_every_code,
        explain_of_nothing_known_is_a_usage_error,
        schema_is_printed,
        hostile_files_are_refused_in_words,
        unreadable_files_are_findings_too,
        missing_secrets_can_be_accepted,
        a_private_key_is_never_shown,
        own_components_are_part_of_the_catalogue,
    ];
    for code in Code::ALL {
        all.push(Case::new(format!("{code}_trips_and_passes"), move || {
            fixtures_of(*code);
        }));
    }
    all
}

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Utf8Path>) -> String {
    fs_err::read_to_string(root().join(path.as_ref())).unwrap()
}

fn load(name: &str, text: &str) -> Checked {
    spec::load(name, text, &Catalog::embedded().unwrap())
}

/// Loads a fixture; components beside it are part of the catalogue.
fn load_fixture(code: Code, name: &str) -> Checked {
    let folder = root()
        .join("tests/fixtures/diagnostics")
        .join(code.as_str());
    let mut own = BTreeMap::new();
    walk(&folder.join("components"), &mut |path| {
        let relative = path.strip_prefix(&folder).unwrap().to_owned();
        own.insert(relative, fs_err::read(&path).unwrap());
    });
    let catalog = Catalog::embedded().unwrap().with_files(&own).unwrap();
    let content = fs_err::read(folder.join(name)).unwrap();
    let read = |file: &Utf8Path| fs_err::read(folder.join(file));
    let checked = spec::load_bytes(name, &content, &catalog, &read);
    let found = checked
        .cluster
        .as_ref()
        .map(|cluster| lint(cluster, &catalog));
    let checked = checked.with_machines(found.unwrap_or_default(), &catalog);
    match code {
        Code::MissingSecret => checked.with_repository(&[a_missing_bundle()], Vec::new(), &catalog),
        Code::PresetValue => {
            let left = spec::placeholders(&checked.source);
            let left = left.iter().map(Placeholder::diagnostic).collect();
            checked.with_repository(&[], left, &catalog)
        }
        Code::LockedSecret => {
            let opener = Opener::new(&folder, Environment::default());
            let cluster = checked.cluster.clone();
            let found = cluster.map(|cluster| check_patch_secrets(&opener, &cluster));
            checked.with_repository(&[], found.unwrap_or_default(), &catalog)
        }
        _ => checked,
    }
}

fn a_missing_bundle() -> MissingSecret {
    MissingSecret {
        file: "infrastructure/talos/secrets.sops.yaml".into(),
        summary: "the cluster's own certificates and keys".to_owned(),
        component: None,
    }
}

fn codes(checked: &Checked) -> BTreeSet<&'static str> {
    checked
        .diagnostics
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

fn systems() -> Vec<Utf8PathBuf> {
    let mut files = files("tests/fixtures/systems", "yaml");
    files.sort();
    assert_eq!(files.len(), 5);
    files
}

fn examples() -> Vec<Utf8PathBuf> {
    let folders = root().join("examples").read_dir_utf8().unwrap();
    let specs = folders.map(|folder| folder.unwrap().path().join("homelab.yaml"));
    specs.chain([root().join("homelab.yaml")]).collect()
}

fn files(folder: &str, extension: &str) -> Vec<Utf8PathBuf> {
    let entries = root().join(folder).read_dir_utf8().unwrap();
    let paths = entries.map(|entry| entry.unwrap().path().to_owned());
    paths
        .filter(|path| path.extension() == Some(extension))
        .collect()
}

/// The findings shrink as components, distributions and engines come; this is where it shows.
fn systems_have_only_what_is_not_there_yet() {
    let mut lines = Vec::new();
    for path in systems() {
        let checked = load(path.file_name().unwrap(), &read(&path));
        for finding in &checked.diagnostics {
            let (line, _) = finding.span().position(&checked.source);
            let accepted = if finding.accepted.is_some() {
                " (accepted)"
            } else {
                ""
            };
            let file = &checked.source_name;
            lines.push(format!(
                "{file}:{line} {} {}{accepted}",
                finding.code, finding.message
            ));
        }
    }
    insta::with_settings!({snapshot_path => "../fixtures/systems", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("findings", lines.join("\n"));
    });
}

fn systems_and_examples_validate_against_the_schema() {
    let validator = jsonschema::validator_for(spec::schema()).unwrap();
    for path in systems().into_iter().chain(examples()) {
        let value = homelab::yaml::parse(&read(&path)).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{path}: {errors:#?}");
    }
}

fn examples_have_no_findings() {
    for path in examples() {
        let checked = load(path.as_str(), &read(&path));
        assert!(
            checked.diagnostics.is_empty(),
            "{path}: {:#?}",
            checked.diagnostics
        );
        assert!(checked.cluster.is_some(), "{path}");
    }
}

fn the_committed_schema_is_current() {
    let printed = TestEnv::new().homelab(["schema"]).run().success().stdout;
    generated::is_current("docs/schema/homelab.schema.json", &printed);
}

fn every_code_has_a_page_and_a_pair_of_fixtures() {
    let known: BTreeSet<_> = Code::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(
        known.len(),
        Code::ALL.len(),
        "two diagnostics have one code"
    );
    let pages = files("docs/diagnostics", "md");
    let pages = pages
        .iter()
        .filter_map(|path| path.file_stem())
        .filter(|stem| *stem != "README");
    assert_eq!(pages.map(str::to_owned).collect::<BTreeSet<_>>(), known);
    let folders = root()
        .join("tests/fixtures/diagnostics")
        .read_dir_utf8()
        .unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), known);
    let mut index = String::from(
        "# Diagnostics\n\nEvery finding about `homelab.yaml` has a code that never changes its meaning; \
         `homelab explain CODE` prints its page.\n\n| code | severity | about |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(
            index,
            "| [{code}]({code}.md) | {severity} | {} |",
            code.title()
        )
        .unwrap();
        let page = read(format!("docs/diagnostics/{code}.md"));
        let title = format!("# {code}: {}\n", code.title());
        assert!(page.starts_with(&title), "{code}: expected {title}");
        for part in ["\n## Example\n", "\n## Remedy\n"] {
            assert!(page.contains(part), "{code}: lacks {part}");
        }
        let kind = if severity == "error" {
            "\nAn error: "
        } else {
            "\nA warning: "
        };
        assert!(page.contains(kind), "{code}: expected {kind}");
    }
    generated::is_current("docs/diagnostics/README.md", &index);
}

/// The first file has the finding; the second just does not, nor any other but what is accepted
/// or not there yet.
fn fixtures_of(code: Code) {
    let trips = load_fixture(code, "trips.yaml");
    assert!(
        codes(&trips).contains(code.as_str()),
        "{:#?}",
        trips.diagnostics
    );
    assert_eq!(trips.cluster.is_none(), trips.has_errors());
    if code.severity() == Severity::Error {
        assert!(trips.cluster.is_none());
    }
    let passes = load_fixture(code, "passes.yaml");
    let others: Vec<_> = passes
        .diagnostics
        .iter()
        .filter(|finding| finding.code == code || !finding.code.as_str().starts_with("HL09"))
        .filter(|finding| finding.accepted.is_none())
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    structure(code, &trips.source, &passes.source);
}

/// What is wrong with the structure of a file, the schema refuses too.
fn structure(code: Code, trips: &str, passes: &str) {
    let structural = [
        Code::UnknownKey,
        Code::MissingKey,
        Code::WrongType,
        Code::InvalidValue,
        Code::ExactlyOne,
    ];
    if structural.contains(&code) {
        let validator = jsonschema::validator_for(spec::schema()).unwrap();
        let valid = |text: &str| validator.is_valid(&homelab::yaml::parse(text).unwrap());
        assert!(!valid(trips), "the schema accepts trips.yaml");
        assert!(valid(passes), "the schema refuses passes.yaml");
    }
}

fn env_with(text: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write("homelab.yaml", text);
    env
}

fn validate_says_what_the_cluster_is() {
    let run = env_with(&read("homelab.yaml"))
        .homelab(["validate"])
        .run()
        .success();
    insta::assert_snapshot!(run.stdout, @r"
    cluster       homelab
    kubernetes    v1.36.4
    distribution  Talos v1.13.9
    endpoint      https://192.168.1.100:6443 (virtual IP, kube-vip)
    nodes         talos-1 192.168.1.101 (control plane)
                  talos-2 192.168.1.102 (control plane)
                  talos-3 192.168.1.103 (control plane)
    gitops        Flux, ssh://git@github.com/me/homelab.git (main)
    components    cilium 1.20.1
                  cert-manager v1.21.1
                  flux-operator 0.58.1
                  kube-vip 0.9.9
    apps          demo 1.29.5
    homelab.yaml: 4 warnings
    ");
    insta::assert_snapshot!(run.stderr, @r"
    warning[HL0506]: there is no `infrastructure/talos/secrets.sops.yaml`
      --> homelab.yaml:45:3
       |
    45 |   secrets:
       |   ^^^^^^^ the cluster's own certificates and keys
       |
       = help: `homelab secrets init` makes what is missing; `render` and `rehearse` do without

    warning[HL0507]: `spec.gitops.flux.url` is still the preset's: `ssh://git@github.com/me/homelab.git`
      --> homelab.yaml:52:12
       |
    52 |       url: ssh://git@github.com/me/homelab.git
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write your own here
       |
       = help: `render` and `rehearse` do with it; `bootstrap` refuses to begin

    warning[HL0506]: there is no `cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml`
      --> homelab.yaml:58:5
       |
    58 |     cert-manager:
       |     ^^^^^^^^^^^^ Cloudflare API token that may edit the DNS records of your zones
       |
       = help: `homelab secrets init` makes what is missing; `render` and `rehearse` do without

    warning[HL0507]: `spec.components.cert-manager.email` is still the preset's: `me@example.org`
      --> homelab.yaml:60:14
       |
    60 |       email: me@example.org
       |              ^^^^^^^^^^^^^^ write your own here
       |
       = help: `render` and `rehearse` do with it; `bootstrap` refuses to begin
    ");
}

fn validate_shows_the_place_and_fails() {
    let text = read("homelab.yaml")
        .replace("address: 192.168.1.102", "address: 192.168.1.100")
        .replace("nameservers:", "nameserver:");
    let run = env_with(&text).homelab(["validate"]).run().expect_code(3);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!(run.stderr, @r"
    error[HL0006]: `network` has no key `nameserver`
      --> homelab.yaml:16:5
       |
    16 |     nameserver: [192.168.1.1]
       |     ^^^^^^^^^^ unknown key
       |
       = help: did you mean `nameservers`?

    error[HL0101]: the virtual IP and the node `talos-2` both have 192.168.1.100
      --> homelab.yaml:37:16
       |
    26 |       address: 192.168.1.100
       |                ------------- the virtual IP
    ...
    37 |       address: 192.168.1.100
       |                ^^^^^^^^^^^^^ the node `talos-2`
       |
       = help: give each an address of its own

    error: homelab.yaml has 2 errors
    hint: `homelab explain HL0006` says more
    ");
}

fn validate_writes_findings_as_data() {
    let text = read("homelab.yaml").replace("10.42.0.0/16", "10.42.0.7/16");
    let run = env_with(&text)
        .homelab(["validate", "--output", "json"])
        .run()
        .expect_code(3);
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["valid"], false);
    assert_eq!(value["cluster"], Value::Null);
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["findings"]).unwrap(), @r#"
    [
      {
        "code": "HL0103",
        "severity": "error",
        "message": "`10.42.0.7/16` has bits set outside its network",
        "file": "homelab.yaml",
        "labels": [
          {
            "line": 18,
            "column": 11,
            "endLine": 18,
            "endColumn": 23,
            "text": "the network is /16 long"
          }
        ],
        "help": "did you mean `10.42.0.0/16`?",
        "accepted": null
      }
    ]
    "#);
}

fn accepted_warnings_are_counted_not_shown() {
    let text = read("tests/fixtures/diagnostics/HL0503/passes.yaml");
    let run = env_with(&text).homelab(["validate"]).run().success();
    assert!(
        run.stdout
            .ends_with("1 warning is accepted\nhomelab.yaml: 2 warnings\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stderr.contains("HL0208"), "{}", run.stderr);
    let run = env_with(&text)
        .homelab(["validate", "--output", "json"])
        .run()
        .success();
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["valid"], true);
    assert_eq!(value["findings"][0]["code"], "HL0208");
    assert_eq!(
        value["findings"][0]["accepted"],
        "the virtual machine has one disk"
    );
    assert_eq!(value["findings"][1]["code"], "HL0506");
    assert_eq!(value["findings"][1]["accepted"], Value::Null);
}

fn explain_prints_the_page() {
    let run = TestEnv::new()
        .homelab(["explain", "hl0101"])
        .run()
        .success();
    assert_eq!(run.stdout, read("docs/diagnostics/HL0101.md"));
}

fn explain_lists_every_code() {
    let run = TestEnv::new().homelab(["explain"]).run().success();
    let listed: Vec<_> = run.stdout.lines().map(|line| &line[..6]).collect();
    let known: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, known);
}

fn explain_of_nothing_known_is_a_usage_error() {
    let run = TestEnv::new()
        .homelab(["explain", "HL9999"])
        .run()
        .expect_code(2);
    assert!(
        run.stderr.contains("there is no diagnostic `HL9999`"),
        "{}",
        run.stderr
    );
}

fn schema_is_printed() {
    let run = TestEnv::new().homelab(["schema"]).run().success();
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::meta::validate(&schema).unwrap();
}

fn hostile_files_are_refused_in_words() {
    let base = read("homelab.yaml");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "HL0004"),
        ("only comments", b"# nothing\n".to_vec(), "HL0004"),
        ("a scalar", b"homelab\n".to_vec(), "HL0008"),
        ("a list", b"- homelab\n".to_vec(), "HL0008"),
        (
            "a tab",
            base.replace("  nodes:\n", "\tnodes:\n").into_bytes(),
            "a tab where",
        ),
        (
            "duplicate",
            base.replace("  name: homelab", "  name: a\n  name: b")
                .into_bytes(),
            "HL0002",
        ),
        (
            "not UTF-8",
            [b"name: ", &[0xff, 0xfe][..]].concat(),
            "not UTF-8",
        ),
        ("a null byte", b"apiVersion: \0\n".to_vec(), "HL0"),
        ("50 MB", vec![b'#'; 50 << 20], "at most"),
        ("deep brackets", "[".repeat(100_000).into_bytes(), "HL0"),
        ("deep mappings", deep_mappings().into_bytes(), "HL0005"),
        ("an alias bomb", bomb.into_bytes(), "HL0003"),
        (
            "two documents",
            format!("{base}---\n{base}").into_bytes(),
            "HL0003",
        ),
        ("broken flow", b"spec: {a: [1, 2}\n".to_vec(), "HL0001"),
        ("an open quote", b"name: \"homelab\n".to_vec(), "HL0001"),
    ];
    for (name, content, expected) in cases {
        let env = TestEnv::new();
        env.write("homelab.yaml", content);
        let run = env.homelab(["validate"]).run().expect_code(3);
        assert!(run.stderr.contains(expected), "{name}: {}", run.stderr);
        assert!(
            run.stderr.len() < 20_000,
            "{name}: {} bytes",
            run.stderr.len()
        );
        assert_eq!(run.stdout, "", "{name}");
    }
}

/// Text and data say the same of a file that gives nothing to check.
fn unreadable_files_are_findings_too() {
    let absent = TestEnv::new();
    let folder = TestEnv::new();
    folder.write("homelab.yaml/inner", "");
    let latin = TestEnv::new();
    latin.write("homelab.yaml", b"metadata: {name: Z\xfcrich}\n");
    let huge = TestEnv::new();
    huge.write("homelab.yaml", vec![b'#'; 50 << 20]);
    for (env, code, expected) in [
        (absent, "HL0011", "there is no `homelab.yaml`"),
        (folder, "HL0011", "expected a file, found a directory"),
        (latin, "HL0011", "the file is not UTF-8"),
        (
            huge,
            "HL0005",
            "the file has 52428800 bytes, at most 4194304 are read",
        ),
    ] {
        let run = env.homelab(["validate"]).run().expect_code(3);
        assert!(
            run.stderr.contains(&format!("error[{code}]: {expected}")),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("= help: "), "{}", run.stderr);
        let run = env.homelab(["validate", "--output", "json"]).run();
        let value: Value = serde_json::from_str(&run.expect_code(3).stdout).unwrap();
        assert_eq!(value["valid"], false);
        assert_eq!(value["findings"][0]["code"], code);
        assert_eq!(value["findings"][0]["message"], expected);
    }
    let run = TestEnv::new().homelab(["render"]).run().expect_code(3);
    insta::assert_snapshot!(run.stderr, @r"
    error[HL0011]: there is no `homelab.yaml`
    --> homelab.yaml
     = help: run `homelab init` to start one, or name its directory with `-C DIR`

    error: homelab.yaml has 1 error
    hint: `homelab explain HL0011` says more
    ");
}

fn missing_secrets_can_be_accepted() {
    let text = read("homelab.yaml")
        + "  accept:\n    - {code: HL0506, reason: the bundle lives elsewhere}\n    \
           - {code: HL0507, reason: an example}\n";
    let env = env_with(&text);
    let run = env.homelab(["validate"]).run().success();
    assert_eq!(run.stderr, "");
    assert!(
        run.stdout
            .ends_with("4 warnings are accepted\nhomelab.yaml: no findings\n"),
        "{}",
        run.stdout
    );
    for file in [
        "infrastructure/talos/secrets.sops.yaml",
        "cluster/secrets/cert-manager/cloudflare-api-token.sops.yaml",
    ] {
        env.write(file, "sops: {}\n");
    }
    let run = env.homelab(["validate"]).run().success();
    assert!(run.stderr.contains("warning[HL0503]"), "{}", run.stderr);
    // What is rendered needs no bundle, but a bundle that is there must be one.
    fs_err::remove_file(env.root().join("infrastructure/talos/secrets.sops.yaml")).unwrap();
    let run = env.homelab(["render", "--diff"]).run().success();
    assert!(!run.stderr.contains("HL05"), "{}", run.stderr);
}

fn deep_mappings() -> String {
    let mut text = String::new();
    for depth in 0..500 {
        writeln!(text, "{}a:", " ".repeat(depth)).unwrap();
    }
    text
}

fn a_private_key_is_never_shown() {
    let secret = "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN";
    let recipient = "age169paenjp8tp39je8nsdgzc8sncr2plfksnrmxgnypvl8c7q97avsn65kqt";
    let text = read("homelab.yaml").replace(recipient, secret);
    let env = env_with(&text);
    for output in ["text", "json"] {
        let run = env
            .homelab(["validate", "--output", output])
            .run()
            .expect_code(3);
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(all.contains("HL0501"), "{all}");
        assert!(!all.contains("QQPZRY9X8GF2"), "{all}");
    }
}

fn own_components_are_part_of_the_catalogue() {
    let text = read("homelab.yaml").replace("  apps:\n", "  apps:\n    notes: {size: 3}\n");
    let env = env_with(&text);
    env.write(
        "components/notes/component.yaml",
        "name: notes\nsummary: A notebook\ncategory: app\nversion: 1.0.0\n\
         namespace: {name: notes, podSecurity: restricted}\n\
         options:\n  type: object\n  properties:\n    size: {type: integer, maximum: 2}\n",
    );
    let run = env.homelab(["validate"]).run().expect_code(3);
    assert!(
        run.stderr.contains("`size` must be at most 2"),
        "{}",
        run.stderr
    );
}
