//! A whole bootstrap against a real Kubernetes API and the real Flux.
//!
//! The machines are simulated (`homelab rehearse --serve`), the API server, its controllers, the
//! scheduler, Flux, its operator and Helm are upstream's programs. [`Kubelets`] plays what no
//! program is there for: it registers nodes, carries out the pods of chart runners, and starts the
//! programs whose Deployments appear. [`charts`] stand in for the real ones.

mod charts;
mod forward;
mod kubelets;
mod repository;
mod world;

pub use kubelets::Notes;
pub use repository::{TOKEN, edit, push};
pub use world::World;
