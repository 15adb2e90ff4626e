//! Evaluating a component's templates.
//!
//! Every value that a template prints is escaped as JSON, which is YAML too, so no value can break
//! the structure around it; undefined names are errors. The result is parsed before it leaves.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use super::component::Component;
use crate::spec::Cluster;
use crate::spec::cluster::SelectedComponent;
use crate::yaml;

/// Why a template gives nothing usable.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template does not parse or evaluate.
    #[error("{file}:{line}: the template fails")]
    Evaluate {
        /// The template.
        file: Utf8PathBuf,
        /// The line, 1-based; 0 when unknown.
        line: usize,
        /// What is wrong.
        #[source]
        source: minijinja::Error,
    },
    /// What the template made is not YAML.
    #[error("`{file}` does not make YAML")]
    Result {
        /// The template.
        file: Utf8PathBuf,
        /// What is wrong; places are those of the result, not of the template.
        #[source]
        source: yaml::ParseError,
    },
    /// What the template made is YAML of the wrong form.
    #[error("`{file}` does not make {expected}")]
    Form {
        /// The template.
        file: Utf8PathBuf,
        /// What was expected.
        expected: &'static str,
    },
}

/// The templates of the components of one cluster, ready to be evaluated.
pub struct Templates {
    environment: Environment<'static>,
    cluster: minijinja::Value,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

impl Templates {
    /// Prepares evaluation for a cluster.
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            environment: environment(),
            cluster: minijinja::Value::from(Serde(cluster)),
        }
    }

    /// Checks that a text is valid Jinja.
    pub fn check_syntax(file: &Utf8Path, text: &str) -> Result<(), TemplateError> {
        let environment = environment();
        let checked = environment.template_from_named_str(file.as_str(), text);
        checked
            .map(drop)
            .map_err(|source| evaluate_error(file, source))
    }

    /// Returns the chart values of a component: the catalogue's, with the owner's merged over them.
    pub fn values(
        &self,
        component: &Component,
        selected: &SelectedComponent,
    ) -> Result<Map<String, Value>, TemplateError> {
        let Some(text) = component.templates.get("values.yaml.j2") else {
            return Ok(Map::new());
        };
        let file = file_of(component, "values.yaml.j2");
        let rendered = self.render(&file, text, component, selected)?;
        let source_error = |source| TemplateError::Result {
            file: file.clone(),
            source,
        };
        let mut values = match yaml::parse(&rendered).map_err(source_error)? {
            Value::Object(values) => values,
            Value::Null => Map::new(),
            _ => {
                let expected = "a mapping";
                return Err(TemplateError::Form { file, expected });
            }
        };
        merge(&mut values, &selected.values);
        Ok(values)
    }

    /// Returns the further objects of a component, by the file name they are written to.
    pub fn resources(
        &self,
        component: &Component,
        selected: &SelectedComponent,
    ) -> Result<BTreeMap<String, Vec<Value>>, TemplateError> {
        let mut resources = BTreeMap::new();
        for (name, text) in &component.templates {
            let Some(target) = name.strip_prefix("resources/") else {
                continue;
            };
            let file = file_of(component, name);
            let rendered = self.render(&file, text, component, selected)?;
            let documents = yaml::parse_documents(&rendered).map_err(|source| {
                let file = file.clone();
                TemplateError::Result { file, source }
            })?;
            let documents: Vec<_> = documents.into_iter().filter(|d| !d.is_null()).collect();
            if !documents.iter().all(is_kubernetes_object) {
                let expected = "objects with apiVersion, kind and metadata.name";
                return Err(TemplateError::Form { file, expected });
            }
            if !documents.is_empty() {
                let target = target.strip_suffix(".j2").unwrap_or(target);
                resources.insert(target.to_owned(), documents);
            }
        }
        Ok(resources)
    }

    /// Tells whether a condition over the component's context holds.
    pub fn holds(
        &self,
        condition: &str,
        component: &Component,
        selected: &SelectedComponent,
    ) -> Result<bool, TemplateError> {
        let file = file_of(component, "component.yaml");
        let context = self.context(component, selected);
        self.environment
            .compile_expression(condition)
            .and_then(|expression| expression.eval(context))
            .map(|value| value.is_true())
            .map_err(|source| evaluate_error(&file, source))
    }

    fn render(
        &self,
        file: &Utf8Path,
        text: &str,
        component: &Component,
        selected: &SelectedComponent,
    ) -> Result<String, TemplateError> {
        self.environment
            .render_named_str(file.as_str(), text, self.context(component, selected))
            .map_err(|source| evaluate_error(file, source))
    }

    fn context(&self, component: &Component, selected: &SelectedComponent) -> minijinja::Value {
        minijinja::context! {
            cluster => self.cluster.clone(),
            options => Serde(&selected.options),
            component => minijinja::context! {
                name => component.name.as_str(),
                namespace => component.namespace.name.as_str(),
                image => component.image.as_deref(),
                version => selected.version.as_str(),
            },
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("the default delimiters are valid"));
    // Addresses and networks as text: only IPv6 has colons.
    environment.add_test("ipv4", |address: &str| !address.contains(':'));
    environment.add_test("ipv6", |address: &str| address.contains(':'));
    environment
}

fn file_of(component: &Component, name: &str) -> Utf8PathBuf {
    Utf8Path::new(&component.name).join(name)
}

fn evaluate_error(file: &Utf8Path, source: minijinja::Error) -> TemplateError {
    TemplateError::Evaluate {
        file: file.to_owned(),
        line: source.line().unwrap_or_default(),
        source,
    }
}

fn is_kubernetes_object(document: &Value) -> bool {
    let text = |pointer: &str| document.pointer(pointer).is_some_and(Value::is_string);
    text("/apiVersion") && text("/kind") && text("/metadata/name")
}

/// Merges as Helm does: mappings key by key, everything else replaced.
fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}
