//! A small `kustomize build` over a tree of files: what GitOps trees of this project use.
//!
//! Resources, components, `namespace`, `labels`, `patches` (merge form) and `configMapGenerator`.
//! A field that is not understood is an error, never silently left out.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::facts::Remote;
use crate::yaml;

const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const UNDERSTOOD: [&str; 10] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "components",
    "namespace",
    "labels",
    "patches",
    "configMapGenerator",
    "generatorOptions",
];

/// Why a directory does not build; worded as the real program words it where it has the error.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BuildError {
    #[error("stat {0}: no such file or directory")]
    NoSuchPath(Utf8PathBuf),
    #[error(
        "accumulating resources: accumulation err='accumulating resources from '{0}': no such file or directory'"
    )]
    NoSuchResource(Utf8PathBuf),
    #[error("invalid Kustomization `{file}`: json: unknown field \"{field}\"")]
    UnknownField { file: Utf8PathBuf, field: String },
    #[error("`{file}`: {cause}")]
    Yaml { file: Utf8PathBuf, cause: String },
    #[error("`{0}` is not a Kubernetes object")]
    NotAnObject(Utf8PathBuf),
    #[error("may not add resource with an already registered id: {0}")]
    Duplicate(String),
    #[error("no resource matches the target of a patch in `{0}`")]
    NoTarget(Utf8PathBuf),
    #[error("cycle detected: `{0}` is its own resource")]
    Cycle(Utf8PathBuf),
}

/// Where to build, and what is known about kinds.
pub(super) struct Builder<'a> {
    pub(super) remote: &'a Remote,
    /// Tells whether objects of this `apiVersion` and `kind` live in namespaces.
    pub(super) is_namespaced: &'a dyn Fn(&Value) -> bool,
}

impl Builder<'_> {
    /// Builds a directory; without a kustomization file everything below it counts.
    pub(super) fn build(&self, path: &Utf8Path) -> Result<Vec<Value>, BuildError> {
        let path = normal(path);
        if !self.is_directory(&path) {
            return Err(BuildError::NoSuchPath(path));
        }
        let mut objects = Vec::new();
        self.directory(&path, &mut objects, &mut Vec::new())?;
        let mut ids: Vec<String> = objects.iter().map(id).collect();
        ids.sort();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(BuildError::Duplicate(pair[0].clone())),
            None => Ok(objects),
        }
    }

    fn is_directory(&self, path: &Utf8Path) -> bool {
        self.remote
            .tree
            .iter()
            .any(|(file, _)| path == "" || file.starts_with(path))
    }

    fn kustomization(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let mut files = FILE_NAMES.iter().map(|name| path.join(name));
        files.find(|file| self.remote.tree.get(file).is_some())
    }

    fn directory(
        &self,
        path: &Utf8Path,
        objects: &mut Vec<Value>,
        above: &mut Vec<Utf8PathBuf>,
    ) -> Result<(), BuildError> {
        if above.iter().any(|other| other == path) {
            return Err(BuildError::Cycle(path.to_owned()));
        }
        above.push(path.to_owned());
        match self.kustomization(path) {
            Some(file) => self.listed(path, &file, objects, above)?,
            None => self.scanned(path, objects, above)?,
        }
        above.pop();
        Ok(())
    }

    /// Every YAML file below, but a directory with its own kustomization as one.
    fn scanned(
        &self,
        path: &Utf8Path,
        objects: &mut Vec<Value>,
        above: &mut Vec<Utf8PathBuf>,
    ) -> Result<(), BuildError> {
        let mut done: Vec<Utf8PathBuf> = Vec::new();
        for (file, _) in self.remote.tree.iter() {
            let is_inside = path == "" || file.starts_with(path);
            if !is_inside || done.iter().any(|other| file.starts_with(other)) {
                continue;
            }
            let own = file
                .ancestors()
                .skip(1)
                .take_while(|parent| *parent != path)
                .filter(|parent| self.kustomization(parent).is_some())
                .last();
            if let Some(own) = own {
                done.push(own.to_owned());
                self.directory(own, objects, above)?;
            } else if matches!(file.extension(), Some("yaml" | "yml")) {
                objects.extend(self.file(file)?);
            }
        }
        Ok(())
    }

    fn listed(
        &self,
        path: &Utf8Path,
        file: &Utf8Path,
        objects: &mut Vec<Value>,
        above: &mut Vec<Utf8PathBuf>,
    ) -> Result<(), BuildError> {
        let build = self.last_document(file)?;
        if let Some(field) = unknown_field(&build) {
            let file = file.to_owned();
            return Err(BuildError::UnknownField { file, field });
        }
        let mut own = Vec::new();
        for resource in strings(&build["resources"]) {
            self.resource(&normal(&path.join(resource)), &mut own, above)?;
        }
        for generator in items(&build["configMapGenerator"]) {
            own.push(self.config_map(path, generator, &build["generatorOptions"])?);
        }
        for component in strings(&build["components"]) {
            let component = normal(&path.join(component));
            let inner = self.kustomization(&component);
            let inner = inner.ok_or_else(|| BuildError::NoSuchResource(component.clone()))?;
            self.listed(&component, &inner, &mut own, above)?;
        }
        self.transform(path, &build, &mut own)?;
        objects.extend(own);
        Ok(())
    }

    fn resource(
        &self,
        path: &Utf8Path,
        objects: &mut Vec<Value>,
        above: &mut Vec<Utf8PathBuf>,
    ) -> Result<(), BuildError> {
        if self.remote.tree.get(path).is_some() {
            objects.extend(self.file(path)?);
            Ok(())
        } else if self.kustomization(path).is_some() {
            self.directory(path, objects, above)
        } else {
            Err(BuildError::NoSuchResource(path.to_owned()))
        }
    }

    fn transform(
        &self,
        path: &Utf8Path,
        build: &Value,
        objects: &mut [Value],
    ) -> Result<(), BuildError> {
        for patch in items(&build["patches"]) {
            self.patch(path, patch, objects)?;
        }
        for label in items(&build["labels"]) {
            for (name, value) in label["pairs"].as_object().into_iter().flatten() {
                for object in objects.iter_mut() {
                    object["metadata"]["labels"][name] = value.clone();
                }
            }
        }
        if let Some(namespace) = build["namespace"].as_str() {
            self.set_namespace(objects, namespace);
        }
        Ok(())
    }

    /// Moves every object that lives in a namespace into this one.
    pub(super) fn set_namespace(&self, objects: &mut [Value], namespace: &str) {
        for object in objects {
            if (self.is_namespaced)(object) {
                object["metadata"]["namespace"] = json!(namespace);
            }
        }
    }

    fn patch(
        &self,
        folder: &Utf8Path,
        patch: &Value,
        objects: &mut [Value],
    ) -> Result<(), BuildError> {
        let file = patch["path"]
            .as_str()
            .map(|name| normal(&folder.join(name)));
        let content = match (&file, patch["patch"].as_str()) {
            (Some(file), _) => self.last_document(file)?,
            (None, Some(text)) => yaml::parse(text).map_err(|error| BuildError::Yaml {
                file: folder.to_owned(),
                cause: error.to_string(),
            })?,
            (None, None) => Value::Null,
        };
        let target = match patch["target"].as_object() {
            Some(_) => patch["target"].clone(),
            None => json!({"kind": content["kind"], "name": content["metadata"]["name"]}),
        };
        let mut hits = 0;
        for object in objects.iter_mut() {
            let fits = |name: &str, found: &Value| target[name].is_null() || target[name] == *found;
            if fits("kind", &object["kind"]) && fits("name", &object["metadata"]["name"]) {
                hits += 1;
                let mut content = content.clone();
                if let Some(fields) = content.as_object_mut() {
                    fields.shift_remove("metadata");
                }
                crate::rehearse::kubernetes::merge_patch(object, &content);
            }
        }
        match hits {
            0 => Err(BuildError::NoTarget(folder.to_owned())),
            _ => Ok(()),
        }
    }

    fn config_map(
        &self,
        path: &Utf8Path,
        generator: &Value,
        options: &Value,
    ) -> Result<Value, BuildError> {
        let mut data = serde_json::Map::new();
        for text in strings(&generator["literals"]) {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            data.insert(name.to_owned(), json!(value));
        }
        for text in strings(&generator["files"]) {
            let (name, file) = match text.split_once('=') {
                Some((name, file)) => (name.to_owned(), file),
                None => (text.rsplit('/').next().unwrap_or(text).to_owned(), text),
            };
            let file = normal(&path.join(file));
            let content = self.remote.tree.get(&file);
            let content = content.ok_or_else(|| BuildError::NoSuchResource(file.clone()))?;
            data.insert(name, json!(String::from_utf8_lossy(&content.bytes)));
        }
        let name = generator["name"].as_str().unwrap_or_default();
        let is_plain = [&generator["options"], options]
            .iter()
            .any(|options| options["disableNameSuffixHash"] == true);
        let name = if is_plain {
            name.to_owned()
        } else {
            // References are not rewritten here; the suffix only keeps the names distinct.
            format!("{name}-generated")
        };
        Ok(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": generator["namespace"]}, "data": data,
        }))
    }

    fn file(&self, file: &Utf8Path) -> Result<Vec<Value>, BuildError> {
        let mut objects = Vec::new();
        for document in self.documents(file)?.iter() {
            if document["kind"] == "List" {
                objects.extend(items(&document["items"]).cloned());
            } else if document["kind"].is_string() && document["apiVersion"].is_string() {
                objects.push(document.clone());
            } else {
                return Err(BuildError::NotAnObject(file.to_owned()));
            }
        }
        Ok(objects)
    }

    fn last_document(&self, file: &Utf8Path) -> Result<Value, BuildError> {
        let documents = self.documents(file)?;
        Ok(documents.last().cloned().unwrap_or_default())
    }

    fn documents(&self, file: &Utf8Path) -> Result<Arc<[Value]>, BuildError> {
        match self.remote.documents(file) {
            Some(Ok(documents)) => Ok(documents),
            Some(Err(error)) => Err(BuildError::Yaml {
                file: file.to_owned(),
                cause: error.to_string(),
            }),
            None => Err(BuildError::NoSuchResource(file.to_owned())),
        }
    }
}

fn unknown_field(build: &Value) -> Option<String> {
    let mut names = build.as_object()?.keys();
    names
        .find(|name| !UNDERSTOOD.contains(&name.as_str()))
        .cloned()
}

fn id(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&object["apiVersion"]);
    let group = group.split_once('/').map_or("", |(group, _)| group);
    let metadata = &object["metadata"];
    format!(
        "{group}/{}/{}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    items(value).filter_map(Value::as_str)
}

/// Resolves `.` and `..` without a file system.
fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_str().split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/").into()
}

#[cfg(test)]
mod tests;
