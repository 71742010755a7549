//! A peer in a process of its own, asked by lines: see [`crate::serve`] for what is said.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::batch::Batch;
use crate::peer::Peer;

/// No answer takes longer, compilation included.
const PATIENCE: Duration = Duration::from_secs(240);

/// A process that is started again for the next shape when it died over one.
pub struct Child {
    name: &'static str,
    command: Vec<String>,
    about: String,
    running: Option<Running>,
    /// Where the gradient comes to lie.
    directory: PathBuf,
}

struct Running {
    process: Process,
    input: ChildStdin,
    lines: Receiver<String>,
    /// The last lines of its standard error.
    errors: std::thread::JoinHandle<String>,
}

impl Child {
    pub fn new(name: &'static str, command: &[&str]) -> Self {
        Child {
            name,
            command: command.iter().map(|&word| word.to_owned()).collect(),
            about: String::new(),
            running: None,
            directory: PathBuf::new(),
        }
    }

    /// Starts the process; what is wrong if it cannot serve at all.
    pub fn start(&mut self) -> Result<(), String> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("{}: {error}", self.command[0]))?;
        let (Some(input), Some(output), Some(errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err("no pipes".into());
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let last = |errors: ChildStderr| {
            BufReader::new(errors).lines().map_while(Result::ok).filter(|line| !line.is_empty()).last()
        };
        let errors = std::thread::spawn(move || last(errors).unwrap_or_default());
        self.running = Some(Running { process, input, lines, errors });
        self.about = self.answer()?;
        Ok(())
    }

    fn ask(&mut self, request: &str) -> Result<String, String> {
        let running = self.running.as_mut().ok_or("it is not running")?;
        // A process that died says so by the end of its answers.
        let _ = writeln!(running.input, "{request}");
        self.answer()
    }

    fn answer(&mut self) -> Result<String, String> {
        let running = self.running.as_mut().ok_or("it is not running")?;
        match running.lines.recv_timeout(PATIENCE) {
            Ok(line) => match line.split_once(' ') {
                Some(("ok", words)) => Ok(words.to_owned()),
                Some(("failed", why)) => Err(why.to_owned()),
                _ => Err(format!("it answered: {line}")),
            },
            Err(RecvTimeoutError::Timeout) => {
                let _ = running.process.kill();
                self.stop();
                Err(format!("no answer within {} s", PATIENCE.as_secs()))
            }
            // It closes its output when it ends.
            Err(RecvTimeoutError::Disconnected) => Err(self.stop()),
        }
    }

    /// Lets the process end, since it has nothing more to read; how it ended.
    fn stop(&mut self) -> String {
        let Some(Running { mut process, input, errors, .. }) = self.running.take() else { return String::new() };
        drop(input);
        let ended = process.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        match errors.join() {
            Ok(last) if !last.is_empty() => format!("{last} ({ended})"),
            _ => ended,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Peer for Child {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> String {
        self.about.clone()
    }

    fn load(&mut self, batch: &Batch, directory: &Path) -> Result<(), String> {
        if self.running.is_none() {
            self.start()?;
        }
        self.directory = directory.to_owned();
        self.ask(&format!("load {} {} {}", batch.rows, batch.classes, directory.display())).map(drop)
    }

    fn result(&mut self) -> Result<(f32, Vec<f32>), String> {
        let loss = self.ask("result")?.parse().map_err(|_| "no loss was told")?;
        let path = self.directory.join("grad");
        let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
        // The next peer must write its own.
        std::fs::remove_file(&path).map_err(|error| error.to_string())?;
        Ok((loss, bytemuck::pod_collect_to_vec(&bytes)))
    }

    fn time(&mut self) -> Result<f64, String> {
        self.ask("time")?.parse().map_err(|_| "no time was told".to_owned())
    }

    /// Keeps the process, and the batch until the next is loaded: starting anew takes seconds.
    fn unload(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        Child::new("shell", &["sh", "-c", script])
    }

    #[test]
    fn what_a_process_answers_and_how_it_dies_is_told() {
        let mut child =
            shell("echo ok sh; read line; echo \"ok $line\"; read line; echo failed why; echo last >&2; exit 3");
        child.start().unwrap();
        assert_eq!(child.about(), "sh");
        assert_eq!(child.ask("load"), Ok("load".into()));
        assert_eq!(child.ask("result"), Err("why".into()));
        let died = child.ask("time").unwrap_err();
        assert!(died.contains("last") && died.contains("exit status: 3"), "{died}");
        assert!(child.running.is_none());
        assert!(Child::new("none", &["/no/such/program"]).start().is_err());
    }
}
