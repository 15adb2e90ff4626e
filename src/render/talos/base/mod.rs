//! What Talos' own generator makes, by contract: the pristine ground that every layer lies on.
//!
//! It is written once, in the documents of the newest contract; what an older one has no document for
//! is moved into the `v1alpha1` document by the [table of forms](super::forms). Only what no document
//! says, such as the defaults that older generators wrote, is told apart here.

mod kubernetes;
mod machine;
mod options;

use serde_json::Value;

use super::Contract;
use super::forms::lowered;
use crate::spec::cluster::Role;

pub(crate) use kubernetes::CONTROL_PLANE;
pub(crate) use machine::unattended_install;
pub use options::Options;
pub(crate) use options::endpoint_url;

/// Generates the documents of one role.
pub fn generate(contract: Contract, options: &Options) -> Vec<Value> {
    let main = machine::v1alpha1(contract, options);
    let mut documents = machine::documents(contract, options);
    documents.extend(kubernetes::documents(options));
    if options.role == Role::ControlPlane {
        documents.extend(kubernetes::control_plane(contract, options));
    }
    lowered(contract, main, documents)
}
