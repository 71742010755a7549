//! What the fuzz targets do with bytes. The workspace's own tests do the same with mutations of the corpus.

mod batch;
mod files;
pub mod guard;
mod source;

pub use batch::batch;
pub use files::{arrays, file};
