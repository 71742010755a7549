//! Writing to the terminal, or to a pipe that its reader may have closed. Colours reach terminals alone, and none with
//! `NO_COLOR`.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::failure::{Failure, io_message};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Prints text to standard output. A reader who closed the pipe has read enough; any other failure is one.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard output: {}", io_message(&error))))
        }
        _ => Ok(()),
    }
}

/// Prints one line about what went wrong to standard error; that there is nobody to read it changes nothing.
pub(crate) fn error(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{BAD}gpu-loss:{BAD:#} {line}");
}

/// Whether a check was passed, in a word.
pub(crate) fn verdict(passed: bool) -> String {
    if passed { format!("{GOOD}ok{GOOD:#}") } else { failed() }
}

/// The word before what failed.
pub(crate) fn failed() -> String {
    format!("{BAD}FAILED{BAD:#}")
}
