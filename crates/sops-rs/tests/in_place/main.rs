//! Encryption in place: what people wrote around their values survives, both ways.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bad_input;
mod dotenv;
mod ini;
mod json;
mod lab;
mod written;
mod yaml;
