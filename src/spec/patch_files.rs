//! The files of patches that a spec names (`@patches/all.yaml`): read through a function that is given,
//! parsed into trees, and kept with their texts, so that findings can show the line.
//!
//! A path is relative to the spec's folder and never leads out of it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::code::Code;
use super::diagnostic::Diagnostic;
use super::load::describe;
use super::private_key;
use super::raw::{RawPatchList, RawSpec, Text};
use crate::yaml::{self, Limits, Node, Spanned};

/// Reads a file by its path relative to the spec's folder.
pub type ReadFile<'a> = &'a dyn Fn(&Utf8Path) -> io::Result<Vec<u8>>;

/// A reader for specs that stand alone.
pub(super) fn no_files(_: &Utf8Path) -> io::Result<Vec<u8>> {
    Err(ErrorKind::NotFound.into())
}

/// The files that could be read.
#[derive(Clone, Debug, Default)]
pub(super) struct PatchFiles(BTreeMap<Utf8PathBuf, PatchFile>);

/// One file.
#[derive(Clone, Debug)]
pub(super) struct PatchFile {
    /// Its text, private keys hidden.
    pub(super) text: String,
    /// Its documents, as far as they can be read.
    pub(super) documents: Vec<Node>,
}

impl PatchFiles {
    /// Reads every file that the spec names, and says what is wrong with them.
    pub(super) fn read(spec: &RawSpec, read: ReadFile<'_>, found: &mut Vec<Diagnostic>) -> Self {
        let mut files = Self::default();
        for (name, place) in named(spec) {
            if files.0.contains_key(&name) {
                continue;
            }
            match file(&name, &place, read, found) {
                Ok(file) => {
                    files.0.insert(name, file);
                }
                Err(finding) => found.push(finding),
            }
        }
        files
    }

    /// Returns a file that could be read.
    pub(super) fn get(&self, name: &Utf8Path) -> Option<&PatchFile> {
        self.0.get(name)
    }

    /// Returns the texts by name.
    pub(super) fn texts(self) -> BTreeMap<Utf8PathBuf, String> {
        let text = |(name, file): (_, PatchFile)| (name, file.text);
        self.0.into_iter().map(text).collect()
    }
}

/// Returns the name of the file that a text stands for.
pub(super) fn file_name(text: &str) -> Option<Utf8PathBuf> {
    let name = text.strip_prefix('@')?;
    Some(Utf8Path::new(name.strip_prefix("./").unwrap_or(name)).to_owned())
}

/// Every file that is named, with its place.
fn named(spec: &RawSpec) -> Vec<(Utf8PathBuf, Text)> {
    let scopes = spec.patches.iter();
    let scopes = scopes.flat_map(|raw| [&raw.all, &raw.control_plane, &raw.worker]);
    let classes = spec.classes.values().map(|class| &class.patches);
    let nodes = spec.nodes.iter().map(|node| &node.patches);
    let patches = scopes.chain(classes).chain(nodes);
    let patches = patches.flat_map(|RawPatchList(list)| &list.0);
    patches
        .filter_map(|patch| {
            let text = patch.value.as_str()?;
            let place = Spanned {
                value: text.to_owned(),
                span: patch.span,
            };
            Some((file_name(text)?, place))
        })
        .collect()
}

fn file(
    name: &Utf8Path,
    place: &Text,
    read: ReadFile<'_>,
    found: &mut Vec<Diagnostic>,
) -> Result<PatchFile, Diagnostic> {
    let refuse = |message: String| Diagnostic::new(Code::UnreadablePatchFile, place.span, message);
    let inside = |part| matches!(part, Utf8Component::Normal(_));
    if !name.components().all(inside) || name.as_str().is_empty() {
        return Err(
            refuse(format!("`{name}` does not lie in the folder of the spec"))
                .label("a path from that folder, without `..`")
                .help("keep patches in the repository, such as `@patches/all.yaml`"),
        );
    }
    let bytes = read(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => refuse(format!("there is no `{name}`"))
            .label("a file of patches")
            .help("write the file, or correct the path; it counts from the folder of the spec"),
        _ => refuse(format!("cannot read `{name}`: {error}")).label("a file of patches"),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        refuse(format!("`{name}` is not UTF-8"))
            .label("a file of patches")
            .help("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (documents, problems) = yaml::parse_nodes(text, &Limits::default());
    if documents.is_empty() && problems.is_empty() {
        return Err(refuse(format!("`{name}` holds no patch"))
            .label("an empty file")
            .help("write a patch into it, or remove this line"));
    }
    found.extend(
        problems
            .into_iter()
            .map(|problem| describe(problem).in_file(Some(name))),
    );
    Ok(PatchFile {
        text: private_key::masked(text),
        documents,
    })
}
