//! The pages of `docs/` that are made from the code are current.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use homelab::cli::{Cli, ExitStatus, Kind};
use homelab::render::talos::forms;
use homelab::spec::{Code, Severity};

use crate::support::{Case, TestEnv, cases, generated};

/// Help pages are laid out for this many columns.
const COLUMNS: usize = 100;

pub fn tests() -> Vec<Case> {
    cases![
        exit_codes_are_documented,
        command_line_is_documented,
        every_command_has_help_with_an_example,
        readme_shows_the_rehearsal_as_it_is,
        forms_of_talos_are_documented,
        fences_are_documented,
        the_example_rehearsal_is_as_it_is_drawn,
    ]
}

fn fences_are_documented() {
    generated::is_current("docs/fences.md", &super::fences::page());
}

fn exit_codes_are_documented() {
    let mut rows: BTreeMap<u8, &str> = BTreeMap::new();
    for status in ExitStatus::ALL {
        rows.insert(status.code(), status.meaning());
    }
    for kind in Kind::ALL {
        assert_eq!(rows.insert(kind.code(), kind.meaning()), None);
    }
    let mut page = String::from(
        "<!-- Generated from src/cli/failure.rs by scripts/generate. -->\n# Exit codes\n\n\
         Scripts may rely on them. Results go to standard output, everything else to standard error.\n\n\
         | code | meaning |\n|---|---|\n",
    );
    for (code, meaning) in rows {
        writeln!(page, "| {code} | {meaning} |").expect("a string takes all");
    }
    generated::is_current("docs/exit-codes.md", &page);
}

/// The tables in `docs/talos.md` are the program's own.
fn forms_of_talos_are_documented() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/talos.md");
    let page = std::fs::read_to_string(file).expect("it is there");
    let page = with_table(&page, "forms", &forms_table());
    let page = with_table(&page, "findings", &findings_table());
    generated::is_current("docs/talos.md", &page);
}

/// Puts a table between its marks.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name}: begin (generated) -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let (before, rest) = page.split_once(&begin).expect("the table begins");
    let (_, after) = rest.split_once(&end).expect("the table ends");
    format!("{before}{begin}{table}{end}{after}")
}

fn forms_table() -> String {
    let mut table = String::from("| Document | Since | Before |\n|---|---|---|\n");
    for form in forms() {
        let what = form.part.map_or_else(
            || format!("`{}`", form.kind),
            |part| format!("`{}`: `{part}`", form.kind),
        );
        let places: Vec<_> = form
            .places()
            .iter()
            .map(|place| format!("`{place}`"))
            .collect();
        let places = if places.is_empty() {
            "–".to_owned()
        } else {
            places.join(", ")
        };
        writeln!(table, "| {what} | {} | {places} |", form.since).expect("a string takes all");
    }
    table
}

/// Findings about patches and what they come to.
fn findings_table() -> String {
    let mut table = String::from("| Code | | About |\n|---|---|---|\n");
    let of_patches = |code: &&Code| code.as_str().starts_with("HL06");
    for code in Code::ALL.iter().filter(of_patches) {
        let kind = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let title = code.title();
        writeln!(
            table,
            "| [{code}](diagnostics/{code}.md) | {kind} | {title} |"
        )
        .expect("a string takes all");
    }
    table
}

fn command_line_is_documented() {
    let mut page = String::from(
        "<!-- Generated from the command line's own help by scripts/generate. -->\n# Command line\n",
    );
    for (place, mut command) in all_commands().into_iter().enumerate() {
        if place > 0 {
            command = command.mut_args(hide_what_every_command_has);
        }
        let name = command.get_bin_name().unwrap_or("homelab").to_owned();
        let help = command.render_long_help().to_string();
        let help = help
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n");
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.trim_end())
            .expect("a string takes all");
    }
    generated::is_current("docs/cli.md", &page);
}

/// Help is laid out for this many columns; longer lines are broken once more.
const HELP_WIDTH: usize = 100;

fn every_command_has_help_with_an_example() {
    for command in all_commands().into_iter().skip(1) {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        assert!(command.get_about().is_some(), "`{name}` has no summary");
        if command.has_subcommands() {
            continue;
        }
        let after = command.get_after_help().map(ToString::to_string);
        let example = after.unwrap_or_default();
        assert!(
            example.contains("Example") && example.contains(&name),
            "`{name} --help` shows no example"
        );
        let wide: Vec<_> = example
            .lines()
            .filter(|line| line.chars().count() > HELP_WIDTH)
            .collect();
        assert!(
            wide.is_empty(),
            "`{name} --help` breaks lines of its own: {wide:#?}"
        );
    }
}

/// Between its two marks the README shows what the first command prints.
fn readme_shows_the_rehearsal_as_it_is() {
    const MARK: &str = "<!-- rehearsal: made by scripts/generate -->\n";
    let root = env!("CARGO_MANIFEST_DIR");
    let run = TestEnv::new().homelab(["-C", root, "rehearse"]).run();
    let transcript = run.success().stdout;
    let readme = std::fs::read_to_string(format!("{root}/README.md")).expect("there is a README");
    let parts: Vec<&str> = readme.split(MARK).collect();
    let [before, _, after] = parts[..] else {
        panic!("README.md has no two lines {MARK}");
    };
    let shown = format!("```text\n$ homelab rehearse\n{transcript}```\n");
    generated::is_current("README.md", &[before, &shown, after].join(MARK));
}

/// The picture that the README shows, and the page that it links to: a run that loses a reply, is
/// killed, and comes up.
fn the_example_rehearsal_is_as_it_is_drawn() {
    let root = env!("CARGO_MANIFEST_DIR");
    let env = TestEnv::new();
    let (page, picture) = (env.root().join("page.html"), env.root().join("picture.svg"));
    let told = ["-C", root, "rehearse", "--check"];
    let faults = [
        "--fault",
        "lost-reply",
        "--fault",
        "operator-killed@apply/charts",
    ];
    let drawn = ["--html", page.as_str(), "--svg", picture.as_str()];
    env.homelab([&told[..], &faults, &drawn].concat())
        .run()
        .success();
    generated::is_current("docs/images/rehearsal.html", &env.read("page.html"));
    generated::is_current("docs/images/rehearsal.svg", &env.read("picture.svg"));
}

/// The page shows the options of every command once, with the program itself.
fn hide_what_every_command_has(argument: Arg) -> Arg {
    let everywhere =
        argument.is_global_set() || ["help", "version"].contains(&argument.get_id().as_str());
    if everywhere {
        argument.hide(true)
    } else {
        argument
    }
}

/// The program and its commands, parents before children.
fn all_commands() -> Vec<Command> {
    let mut root = Cli::command()
        .term_width(COLUMNS)
        .disable_help_subcommand(true);
    root.build();
    let mut found = Vec::new();
    collect(&root, &mut found);
    found
}

fn collect(command: &Command, found: &mut Vec<Command>) {
    if command.is_hide_set() {
        return;
    }
    found.push(command.clone().term_width(COLUMNS));
    for child in command.get_subcommands() {
        collect(child, found);
    }
}
