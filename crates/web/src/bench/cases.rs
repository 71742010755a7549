//! What is measured: the rows of the program's table that a browser can hold.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Dtype, Shape};

const CLASSES: &[usize] = &[10, 100, 1000, 4096, 32_000, 50_257, 128_256];
const FEW: &[usize] = &[10, 1000, 32_000];
/// Where targets and modes are compared.
const COMPARED: usize = 1000;
/// Dense prediction: as many classes as Pascal VOC has, on images of at most this many pixels a side.
const DENSE: usize = 21;
const SIDE: usize = 512;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    LossAndGrad,
    Loss,
    /// From row statistics that a forward plan saved.
    Grad,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::LossAndGrad => "loss+grad",
            Mode::Loss => "loss",
            Mode::Grad => "grad",
        }
    }
}

/// One shape of one loss.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) kind: Kind,
    pub(super) form: TargetForm,
    pub(super) shape: Shape,
    pub(super) dtype: Dtype,
    pub(super) mode: Mode,
}

impl Case {
    /// The loss with its default options.
    pub(super) fn spec(&self) -> Spec {
        self.kind.defaults()
    }

    /// Bytes of one `n` of the scores.
    pub(super) fn n_bytes(&self) -> u64 {
        (self.shape.classes * self.shape.inner * self.dtype.size()) as u64
    }

    pub(super) fn score_bytes(&self) -> u64 {
        self.shape.n as u64 * self.n_bytes()
    }

    /// Bytes of one `n` of the targets.
    pub(super) fn target_bytes(&self) -> u64 {
        let Shape { classes, inner, .. } = self.shape;
        // Labels are i64.
        (if self.form == TargetForm::Classes { 8 * inner } else { 4 * classes * inner }) as u64
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case { kind, form, shape, dtype, mode } = self;
        let (loss, form, rows, classes) = (kind.hyphenated(), form.name(), shape.rows(), shape.classes);
        write!(f, "{loss} {form} {rows} × {classes} {} {}", dtype.name(), mode.name())
    }
}

/// Softmax cross-entropy over the numbers of classes (a few of them in f32, or all in every type), then what it is
/// compared with; nothing that no buffer can hold.
pub(super) fn cases(elements: usize, all: bool, largest_buffer: u64) -> Vec<Case> {
    let case = |classes: usize, dtype| Case {
        kind: Kind::SoftmaxCe,
        form: TargetForm::Classes,
        shape: Shape::new((elements / classes).max(1), classes),
        dtype,
        mode: Mode::LossAndGrad,
    };
    let (classes, dtypes) = if all { (CLASSES, Dtype::ALL) } else { (FEW, &[Dtype::F32][..]) };
    let mut cases: Vec<Case> =
        classes.iter().flat_map(|classes| dtypes.iter().map(|dtype| case(*classes, *dtype))).collect();
    let plain = case(COMPARED, Dtype::F32);
    cases.push(Case { form: TargetForm::Probabilities, ..plain });
    cases.extend([Mode::Loss, Mode::Grad].map(|mode| Case { mode, ..plain }));
    cases.push(Case { shape: dense(elements), ..plain });
    cases.push(Case { kind: Kind::SigmoidCe, form: TargetForm::Probabilities, ..plain });
    cases.retain(|case| case.score_bytes() + case.shape.n as u64 * case.target_bytes() <= largest_buffer);
    cases
}

/// `[N, 21, S, S]`: three images of 512 × 512 in 16.7 million elements.
fn dense(elements: usize) -> Shape {
    let side = (elements / (3 * DENSE)).isqrt().clamp(1, SIDE);
    Shape::spatial((elements / (DENSE * side * side)).max(1), DENSE, side * side)
}
