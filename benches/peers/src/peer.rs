//! What takes part.

use std::path::Path;

use crate::batch::Batch;

/// Something that computes the mean cross-entropy of a batch and its gradient. An error is one line of text, and ends
/// its part in the shape, not in the run.
pub trait Peer {
    /// As the table and the JSON name it.
    fn name(&self) -> &'static str;

    /// Its version, and what it runs on; known once something was loaded.
    fn about(&self) -> String;

    /// Puts a batch where its steps read it. The directory holds its scores and labels as [`Batch::write`] left them.
    fn load(&mut self, batch: &Batch, directory: &Path) -> Result<(), String>;

    /// Takes a step; its loss and gradient.
    fn result(&mut self) -> Result<(f32, Vec<f32>), String>;

    /// Takes a step: milliseconds from its submission until all of it is done.
    fn time(&mut self) -> Result<f64, String>;

    /// Drops the batch.
    fn unload(&mut self);
}
