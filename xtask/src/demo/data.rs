//! The handwritten digits: read, and split into those to train on and those to test with.

use std::io::Read as _;

use ndarray::{Array2, Axis};

use super::random::Random;
use crate::Result;

/// See `data/README.md` for where they come from.
const FILE: &[u8] = include_bytes!("../../data/digits.csv.gz");
/// Pixels of a digit.
pub(super) const PIXELS: usize = 64;
const BRIGHTEST: f32 = 16.0;

/// Pictures in [0, 1], a row each, and the digits that they show.
#[derive(Debug, Clone)]
pub(super) struct Digits {
    pub(super) pixels: Array2<f32>,
    pub(super) digits: Vec<usize>,
}

impl Digits {
    /// All 1,797.
    fn load() -> Result<Self> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(FILE).read_to_string(&mut text)?;
        let (mut pixels, mut digits) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            let wrong = || format!("digits.csv line {}: expected {PIXELS} pixels of 0 to 16 and a digit", at + 1);
            let numbers: Vec<u8> =
                line.split(',').map(str::parse::<u8>).collect::<std::result::Result<_, _>>().map_err(|_| wrong())?;
            match numbers.split_last() {
                Some((digit @ 0..10, picture)) if picture.len() == PIXELS => {
                    digits.push(usize::from(*digit));
                    pixels.extend(picture.iter().map(|pixel| f32::from(*pixel) / BRIGHTEST));
                }
                _ => return Err(wrong().into()),
            }
        }
        Ok(Digits { pixels: Array2::from_shape_vec((digits.len(), PIXELS), pixels)?, digits })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Those at these places, in this order.
    pub(super) fn select(&self, places: &[usize]) -> Self {
        Digits {
            pixels: self.pixels.select(Axis(0), places),
            digits: places.iter().map(|place| self.digits[*place]).collect(),
        }
    }
}

/// Four fifths to train on, one fifth to test with: the same ones every time.
pub(super) fn split() -> Result<(Digits, Digits)> {
    let all = Digits::load()?;
    let order = Random::new(2024).order(all.len());
    let (test, train) = order.split_at(all.len() / 5);
    Ok((all.select(train), all.select(test)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_keeps_every_picture_once() {
        let all = Digits::load().expect("the digits");
        let (train, test) = split().expect("a split");
        assert_eq!((all.len(), train.len(), test.len()), (1797, 1438, 359));
        assert!(all.pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        let sorted = |parts: &[&Digits]| {
            let mut pictures: Vec<(Vec<u32>, usize)> = parts
                .iter()
                .flat_map(|part| part.pixels.outer_iter().zip(&part.digits))
                .map(|(picture, digit)| (picture.iter().map(|pixel| pixel.to_bits()).collect(), *digit))
                .collect();
            pictures.sort_unstable();
            pictures
        };
        assert_eq!(sorted(&[&all]), sorted(&[&train, &test]));
        for digit in 0..10 {
            assert!(test.digits.iter().filter(|d| **d == digit).count() > 20, "too few pictures of {digit}");
        }
    }
}
