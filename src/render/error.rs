//! Why a cluster cannot be rendered.

use crate::catalog::TemplateError;

/// Why a cluster cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A component's template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
}
