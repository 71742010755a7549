//! 16-bit types, value by value: scores widen to what they are, gradients are rounded to nearest, ties to even.

mod common;

use common::values::grad_of;
use common::{adapters, name};
use gpu_loss::batch::{Element, bf16, f16};
use gpu_loss::{Batch, Ce, Reduction};
use ndarray::{Array1, Array2};

/// A type of 16 bits.
trait Half: Element {
    fn of_bits(bits: u16) -> Self;
    fn bits(self) -> u16;
    fn rounded(value: f32) -> Self;
    fn widened(self) -> f32;
}

macro_rules! half {
    ($($half:ty),*) => {$(
        impl Half for $half {
            fn of_bits(bits: u16) -> Self {
                <$half>::from_bits(bits)
            }
            fn bits(self) -> u16 {
                self.to_bits()
            }
            fn rounded(value: f32) -> Self {
                <$half>::from_f32(value)
            }
            fn widened(self) -> f32 {
                self.to_f32()
            }
        }
    )*};
}

half!(f16, bf16);

/// One class; a few, which threads hold, by wide loads; and so many that with their winner they take two passes.
const CLASSES: [usize; 3] = [1, 8, 1200];

/// A row's log-sum-exp is its one score that is no mask.
fn every_value_widens<H: Half>() {
    for classes in CLASSES {
        let rows = if classes > 1000 { 1 << 13 } else { 1 << 16 };
        for gpu in adapters() {
            for first in (0..1 << 16).step_by(rows) {
                let value = |row: usize| H::of_bits((first + row) as u16);
                let mask = H::rounded(f32::NEG_INFINITY);
                let scores =
                    Array2::from_shape_fn((rows, classes), |(n, c)| if c == n % classes { value(n) } else { mask });
                let labels: Vec<i64> = (0..rows).map(|n| (n % classes) as i64).collect();
                let batch = Batch::new(scores.view(), &labels).with_lse().with_argmax().loss_only();
                let lse = gpu.softmax_ce(&batch).expect("legal").lse.expect("asked for");
                for (row, got) in lse.iter().enumerate() {
                    let expected = value(row).widened();
                    let same = if expected.is_finite() { *got == expected } else { got.is_nan() };
                    assert!(same, "{} {classes}: {:x} is {got}, not {expected}", name(&gpu), first + row);
                }
            }
        }
    }
}

/// The gradient of −log 1 is −1 times what arrives.
fn gradients_are_rounded_to_nearest_even<H: Half>() {
    let rows = 1 << 16;
    for classes in [1, 8] {
        let scores = Array2::from_elem((rows, classes), H::rounded(1.0));
        let labels: Vec<i64> = (0..rows).map(|n| (n % classes) as i64).collect();
        let loss = Ce::default().reduction(Reduction::None);
        for gpu in adapters() {
            // Each value of the type, and what lies between it and the next: the middle and both its neighbours, and
            // values next to the value itself.
            for step in 0..6 {
                let arriving = Array1::from_shape_fn(rows, |n| {
                    let bits = H::of_bits(n as u16).widened().to_bits();
                    let next = H::of_bits((n as u16).wrapping_add(1)).widened().to_bits();
                    let middle = (f64::from(f32::from_bits(bits)) + f64::from(f32::from_bits(next))) / 2.0;
                    f32::from_bits(match step {
                        0 => bits,
                        1 => bits.wrapping_add(1),
                        2 => bits.wrapping_sub(1),
                        3 => (middle as f32).to_bits(),
                        4 => (middle as f32).to_bits().wrapping_add(1),
                        _ => (middle as f32).to_bits().wrapping_sub(1),
                    })
                });
                let batch = Batch::new(scores.view(), &labels).upstream(arriving.view());
                let out = gpu.run(&loss, &batch).expect("legal");
                for (row, value) in arriving.iter().enumerate() {
                    let got = grad_of(&out)[(row, row % classes)];
                    let expected = H::rounded(-value);
                    let tiny = value.is_subnormal() && got.widened() == 0.0; // an adapter may flush them
                    let same =
                        if value.is_nan() { got.widened().is_nan() } else { got.bits() == expected.bits() || tiny };
                    assert!(
                        same,
                        "{} {classes}: {:x} for {value:e}, not {:x}",
                        name(&gpu),
                        got.bits(),
                        expected.bits()
                    );
                }
            }
        }
    }
}

#[test]
fn every_f16_widens() {
    every_value_widens::<f16>();
}

#[test]
fn every_bf16_widens() {
    every_value_widens::<bf16>();
}

#[test]
fn f16_gradients_are_rounded() {
    gradients_are_rounded_to_nearest_even::<f16>();
}

#[test]
fn bf16_gradients_are_rounded() {
    gradients_are_rounded_to_nearest_even::<bf16>();
}
