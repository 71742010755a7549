//! What the losses' configurations share.

use burn::config::Config;

use crate::plan::Reduce;

/// How the losses of rows (or elements) become the loss.
#[derive(Config, Debug, PartialEq, Eq, Copy)]
pub enum Reduction {
    /// The mean: of class losses over the class weights of the rows that count, of other losses of rows over rows, of
    /// losses of elements over elements.
    Mean,
    /// The sum.
    Sum,
    /// The sum, divided by the batch: by the first dimension.
    BatchMean,
    /// One loss a row or element.
    None,
}

impl Reduction {
    pub(crate) fn reduce(self) -> Reduce {
        match self {
            Reduction::Mean => Reduce::Mean,
            Reduction::Sum => Reduce::Sum,
            Reduction::BatchMean => Reduce::BatchMean,
            Reduction::None => Reduce::None,
        }
    }
}
