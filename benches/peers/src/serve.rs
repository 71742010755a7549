//! The other end of [`crate::child`]: answers its lines on standard input and output.
//!
//! | asked | answered |
//! |---|---|
//! | (at the start) | `ok ABOUT` |
//! | `load ROWS CLASSES DIRECTORY` | `ok`; `scores` (f32) and `labels` (i64) lie in the directory |
//! | `result` | `ok LOSS`; the gradient (f32) lies in the directory as `grad` |
//! | `time` | `ok MS` |
//!
//! Anything else that comes is `failed WHY`. `python/peer.py` speaks the same.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

/// What can be asked.
pub trait Serve {
    fn about(&self) -> String;
    fn load(&mut self, rows: usize, classes: usize, directory: &Path) -> Result<(), String>;
    /// Takes a step, writes its gradient, returns its loss.
    fn result(&mut self, grad: &mut dyn std::io::Write) -> Result<f32, String>;
    /// Takes a step: milliseconds from its submission until all of it is done.
    fn time(&mut self) -> Result<f64, String>;
}

/// Serves until standard input ends.
pub fn serve(mut peer: impl Serve) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ok {}", peer.about())?;
    let mut directory = PathBuf::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let answer = match words[..] {
            ["load", rows, classes, at] => {
                directory = at.into();
                match (rows.parse(), classes.parse()) {
                    (Ok(rows), Ok(classes)) => peer.load(rows, classes, &directory).map(|()| String::new()),
                    _ => Err("counts were expected".into()),
                }
            }
            ["result"] => std::fs::File::create(directory.join("grad"))
                .map_err(|error| error.to_string())
                .and_then(|mut file| peer.result(&mut file))
                .map(|loss| loss.to_string()),
            ["time"] => peer.time().map(|ms| ms.to_string()),
            _ => Err("no such request".into()),
        };
        match answer {
            Ok(words) => writeln!(out, "ok {words}")?,
            Err(why) => writeln!(out, "failed {}", why.replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}
