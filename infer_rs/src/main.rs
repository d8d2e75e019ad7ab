//! The program `infer-rs`: parses the command line, runs the library, and turns errors into text and exit codes.

use std::process::ExitCode;

fn main() -> ExitCode {
    infer_rs::cli::main()
}
