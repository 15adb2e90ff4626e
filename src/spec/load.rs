//! From text to [`Checked`]: the way through all stages.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::cluster::Cluster;
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::patch_files::{PatchFiles, ReadFile, no_files};
use super::private_key;
use super::raw::RawFile;
use super::schema::schema;
use super::structure::{LostKey, Place, Structure};
use super::validate::{self, Findings, Scope, Subject};
use crate::catalog::Catalog;
use crate::yaml::{self, Limits, Node, Parsed, Problem, ProblemKind, Span};

/// The most errors, and the most warnings, that are kept: a file with more is not a spec.
const MOST: usize = 200;

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The cluster; absent when there is an error.
    pub cluster: Option<Cluster>,
    /// Everything that was found, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the file is called in messages.
    pub source_name: String,
    /// The text that places refer to, private keys hidden.
    pub source: String,
    /// The texts of the other files that places refer to, by path from the spec's folder.
    pub files: BTreeMap<Utf8PathBuf, String>,
}

/// Reads and checks a spec that stands alone: files that it names are not there.
pub fn load(source_name: &str, text: &str, catalog: &Catalog) -> Checked {
    load_with(source_name, text, catalog, &no_files)
}

/// Reads and checks a spec, with the files that it names.
pub fn load_with(source_name: &str, text: &str, catalog: &Catalog, read: ReadFile<'_>) -> Checked {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut files = PatchFiles::default();
    let (cluster, mut diagnostics) = check(text, catalog, read, &mut files);
    diagnostics.sort_by(by_place);
    diagnostics.dedup();
    keep_the_first(&mut diagnostics);
    diagnostics.iter_mut().for_each(private_key::mask);
    Checked {
        cluster,
        diagnostics,
        source_name: source_name.to_owned(),
        source: private_key::masked(text),
        files: files.texts(),
    }
}

/// Reads and checks a spec as its file holds it, with the files that it names.
pub fn load_bytes(
    source_name: &str,
    content: &[u8],
    catalog: &Catalog,
    read: ReadFile<'_>,
) -> Checked {
    match std::str::from_utf8(content) {
        Ok(text) => load_with(source_name, text, catalog, read),
        Err(error) => {
            let start = error.valid_up_to();
            let other = Span::new(start, start + char::REPLACEMENT_CHARACTER.len_utf8());
            let finding = Diagnostic::new(Code::Unreadable, other, "the file is not UTF-8")
                .label("here are other bytes")
                .help("save the file as UTF-8");
            Checked {
                source: private_key::masked(&String::from_utf8_lossy(content)),
                ..Checked::refused(source_name, finding)
            }
        }
    }
}

/// The order of findings: those of the spec first, by place.
pub(super) fn by_place(one: &Diagnostic, other: &Diagnostic) -> Ordering {
    let key = |finding: &Diagnostic| {
        (
            finding.file().map(Utf8Path::to_owned),
            finding.span(),
            finding.code,
        )
    };
    key(one).cmp(&key(other))
}

/// Keeps as many errors and as many warnings as anybody reads.
fn keep_the_first(diagnostics: &mut Vec<Diagnostic>) {
    let (mut errors, mut warnings) = (0, 0);
    diagnostics.retain(|diagnostic| {
        let count = if diagnostic.is_error() {
            &mut errors
        } else {
            &mut warnings
        };
        *count += 1;
        *count <= MOST
    });
}

impl Checked {
    /// A file of which nothing can be read, and why.
    pub fn refused(source_name: &str, finding: Diagnostic) -> Self {
        Self {
            cluster: None,
            diagnostics: vec![finding],
            source_name: source_name.to_owned(),
            source: String::new(),
            files: BTreeMap::new(),
        }
    }

    /// Tells whether something stops everything.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

fn check(
    text: &str,
    catalog: &Catalog,
    read: ReadFile<'_>,
    files: &mut PatchFiles,
) -> (Option<Cluster>, Vec<Diagnostic>) {
    let Parsed { node, problems } = yaml::parse_node(text, &Limits::default());
    let diagnostics: Vec<_> = problems.into_iter().map(describe).collect();
    let Some(root) = node else {
        return (None, diagnostics);
    };
    let (cluster, diagnostics) = judge(&root, text, catalog, read, files, diagnostics);
    let stopped = diagnostics.iter().any(Diagnostic::is_error);
    (cluster.filter(|_| !stopped), diagnostics)
}

/// Checks a tree that was read from this text; the cluster is none to work with while there is an error.
pub(super) fn judge(
    root: &Node,
    text: &str,
    catalog: &Catalog,
    read: ReadFile<'_>,
    files: &mut PatchFiles,
    mut diagnostics: Vec<Diagnostic>,
) -> (Option<Cluster>, Vec<Diagnostic>) {
    let Some((raw, root, lost)) = decode(root, &mut diagnostics) else {
        return (None, diagnostics);
    };
    if let Some(spec) = &raw.spec {
        *files = PatchFiles::read(spec, read, &mut diagnostics);
    }
    let mut findings = Findings::new(diagnostics);
    let scope = Scope {
        source: text,
        root: &root,
        lost: &lost,
        catalog,
        patch_files: files,
    };
    let cluster = validate::validate(&raw, scope, &mut findings);
    let diagnostics = match &raw.spec {
        Some(spec) => validate::accept(spec, findings, Subject::File),
        None => findings.into_inner(),
    };
    (cluster, diagnostics)
}

/// Checks the structure, then decodes what is left of the tree.
pub(super) fn decode(
    root: &Node,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(RawFile, Node, Vec<LostKey>)> {
    let schema = schema();
    let mut structure = Structure::new(schema);
    let place = Place {
        span: super::structure::head(root),
        name: "",
    };
    let checked = structure.check(root, schema, place);
    let (findings, lost) = structure.finish();
    diagnostics.extend(findings);
    let checked = checked?;
    match checked.decode() {
        Ok(raw) => Some((raw, checked, lost)),
        Err(error) => {
            diagnostics.push(Diagnostic::new(
                Code::WrongType,
                place.span,
                error.to_string(),
            ));
            None
        }
    }
}

/// Says what the parser found.
pub(super) fn describe(problem: Problem) -> Diagnostic {
    let found = |code, message: &str| Diagnostic::new(code, problem.span, message);
    match problem.kind {
        ProblemKind::TooLarge(limit) => found(
            Code::TooMuch,
            &format!("the file has more than {limit} bytes"),
        )
        .help("a spec is a few kilobytes; is this the right file?"),
        ProblemKind::Empty => found(Code::EmptyFile, "the file is empty")
            .help("`homelab init` writes one to start from"),
        ProblemKind::Syntax(message) => found(Code::InvalidYaml, &message),
        ProblemKind::Tab => {
            found(Code::InvalidYaml, "a tab where YAML wants spaces").help("indent with spaces")
        }
        ProblemKind::TooDeep(limit) => found(
            Code::TooMuch,
            &format!("values are nested more than {limit} deep"),
        ),
        ProblemKind::SecondDocument => found(Code::ForbiddenYaml, "a second document")
            .help("keep one cluster in one file; remove the `---`"),
        ProblemKind::DuplicateKey(key, first) => duplicate(&key, problem.span, first),
        ProblemKind::ComplexKey => found(Code::ForbiddenYaml, "a key that is a list or a mapping"),
        ProblemKind::Alias => found(Code::ForbiddenYaml, "an alias or a merge key")
            .help("write the value out, or share hardware traits through `classes`"),
        ProblemKind::Tag(tag) => found(Code::ForbiddenYaml, &format!("the tag `{tag}`"))
            .help("remove the tag; the schema says what every value is"),
        ProblemKind::NotFinite(text) => found(
            Code::InvalidValue,
            &format!("`{text}` is not a number that can be used"),
        ),
    }
}

fn duplicate(key: &str, second: Span, first: Span) -> Diagnostic {
    Diagnostic::new(
        Code::DuplicateKey,
        second,
        format!("`{key}` is written twice"),
    )
    .label("here again")
    .also(first, "first here")
    .help("keep one of them")
}
