//! The spec as every command needs it: read, checked, its findings shown.

use std::io::ErrorKind;

use camino::Utf8Path;

use super::own_components;
use super::{Context, Failure, Kind};
use crate::catalog::Catalog;
use crate::spec::{Checked, Cluster};
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
    let text = read(&path)?;
    let name = path.strip_prefix(".").unwrap_or(&path);
    Ok((spec::load(name.as_str(), &text, &catalog), catalog))
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

fn read(path: &Utf8Path) -> Result<String, Failure> {
    let failure = |message: String| Failure::message(Kind::Spec, message);
    let metadata = match fs_err::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(failure(format!("there is no `{path}`"))
                .hint("run `homelab init` to start one, or name its directory with `-C DIR`"));
        }
        Err(error) => return Err(Failure::new(Kind::Spec, error)),
    };
    if metadata.is_dir() {
        return Err(failure(format!("`{path}` is a directory, expected a file")));
    }
    if metadata.len() > MAX_BYTES {
        let bytes = metadata.len();
        return Err(failure(format!(
            "`{path}` has {bytes} bytes, at most {MAX_BYTES} are read"
        ))
        .hint("a spec is a few kilobytes; is this the right file?"));
    }
    let bytes = fs_err::read(path).map_err(|error| Failure::new(Kind::Spec, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let valid = &error.as_bytes()[..start];
        let line = String::from_utf8_lossy(valid).lines().count().max(1);
        failure(format!(
            "`{path}` is not UTF-8: line {line} holds other bytes"
        ))
        .hint("save the file as UTF-8")
    })
}
