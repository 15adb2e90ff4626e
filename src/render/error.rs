//! Why a cluster cannot be rendered.

use crate::catalog::TemplateError;
use crate::render::reference::SecretRef;
use crate::render::talos::TalosRenderError;

/// Why a cluster cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A component's template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Chart values hold a secret reference, but they lie in Git as they are.
    #[error(
        "the values of `{component}` refer to the secret `{reference}`, and chart values cannot: \
         name a Kubernetes Secret in them instead"
    )]
    SecretInValues {
        /// The component.
        component: String,
        /// The reference.
        reference: SecretRef,
    },
    /// A machine configuration cannot be made.
    #[error(transparent)]
    Talos(#[from] TalosRenderError),
}
