//! The `homelab` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    homelab::cli::main()
}
