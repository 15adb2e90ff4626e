//! `homelab`: from one `homelab.yaml` to a Kubernetes cluster at home that reconciles itself from Git.
//!
//! Three rings; arrows only point inward.
//!
//! - the shell: [`cli`] (arguments, dispatch, exit codes) and [`ui`] (the terminal);
//! - effects: [`observe`] asks what exists, [`execute`] walks a plan; one adapter each for
//!   [`talos`], [`kube`], [`git`] and [`store`] (files), all network traffic through [`connect`];
//!   [`rehearse`] is a simulated world behind the same seam;
//! - pure: [`spec`] (what people write), [`catalog`] (components as data), [`render`] (files),
//!   [`plan`] (steps), [`pki`], [`yaml`] and [`model`]. No clock, no randomness, no network and no
//!   environment reach them except as arguments; `clippy.toml` lists what they must not call.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod catalog;
pub mod cli;
pub mod connect;
pub mod execute;
pub mod git;
pub mod kube;
pub mod model;
pub mod observe;
pub mod pki;
pub mod plan;
pub mod rehearse;
pub mod render;
pub mod spec;
pub mod store;
pub mod talos;
pub mod ui;
pub mod yaml;
