//! From folders of files to components. Every error names its file, and the line where there is one.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::component::{Catalog, Component};
use super::template::{TemplateError, Templates};
use crate::yaml;

const DESCRIPTION: &str = "component.yaml";
/// Files that lie beside a component's own objects.
const RESERVED: [&str; 4] = [
    "helmrelease.yaml",
    "helmrepository.yaml",
    "kustomization.yaml",
    "ocirepository.yaml",
];

/// Why a folder is not a component.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is not text.
    #[error("`{file}` is not UTF-8")]
    Encoding {
        /// The file.
        file: Utf8PathBuf,
    },
    /// A folder has files but no description.
    #[error("the folder `{folder}` has no component.yaml")]
    NoDescription {
        /// The folder.
        folder: Utf8PathBuf,
    },
    /// A file lies where none belongs.
    #[error("`{file}` is neither component.yaml, values.yaml.j2 nor resources/*.yaml.j2")]
    Stray {
        /// The file.
        file: Utf8PathBuf,
    },
    /// A template would write a file that rendering writes itself.
    #[error("`{file}` would make `{name}`, which rendering makes itself; call it something else")]
    Reserved {
        /// The template.
        file: Utf8PathBuf,
        /// The file it would make.
        name: String,
    },
    /// The description has the wrong form.
    #[error("`{file}` does not describe a component")]
    Description {
        /// The file.
        file: Utf8PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: yaml::ParseError,
    },
    /// The description contradicts itself or its place.
    #[error("{file}:{line}: {problem}")]
    Contradiction {
        /// The file.
        file: Utf8PathBuf,
        /// The line, 1-based.
        line: usize,
        /// What is wrong.
        problem: Contradiction,
    },
    /// A template is not valid Jinja.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Two folders describe components of the same name.
    #[error("`{file}` describes `{name}`, which the catalogue already has; choose another name")]
    Duplicate {
        /// The later file.
        file: Utf8PathBuf,
        /// The name.
        name: String,
    },
}

/// How a description contradicts itself or its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The folder is called something else.
    #[error("the component is called `{name}` but its folder `{folder}`")]
    Name {
        /// The name.
        name: String,
        /// The folder's name.
        folder: String,
    },
    /// There must be a chart or a version, not both, not neither.
    #[error("expected either `chart` or `version`")]
    ChartXorVersion,
    /// A chart chooses its own images.
    #[error("`image` is for a component that has no chart")]
    Image,
    /// `supports` is not a range of versions.
    #[error("expected a range of versions such as `>=1.2.0, <2.0.0`, found `{found}`")]
    Supports {
        /// What stands there.
        found: String,
    },
    /// The chart's own version is outside the supported range.
    #[error("the chart's version `{version}` is outside the range it `supports`")]
    Unsupported {
        /// The chart's version.
        version: String,
    },
    /// Options are not the schema of an object.
    #[error("expected the JSON Schema of an object with `properties`")]
    Options,
    /// A chart without values, or values without a chart.
    #[error("`chart` and the file values.yaml.j2 belong together")]
    Values,
}

impl Catalog {
    /// Adds the components of these files: path `<any>/<component>/<file>` to content.
    pub fn with_files(mut self, files: &BTreeMap<Utf8PathBuf, Vec<u8>>) -> Result<Self, LoadError> {
        for (folder, files) in by_folder(files)? {
            let component = load(&folder, files)?;
            if self.get(&component.name).is_some() {
                return Err(LoadError::Duplicate {
                    file: folder.join(DESCRIPTION),
                    name: component.name,
                });
            }
            self.insert(component);
        }
        Ok(self)
    }
}

/// The files of a component by their names.
pub(super) type Folder = BTreeMap<String, String>;

pub(super) fn by_folder(
    files: &BTreeMap<Utf8PathBuf, Vec<u8>>,
) -> Result<BTreeMap<Utf8PathBuf, Folder>, LoadError> {
    let mut folders = BTreeMap::<Utf8PathBuf, Folder>::new();
    for (path, bytes) in files {
        let parts: Vec<_> = path.iter().collect();
        let [root, folder, rest @ ..] = parts.as_slice() else {
            continue;
        };
        // A file beside the folders, such as a README.
        if rest.is_empty() {
            continue;
        }
        let text = String::from_utf8(bytes.clone())
            .map_err(|_| LoadError::Encoding { file: path.clone() })?;
        folders
            .entry(Utf8Path::new(root).join(folder))
            .or_default()
            .insert(rest.join("/"), text);
    }
    Ok(folders)
}

pub(super) fn load(folder: &Utf8Path, mut files: Folder) -> Result<Component, LoadError> {
    let file = folder.join(DESCRIPTION);
    let Some(text) = files.remove(DESCRIPTION) else {
        return Err(LoadError::NoDescription {
            folder: folder.to_owned(),
        });
    };
    let mut component: Component =
        yaml::parse_as(&text).map_err(|source| LoadError::Description {
            file: file.clone(),
            source,
        })?;
    for (name, template) in &files {
        if !is_template(name) {
            return Err(LoadError::Stray {
                file: folder.join(name),
            });
        }
        if let Some(name) = reserved(name) {
            return Err(LoadError::Reserved {
                file: folder.join("resources").join(format!("{name}.j2")),
                name: name.to_owned(),
            });
        }
        Templates::check_syntax(&folder.join(name), template)?;
    }
    component.templates = files;
    if let Some((key, problem)) = contradiction(&component, folder) {
        return Err(LoadError::Contradiction {
            line: line_of(&text, key),
            file,
            problem,
        });
    }
    Ok(component)
}

fn is_template(name: &str) -> bool {
    let resource = |rest: &str| rest.ends_with(".yaml.j2") && !rest.contains('/');
    name == "values.yaml.j2" || name.strip_prefix("resources/").is_some_and(resource)
}

/// Returns the file that a template would make, when it is one of rendering's own.
fn reserved(template: &str) -> Option<&str> {
    let name = template.strip_prefix("resources/")?.strip_suffix(".j2")?;
    RESERVED.contains(&name).then_some(name)
}

/// Returns what is wrong and the key that says so.
fn contradiction(
    component: &Component,
    folder: &Utf8Path,
) -> Option<(&'static str, Contradiction)> {
    let folder = folder.file_name().unwrap_or_default();
    if component.name != folder {
        let (name, folder) = (component.name.clone(), folder.to_owned());
        return Some(("name", Contradiction::Name { name, folder }));
    }
    if component.chart.is_some() == component.version.is_some() {
        return Some(("version", Contradiction::ChartXorVersion));
    }
    if component.chart.is_some() && component.image.is_some() {
        return Some(("image", Contradiction::Image));
    }
    if component.chart.is_some() != component.templates.contains_key("values.yaml.j2") {
        return Some(("chart", Contradiction::Values));
    }
    let options = &component.options;
    let object = options.get("type").is_some_and(|kind| kind == "object");
    let properties = options
        .get("properties")
        .is_some_and(serde_json::Value::is_object);
    let is_schema = object && properties;
    if !options.is_empty() && !is_schema {
        return Some(("options", Contradiction::Options));
    }
    let chart = component.chart.as_ref()?;
    let Ok(range) = semver::VersionReq::parse(&chart.supports) else {
        let found = chart.supports.clone();
        return Some(("supports", Contradiction::Supports { found }));
    };
    let version = semver::Version::parse(chart.version.trim_start_matches('v'));
    if !version.is_ok_and(|version| range.matches(&version)) {
        let version = chart.version.clone();
        return Some(("version", Contradiction::Unsupported { version }));
    }
    None
}

/// Returns the line of the first mention of a key, or the first line when it is missing.
fn line_of(text: &str, key: &str) -> usize {
    let mentions = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix(key)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    text.lines().position(mentions).unwrap_or_default() + 1
}
