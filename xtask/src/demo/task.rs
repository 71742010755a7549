//! What a network can be trained for: a loss, a form of target, and what counts as right.

use gpu_loss::Targets;
use gpu_loss::batch::TargetForm;
use gpu_loss::loss::{Kind, Spec};
use ndarray::{Array2, ArrayView2};

/// What may be true of a digit. Nothing of it is true of 1.
const ATTRIBUTES: [(&str, [bool; 10]); 4] = {
    const T: bool = true;
    const F: bool = false;
    [
        ("even", [T, F, T, F, T, F, T, F, T, F]),
        ("prime", [F, F, T, T, F, T, F, T, F, F]),
        ("at least five", [F, F, F, F, F, T, T, T, T, T]),
        ("a multiple of three", [T, F, F, T, F, F, T, F, F, T]),
    ]
};
const DIGITS: usize = 10;
/// The soft target of the digit itself; the others share the rest.
const SURE: f32 = 0.91;

/// A loss with the targets that it is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) form: TargetForm,
}

/// Every task, the first of a loss being its plain one: each loss on the targets that suit it best, and the two
/// cross-entropies of logits on others too.
pub(super) fn tasks() -> Vec<Task> {
    let forms = |kind: Kind| -> &[TargetForm] {
        match kind {
            Kind::SoftmaxCe => &[TargetForm::Classes, TargetForm::Lists, TargetForm::Probabilities],
            Kind::SigmoidCe => &[TargetForm::MultiHot, TargetForm::Classes],
            // Nobody here is a teacher.
            Kind::Distillation => &[],
            _ if kind.per_row() => &[TargetForm::Classes],
            _ => &[TargetForm::MultiHot],
        }
    };
    Kind::ALL.iter().flat_map(|kind| forms(*kind).iter().map(|form| Task { kind: *kind, form: *form })).collect()
}

impl Task {
    /// The loss as it is written on the command line.
    pub(super) fn loss(self) -> &'static str {
        self.kind.hyphenated()
    }

    /// The loss with its options: the defaults.
    pub(super) fn spec(self) -> Spec {
        self.kind.defaults()
    }

    /// Whether attributes are told, rather than digits.
    fn tells_attributes(self) -> bool {
        matches!(self.form, TargetForm::Lists | TargetForm::MultiHot)
    }

    /// How many scores there are.
    pub(super) fn classes(self) -> usize {
        if self.tells_attributes() { ATTRIBUTES.len() } else { DIGITS }
    }

    /// What accuracy counts.
    pub(super) fn metric(self) -> &'static str {
        if self.tells_attributes() { "attributes" } else { "digits" }
    }

    /// What is asked, in words.
    pub(super) fn question(self) -> String {
        if self.tells_attributes() { format!("is the digit {}?", attributes()) } else { "which digit is it?".into() }
    }

    /// The targets of these digits.
    pub(super) fn targets(self, digits: &[usize]) -> OwnedTargets {
        match self.form {
            TargetForm::Classes => OwnedTargets::Classes(digits.iter().map(|digit| *digit as i64).collect()),
            TargetForm::Lists => {
                let (mut offsets, mut indices) = (vec![0], Vec::new());
                for digit in digits {
                    indices.extend((0..ATTRIBUTES.len()).filter(|at| has(*digit, *at)).map(|at| at as u32));
                    offsets.push(indices.len() as u32);
                }
                OwnedTargets::Lists(offsets, indices)
            }
            TargetForm::MultiHot => {
                let shape = (digits.len(), ATTRIBUTES.len());
                OwnedTargets::MultiHot(Array2::from_shape_fn(shape, |(row, at)| u8::from(has(digits[row], at))))
            }
            _ => {
                let rest = (1.0 - SURE) / (DIGITS - 1) as f32;
                let soft = |(row, class)| if digits[row] == class { SURE } else { rest };
                OwnedTargets::Probabilities(Array2::from_shape_fn((digits.len(), DIGITS), soft))
            }
        }
    }

    /// The share of right answers, in percent, that scores give on these digits.
    pub(super) fn accuracy(self, scores: &ArrayView2<'_, f32>, digits: &[usize]) -> f64 {
        let (mut right, mut asked) = (0_usize, 0_usize);
        for (row, digit) in scores.outer_iter().zip(digits) {
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if !self.tells_attributes() {
                asked += 1;
                right += usize::from(row.iter().position(|score| *score == highest) == Some(*digit));
                continue;
            }
            // A softmax shares 1 among the true attributes: half of an even share says yes. It cannot say "none".
            let threshold = if self.kind.per_row() {
                let sum: f32 = row.iter().map(|score| (score - highest).exp()).sum();
                highest + (sum / (2 * ATTRIBUTES.len()) as f32).ln()
            } else {
                0.0
            };
            if self.kind.per_row() && !(0..ATTRIBUTES.len()).any(|at| has(*digit, at)) {
                continue;
            }
            asked += ATTRIBUTES.len();
            right += row.iter().enumerate().filter(|(at, score)| (**score > threshold) == has(*digit, *at)).count();
        }
        100.0 * right as f64 / asked.max(1) as f64
    }
}

/// The attributes' names.
pub(super) fn attributes() -> String {
    ATTRIBUTES.map(|(name, _)| name).join(", ")
}

fn has(digit: usize, attribute: usize) -> bool {
    ATTRIBUTES[attribute].1[digit]
}

/// The targets of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum OwnedTargets {
    Classes(Vec<i64>),
    Lists(Vec<u32>, Vec<u32>),
    MultiHot(Array2<u8>),
    Probabilities(Array2<f32>),
}

impl OwnedTargets {
    pub(super) fn view(&self) -> Targets<'_> {
        match self {
            OwnedTargets::Classes(classes) => classes.into(),
            OwnedTargets::Lists(offsets, indices) => Targets::lists(offsets, indices),
            OwnedTargets::MultiHot(bytes) => Targets::from(bytes.view()),
            OwnedTargets::Probabilities(probabilities) => Targets::from(probabilities.view()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn task(kind: Kind, form: TargetForm) -> Task {
        Task { kind, form }
    }

    #[test]
    fn attributes_are_what_arithmetic_says() {
        for digit in 0..10 {
            let prime = digit > 1 && (2..digit).all(|d| digit % d != 0);
            let expected = [digit % 2 == 0, prime, digit >= 5, digit % 3 == 0];
            assert_eq!([0, 1, 2, 3].map(|at| has(digit, at)), expected, "{digit}");
        }
    }

    #[test]
    fn a_digit_without_attributes_has_an_empty_list() {
        let lists = task(Kind::SoftmaxCe, TargetForm::Lists).targets(&[6, 1, 3]);
        assert_eq!(lists, OwnedTargets::Lists(vec![0, 3, 3, 5], vec![0, 2, 3, 1, 3]));
        let bytes = task(Kind::SigmoidCe, TargetForm::MultiHot).targets(&[6, 1]);
        assert_eq!(bytes, OwnedTargets::MultiHot(array![[1, 0, 1, 1], [0, 0, 0, 0]]));
    }

    #[test]
    fn soft_targets_add_up_to_1() {
        let OwnedTargets::Probabilities(soft) = task(Kind::SoftmaxCe, TargetForm::Probabilities).targets(&[4]) else {
            panic!("probabilities");
        };
        assert!((soft.sum() - 1.0).abs() < 1e-6 && soft[[0, 4]] == SURE);
    }

    #[test]
    fn accuracy_counts_right_answers() {
        let digits = task(Kind::SoftmaxCe, TargetForm::Classes);
        let mut scores = Array2::zeros((2, 10));
        (scores[[0, 3]], scores[[1, 4]]) = (1.0, 1.0);
        assert_eq!(digits.accuracy(&scores.view(), &[3, 5]), 50.0);
        // 6 is even, at least five and a multiple of three; of 1 nothing is true.
        let scores = array![[2.0_f32, -9.0, 2.0, 2.0], [-1.0, -1.0, -1.0, 1.0]];
        assert_eq!(task(Kind::SigmoidCe, TargetForm::MultiHot).accuracy(&scores.view(), &[6, 1]), 87.5);
        assert_eq!(task(Kind::SoftmaxCe, TargetForm::Lists).accuracy(&scores.view(), &[6, 1]), 100.0);
    }
}
