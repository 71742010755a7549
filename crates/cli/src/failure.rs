//! How the program ends when it cannot do what was asked: an exit code and one line.

use std::fmt::Write as _;
use std::path::Path;

use gpu_loss::Error;

/// The exit codes besides 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A result is outside the promised accuracy.
    Check = 1,
    /// Bad input or usage.
    Input = 2,
    /// No adapter, or a device fault: a kernel that computes wrongly is one.
    Device = 3,
}

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

impl Failure {
    /// A result outside the promise.
    pub(crate) fn check(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Check, message: message.into() }
    }

    /// Bad usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Input, message: message.into() }
    }

    /// A fault of the device.
    pub(crate) fn device(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Device, message: message.into() }
    }

    /// Something wrong with a file.
    pub(crate) fn file(path: &Path, message: impl std::fmt::Display) -> Self {
        Failure { exit: Exit::Input, message: format!("{}: {message}", path.display()) }
    }

    /// The library's refusal of what a file and the options hold.
    pub(crate) fn library(error: &Error, path: Option<&Path>) -> Self {
        let exit = match error {
            Error::NoAdapter { .. }
            | Error::Limit { .. }
            | Error::Device { .. }
            | Error::DeviceLost { .. }
            | Error::OutOfMemory { .. }
            | Error::Miscompiled { .. }
            | Error::Timeout { .. } => Exit::Device,
            _ => Exit::Input,
        };
        let message = match (error, path) {
            // An option was given on the command line (or in the environment), not in the file.
            (Error::Option { option, got, expected }, _) => {
                format!("--{} is {got}, expected {expected}", option.replace('_', "-"))
            }
            (Error::Strategy { .. }, _) => error.to_string(),
            (_, Some(path)) if exit == Exit::Input => format!("{}: {error}", path.display()),
            (Error::OutOfMemory { .. }, _) => format!("{error}: try fewer rows a file, or another --adapter"),
            (Error::DeviceLost { .. } | Error::Timeout { .. }, _) => {
                format!("{error}: try again, or another --adapter")
            }
            _ => error.to_string(),
        };
        Failure { exit, message }
    }

    /// The same, with what to do about it.
    pub(crate) fn with_tip(mut self, tip: Option<String>) -> Self {
        if let Some(tip) = tip {
            self.message = format!("{}; {tip}", self.message);
        }
        self
    }

    /// The message on one line: line breaks and other control characters, as names in files may hold them, are escaped.
    pub(crate) fn line(&self) -> String {
        one_line(&self.message)
    }
}

/// Text on one line, its control characters escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        if c.is_control() {
            // Writing into a string cannot fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// What an I/O error says, without the number.
pub(crate) fn io_message(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::UnexpectedEof => "the file ends early: it is truncated".into(),
        _ => {
            let text = error.to_string();
            match text.find(" (os error") {
                Some(end) => text[..end].to_lowercase(),
                None => text,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_names_it_holds() {
        let failure = Failure::file(Path::new("a\nb.npz"), "tensor 'x\r\n\u{1b}[31m'");
        assert_eq!(failure.line(), "a\\nb.npz: tensor 'x\\r\\n\\u{1b}[31m'");
    }

    #[test]
    fn device_faults_and_bad_input_have_their_own_codes() {
        let lost = Error::DeviceLost { reason: "gone".into() };
        assert_eq!(Failure::library(&lost, None).exit, Exit::Device);
        let wrong =
            Error::Miscompiled { loss: "ce", strategy: "thread-row".into(), adapter: "some".into(), error_ratio: 3.0 };
        assert_eq!(Failure::library(&wrong, Some(Path::new("f.npz"))).exit, Exit::Device);
        let label = Error::ClassOutOfRange { row: 3, class: 9, classes: 4, count: 1 };
        let failure = Failure::library(&label, Some(Path::new("f.npz")));
        assert_eq!(failure.exit, Exit::Input);
        assert_eq!(failure.line(), "f.npz: row 3: class 9 is outside 0..4 (1 such rows)");
        let option = Error::Option { option: "label_smoothing", got: "-1".into(), expected: "a number in [0, 1]" };
        assert_eq!(
            Failure::library(&option, Some(Path::new("f"))).line(),
            "--label-smoothing is -1, expected a number in [0, 1]"
        );
    }
}
