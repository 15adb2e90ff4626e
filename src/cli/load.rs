//! The spec as every command needs it: read, checked, its findings shown.

use std::io::{self, ErrorKind};

use camino::Utf8Path;

use super::own_components;
use super::{Context, Failure, Kind};
use crate::catalog::Catalog;
use crate::render::talos::lint;
use crate::spec::{Checked, Cluster, Code, Diagnostic};
use crate::{spec, ui};

/// What the spec is called, in the repository's root.
pub const SPEC_FILE: &str = "homelab.yaml";

/// The largest spec that is read; the parser's own limit is the same.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads and checks `homelab.yaml`, shows what was found, and returns the cluster; fails when there
/// is an error in it.
pub fn load(context: &Context) -> Result<(Cluster, Catalog), Failure> {
    let (checked, catalog) = check(context)?;
    show(context, &checked);
    match checked.cluster {
        Some(cluster) => Ok((cluster, catalog)),
        None => Err(failure(&checked)),
    }
}

/// Reads and checks `homelab.yaml`; findings are left to the caller.
pub fn check(context: &Context) -> Result<(Checked, Catalog), Failure> {
    let root = &context.settings.root;
    let catalog = catalog(root)?;
    let path = root.join(SPEC_FILE);
    let name = path.strip_prefix(".").unwrap_or(&path).as_str();
    let checked = match read(&path, name) {
        Ok(bytes) => spec::load_bytes(name, &bytes, &catalog, &|file| beside(root, file)),
        Err(finding) => Checked::refused(name, finding),
    };
    Ok((with_machines(checked, &catalog), catalog))
}

/// Checks a spec that is not written yet as if it stood in this repository.
pub fn check_text(root: &Utf8Path, text: &str) -> Result<Checked, Failure> {
    let catalog = catalog(root)?;
    let checked = spec::load_with(SPEC_FILE, text, &catalog, &|file| beside(root, file));
    Ok(with_machines(checked, &catalog))
}

/// Adds what is found in the configurations that come of it.
fn with_machines(checked: Checked, catalog: &Catalog) -> Checked {
    match &checked.cluster {
        Some(cluster) => {
            let found = lint(cluster, catalog);
            checked.with_machines(found, catalog)
        }
        None => checked,
    }
}

/// Shows the findings on standard error.
pub fn show(context: &Context, checked: &Checked) {
    let text = ui::diagnostics::text(checked);
    if let Some(text) = text.strip_suffix('\n') {
        context.ui.note(text);
    }
}

/// The failure of a spec with errors.
pub fn failure(checked: &Checked) -> Failure {
    let message = format!(
        "{} has {}",
        checked.source_name,
        ui::diagnostics::count(checked)
    );
    let failure = Failure::message(Kind::Spec, message);
    let error = checked
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.is_error());
    match error {
        Some(error) => failure.hint(format!("`homelab explain {}` says more", error.code)),
        None => failure,
    }
}

/// Loads the catalogue: what ships with the program, and the repository's own `components/`.
fn catalog(root: &Utf8Path) -> Result<Catalog, Failure> {
    let own = own_components::read(root).map_err(|error| Failure::new(Kind::Spec, error))?;
    let catalog = Catalog::embedded()?.with_files(&own);
    catalog.map_err(|error| Failure::new(Kind::Spec, error))
}

/// Reads a file that the spec names.
fn beside(root: &Utf8Path, file: &Utf8Path) -> io::Result<Vec<u8>> {
    let path = root.join(file);
    if std::fs::metadata(&path)?.len() > MAX_BYTES {
        return Err(io::Error::other(format!("more than {MAX_BYTES} bytes")));
    }
    if !path
        .canonicalize_utf8()?
        .starts_with(root.canonicalize_utf8()?)
    {
        return Err(io::Error::other("a link leads out of the repository"));
    }
    std::fs::read(path)
}

fn read(path: &Utf8Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |message: String| Diagnostic::of_file(Code::Unreadable, message);
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => unreadable(format!("there is no `{name}`"))
            .help("run `homelab init` to start one, or name its directory with `-C DIR`"),
        _ => unreadable(error.to_string()),
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(unreadable("expected a file, found a directory".to_owned())
            .help("move it away; `homelab init --add-missing` writes a file to start from"));
    }
    if !metadata.is_file() {
        return Err(unreadable("expected a regular file".to_owned())
            .help("move it away; `homelab init --add-missing` writes a file to start from"));
    }
    if metadata.len() > MAX_BYTES {
        let bytes = metadata.len();
        let message = format!("the file has {bytes} bytes, at most {MAX_BYTES} are read");
        return Err(Diagnostic::of_file(Code::TooMuch, message)
            .help("a spec is a few kilobytes; is this the right file?"));
    }
    std::fs::read(path).map_err(failed)
}
