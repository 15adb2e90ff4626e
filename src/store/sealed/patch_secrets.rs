//! Whether the secret references of patches lead to a value that can be readable here.
//!
//! The names in an encrypted file are readable without a key, so a wrong path is found without one.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::open::{OpenError, Opener};
use super::sources::find;
use crate::render::talos::{BUNDLE_PATH, PEM, PatchSecret, patch_secrets};
use crate::spec::{Cluster, Code, Diagnostic};
use crate::yaml;

/// Returns what is wrong with the references of a cluster's patches.
pub fn check_patch_secrets(opener: &Opener, cluster: &Cluster) -> Vec<Diagnostic> {
    let mut files = BTreeMap::new();
    let secrets = patch_secrets(cluster);
    let found = secrets.iter().filter_map(|secret| {
        let file = Utf8PathBuf::from(&secret.reference.file);
        let known = files.entry(file).or_insert_with_key(|file| File {
            names: opener.names(file),
            opens: OnceCell::new(),
        });
        check(opener, secret, known)
    });
    found.collect()
}

/// An encrypted file that patches refer to.
struct File {
    /// What it has; texts in it are none that anybody can read.
    names: Result<Value, OpenError>,
    /// Whether a key at hand opens it, once somebody has asked.
    opens: OnceCell<bool>,
}

fn check(opener: &Opener, secret: &PatchSecret, known: &File) -> Option<Diagnostic> {
    let file = Utf8Path::new(&secret.reference.file);
    let finding = |code, message: String| {
        Diagnostic::new(code, secret.span, message).in_file(secret.patch.as_deref())
    };
    if !opener.has(file) {
        return Some(
            finding(Code::MissingSecret, format!("there is no `{file}`"))
                .label("a patch refers to it")
                .help(format!(
                    "make it with `homelab secrets set {file} {}`",
                    secret.reference.path
                )),
        );
    }
    let path = match secret.reference.path.strip_suffix(PEM) {
        Some(path) if file == BUNDLE_PATH => path,
        _ => &secret.reference.path,
    };
    let broken = |message: String, label: &str| {
        let help = "correct the path, or make the value with `homelab secrets set FILE PATH`";
        Some(
            finding(Code::BrokenReference, message)
                .label(label)
                .help(help),
        )
    };
    match &known.names {
        Err(OpenError::Outside(_)) => {
            return broken(
                format!("`{file}` does not lie in this repository"),
                "a file of the repository",
            );
        }
        Err(_) => return broken(format!("`{file}` is no encrypted YAML file"), "here"),
        Ok(names) if find(names, path).is_none() => {
            if let Some(inner) = inside(names, path) {
                let message = format!("`{path}` of `{file}` is a mapping or a list, no text");
                return Some(finding(Code::BrokenReference, message).label("one value each").help(
                    format!("write the mapping out, with a reference for each value, such as `{{secretRef: {file}#{inner}}}`"),
                ));
            }
            return broken(
                format!("`{path}` of `{file}` is not there"),
                "no such value",
            );
        }
        Ok(_) => {}
    }
    let opens = known.opens.get_or_init(|| opener.open(file).is_ok());
    (!opens).then(|| {
        finding(Code::LockedSecret, format!("no key at hand opens `{file}`"))
            .label("a patch refers to it")
            .help(format!("`homelab secrets who {file}` says who can open it; put your key into `.sops/age.key`"))
    })
}

/// The path of a first value inside a mapping or list; nothing where there is none at the path.
fn inside(names: &Value, path: &str) -> Option<String> {
    let value = names.pointer(&format!("/{}", path.replace('.', "/")))?;
    let key = match value {
        Value::Object(entries) => entries.keys().next()?.clone(),
        Value::Array(items) => items.first().map(|_| "0".to_owned())?,
        _ => return None,
    };
    Some(format!("{path}.{key}"))
}

impl Opener {
    /// Returns an encrypted file as it is: its names, and texts that nobody can read.
    fn names(&self, file: &Utf8Path) -> Result<Value, OpenError> {
        let text = self.text(file)?;
        let names = yaml::parse(&text).map_err(|_| OpenError::Content(file.to_owned()))?;
        if names.get("sops").is_none() {
            return Err(OpenError::Content(file.to_owned()));
        }
        Ok(names)
    }
}
