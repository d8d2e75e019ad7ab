//! The command line.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::error::{Result, guarded};
use crate::ffi;
use crate::runtime::Source;
use crate::{commands, overhead, serve};

/// Run a self-describing ONNX image model with Pillow's pixels and Python's ONNX Runtime.
#[derive(Debug, Parser)]
#[command(name = "infer-rs", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// ONNX Runtime's shared library; by default that of the onnxruntime wheel installed beside this program
    #[arg(long, global = true, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    ort_lib: Option<PathBuf>,
    /// A library to load before it (CUDA's); may be repeated, in the order in which they need each other
    #[arg(long, global = true, value_name = "PATH")]
    preload: Vec<PathBuf>,
    /// Threads of a session; by default as many as this process may use
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what an ONNX file says of itself
    Info {
        /// The .onnx file
        model: PathBuf,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Name the likeliest classes of images
    Predict {
        /// The .onnx file
        model: PathBuf,
        /// JPEG, PNG, WebP, BMP or GIF files
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<PathBuf>,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
        /// How many classes per image
        #[arg(long, value_name = "K", default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
        top: u16,
    },
    /// Answer requests on stdin: the runner protocol of bench/PROTOCOL.md
    Serve,
    /// The same with forwards that differ in one thing: what `python -m bench split` compares
    Split {
        #[command(flatten)]
        ways: serve::Ways,
    },
    /// Write the tensor of images as .npy; needs no ONNX Runtime
    Preprocess {
        /// JPEG, PNG, WebP, BMP or GIF files
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<PathBuf>,
        /// The .onnx file that says how
        #[arg(long)]
        model: PathBuf,
        /// The .npy file to write: float32, N x 3 x H x W
        #[arg(long)]
        out: PathBuf,
    },
    /// Time the ways of calling one session, in blocks of calls: what is added around a model
    Overhead {
        /// The .onnx file: best one that has next to nothing to do
        model: PathBuf,
        /// Calls in a block
        #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..))]
        calls: u32,
        /// Blocks of each way
        #[arg(long, value_name = "B", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
        blocks: u32,
        /// Of the order in which the ways take turns
        #[arg(long, value_name = "S", default_value = "0")]
        seed: u64,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print size and sha256 of the RGB pixels of images, or why they are refused, as JSON lines
    Decode {
        /// Image files; a single - reads their names from stdin, one a line, and answers each at once
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<PathBuf>,
    },
    /// Print shell code for Tab completion: eval "$(infer-rs completion bash)", or in fish: infer-rs completion fish | source
    Completion {
        /// The shell, of those in which it is tested
        #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"]).try_map(|name| name.parse::<Shell>()))]
        shell: Shell,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    // Sound: the program begins here, and has started no thread.
    #[allow(unsafe_code, reason = "the environment is set once, first of all")]
    unsafe {
        ffi::telemetry_off();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            // Nobody is left to be told when this fails.
            let _ = fault.print();
            return ExitCode::from(if fault.use_stderr() { 2 } else { 0 });
        }
    };
    guarded(|| run(cli)).unwrap_or_else(|error| ExitCode::from(commands::complain(&error)))
}

fn run(cli: Cli) -> Result<ExitCode> {
    let source = Source { library: cli.global.ort_lib, preload: cli.global.preload };
    let threads = cli.global.threads.map(usize::from);
    let output = io::stdout().lock();
    match cli.command {
        Command::Info { model, json } => commands::info(&model, json, output),
        Command::Predict { model, images, json, top } => {
            let asked = commands::Predict { images, json, top: usize::from(top), threads };
            commands::predict(&model, &asked, &source, output)
        }
        Command::Overhead { model, calls, blocks, seed, json } => {
            let asked = overhead::Asked { calls: calls as usize, blocks: blocks as usize, seed, threads, json };
            overhead::overhead(&model, &asked, &source, output)
        }
        Command::Serve => {
            drop(output);
            serve::serve(source, threads, serve::Ways::default()).map(|()| ExitCode::SUCCESS)
        }
        Command::Split { ways } => {
            drop(output);
            serve::serve(source, threads, ways).map(|()| ExitCode::SUCCESS)
        }
        Command::Preprocess { images, model, out } => commands::preprocess(&images, &model, &out),
        Command::Decode { images } => commands::decode(&images, io::stdin().lock(), output),
        Command::Completion { shell } => completion(shell, output),
    }
}

/// Prints the code by which a shell completes this program's commands and options.
fn completion(shell: Shell, mut out: impl Write) -> Result<ExitCode> {
    // clap_complete panics where it cannot write, such as into a closed pipe.
    let mut code = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "infer-rs", &mut code);
    commands::print(&mut out, &String::from_utf8_lossy(&code))?;
    Ok(ExitCode::SUCCESS)
}
