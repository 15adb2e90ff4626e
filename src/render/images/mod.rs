//! Every image that the cluster pulls, who needs it, and what machines are booted with: for a mirror, or for
//! a place without a way to the internet.
//!
//! Known without asking anybody: what finished machine configurations and rendered objects name, and what each
//! release of Talos brings unless it is told otherwise. What is inside a chart is not known, and is said to be not.

mod defaults;
mod inventory;
mod machines;
mod objects;

pub use inventory::{Boot, Chart, Image, Inventory, Open, inventory};
