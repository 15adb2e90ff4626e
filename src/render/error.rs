//! Why a cluster cannot be rendered.

use crate::catalog::TemplateError;
use crate::render::talos::TalosRenderError;

/// Why a cluster cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A component's template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A machine configuration cannot be made.
    #[error(transparent)]
    Talos(#[from] TalosRenderError),
}
