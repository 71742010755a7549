//! What other programs read of the command line: completions for shells, pages for `man`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::failure::{Failure, io_message};
use crate::terminal;

/// `gpu-loss completions`
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gpu-loss", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))
}

/// `gpu-loss man`
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Cli::command();
    program.build();
    let Some(directory) = &args.out else { return terminal::print(&page(program)?) };
    std::fs::create_dir_all(directory).map_err(|e| Failure::file(directory, io_message(&e)))?;
    let commands: Vec<clap::Command> =
        program.get_subcommands().filter(|command| command.get_name() != "help").cloned().collect();
    for command in std::iter::once(program).chain(commands) {
        write(directory, command)?;
    }
    Ok(())
}

fn write(directory: &Path, command: clap::Command) -> Result<(), Failure> {
    // `gpu-loss run` is on the page gpu-loss-run.
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let path = directory.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?).map_err(|e| Failure::file(&path, io_message(&e)))
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|e| Failure::usage(format!("the manual page: {}", io_message(&e))))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
