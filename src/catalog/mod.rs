//! The component catalogue: components as data, not code.
//!
//! A component is a folder with a `component.yaml` and templates. Adding one touches no Rust: the
//! embedded folders and a repository's own `components/` are read alike. Templates see the valid
//! cluster and the component's options; what they make is parsed before anybody uses it.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod component;
mod embedded;
mod load;
mod relations;
mod template;

pub use component::{
    Catalog, Category, Chart, ChartSource, Component, HealthCheck, Namespace, NodeRequirements,
    PodSecurity, SecretDeclaration, SecretKey, SecretValue, TalosRequirements,
};
pub use load::LoadError;
pub use relations::{ExpectedSecret, dependencies, expected_secrets, selected};
pub use template::{TemplateError, Templates};

#[cfg(test)]
pub(crate) mod tests;
