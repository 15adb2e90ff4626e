//! The component catalogue: components as data, not code.
//!
//! A component is a folder with a `component.yaml` and templates. Adding one touches no Rust.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod component;

pub use component::{
    Catalog, Category, Chart, ChartSource, Component, Namespace, NodeRequirements, PodSecurity,
    SecretDeclaration, SecretKey, SecretValue, TalosRequirements,
};
