//! The program `gpu-loss`: fused cross-entropy losses on files, from the terminal.
//!
//! A library only so that fuzz targets and tests reach what reads files. It promises no API.

#![forbid(unsafe_code)]
// Indices and arithmetic as well are checked where files are read: in `input`.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)
)]

mod adapters;
mod args;
mod bench;
mod broadcast;
mod cache;
mod convert;
mod draft;
mod environment;
mod failure;
mod forms;
mod help;
pub mod hostile;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
mod input;
mod json;
mod linear;
mod loss_name;
mod names;
mod numbers;
mod options;
mod output;
mod pages;
mod problem;
mod replace;
mod report;
mod run;
mod shaders;
mod source;
mod takers;
mod tally;
mod terminal;
mod unread;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Failure};

/// The program.
pub fn main() -> ExitCode {
    // The logs of wgpu and of the library, for who asks for them: RUST_LOG=info gpu-loss …
    env_logger::Builder::new().filter_level(log::LevelFilter::Off).parse_default_env().init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // Nothing is known to panic. Should a driver's wrapper do so all the same, it ends as a device fault, in one line.
    std::panic::set_hook(Box::new(|_| {}));
    match std::panic::catch_unwind(|| dispatch(&cli)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            terminal::error(&failure.line());
            ExitCode::from(failure.exit as u8)
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            terminal::error(&failure::one_line(&format!("internal error, please report it: {text}")));
            ExitCode::from(Exit::Device as u8)
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let filter = || cli.adapter.filter();
    match &cli.command {
        Command::Run(args) => run::run(args, &filter()?),
        Command::Adapters(args) => adapters::adapters(args, &filter()?),
        Command::Verify(args) => verify::verify(args, &filter()?),
        Command::Bench(args) => match (&args.from, &args.report) {
            (Some(_), _) if cli.adapter.is_given() => {
                Err(Failure::usage("--backend and --adapter choose what is measured: --from draws all of its file"))
            }
            (Some(from), Some(directory)) => bench::draw(from, directory),
            _ => bench::bench(args, &filter()?),
        },
        Command::Shaders(args) => shaders::shaders(args, &filter()?),
        Command::Completions(args) => pages::completions(args),
        Command::Man(args) => pages::man(args),
    }
}

/// Help and version go to standard output; a mistake is one line on standard error.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader who closed the pipe has read enough.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(Exit::Input as u8)
        }
        _ => {
            terminal::error(&args::usage_line(error));
            ExitCode::from(Exit::Input as u8)
        }
    }
}
