//! What the examples share: which loss is asked for, and a bar that shows how training goes.

#![allow(dead_code, reason = "each example uses a part")]

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Whether `--loss fused` (the default) or `--loss burn` is asked for.
pub fn fused_by_arguments() -> Result<bool, String> {
    match argument("--loss").as_deref() {
        None | Some("fused") => Ok(true),
        Some("burn") => Ok(false),
        Some(other) => Err(format!("--loss {other}: expected burn or fused")),
    }
}

/// What follows this option.
pub fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.next()?;
    arguments.next()
}

/// A bar on a terminal, and the loss along the way.
pub struct Bar {
    steps: usize,
    done: usize,
    started: Instant,
    pub losses: Vec<f32>,
}

impl Bar {
    pub fn new(steps: usize) -> Self {
        Bar { steps, done: 0, started: Instant::now(), losses: vec![] }
    }

    /// One step is done. The loss is only asked for now and then: reading it waits for the device.
    pub fn step(&mut self, loss: impl FnOnce() -> f32) {
        let every = (self.steps / 50).max(1);
        if self.done.is_multiple_of(every) || self.done + 1 == self.steps {
            self.losses.push(loss());
            self.draw();
        }
        self.done += 1;
    }

    fn draw(&self) {
        let mut out = std::io::stderr();
        if !out.is_terminal() {
            return;
        }
        let width = 40;
        let filled = width * (self.done + 1) / self.steps;
        let loss = self.losses.last().copied().unwrap_or(f32::NAN);
        let left = self.started.elapsed().as_secs_f64() / (self.done + 1) as f64 * (self.steps - self.done - 1) as f64;
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(width - filled));
        let _ = write!(out, "\r{bar} {}/{}  loss {loss:.4}  {left:.0} s left ", self.done + 1, self.steps);
        let _ = out.flush();
    }

    /// The time that it took, and the losses as a curve.
    pub fn finish(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        println!("{} steps in {seconds:.1} s, {:.1} ms each", self.steps, 1e3 * seconds / self.steps as f64);
        let (least, most) = self.losses.iter().fold((f32::MAX, f32::MIN), |(a, b), l| (a.min(*l), b.max(*l)));
        let marks: Vec<char> = "▁▂▃▄▅▆▇█".chars().collect();
        let curve: String = self
            .losses
            .iter()
            .map(|loss| marks[(((loss - least) / (most - least).max(1e-9)) * 7.0).round().clamp(0.0, 7.0) as usize])
            .collect();
        println!("loss {most:.4} {curve} {least:.4}");
    }
}
