//! Writing to the terminal, or to a pipe that its reader may have closed.

use std::io::Write as _;

use crate::failure::Failure;

/// Prints text to standard output. A reader who closed the pipe has read enough; any other failure is one.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("standard output: {}", crate::failure::io_message(&error))))
        }
        _ => Ok(()),
    }
}

/// Prints one line about what went wrong to standard error; that there is nobody to read it changes nothing.
pub(crate) fn error(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "gpu-loss: {line}");
}
