//! What is measured: the table's rows, as the filters leave them.

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Dtype, Shape};

use super::options::BenchArgs;
use crate::failure::Failure;

const CLASSES: &[usize] = &[10, 100, 1000, 4096, 32_000, 50_257, 128_256];
const QUICK: &[usize] = &[10, 1000, 32_000];
/// Where targets and modes are compared.
const COMPARED: usize = 1000;
/// Where the time is followed over the number of rows.
const FOLLOWED: &[usize] = &[1000, 4096];
/// Where a batch as large as they come is measured: in the midst of the table.
const LARGE: usize = 4096;
/// Dense prediction: as many classes as Pascal VOC has, on images of at most this many pixels a side.
const DENSE: usize = 21;
const SIDE: usize = 512;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    LossAndGrad,
    Loss,
    /// From row statistics that a forward plan saved.
    Grad,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::LossAndGrad => "loss+grad",
            Mode::Loss => "loss",
            Mode::Grad => "grad",
        }
    }
}

/// Why a case is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Table,
    /// Fewer rows, for the chart of time against size.
    Fewer,
    Large,
}

/// One shape of one loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) form: TargetForm,
    pub(crate) shape: Shape,
    pub(crate) dtype: Dtype,
    pub(crate) mode: Mode,
    pub(crate) role: Role,
}

impl Case {
    fn new(kind: Kind, form: TargetForm, shape: Shape, dtype: Dtype) -> Self {
        Case { kind, form, shape, dtype, mode: Mode::LossAndGrad, role: Role::Table }
    }

    /// The loss with its default options.
    pub(crate) fn spec(&self) -> Spec {
        self.kind.defaults()
    }

    /// Whether the scores are images: the class axis is not innermost.
    pub(crate) fn is_dense(&self) -> bool {
        self.shape.inner > 1
    }

    pub(crate) fn score_bytes(&self) -> u64 {
        self.shape.elements() as u64 * self.dtype.size() as u64
    }

    /// Whether two cases are compared with each other: they are then measured in turns.
    pub(crate) fn belongs_to(&self, other: &Case) -> bool {
        let compared = |case: &Case| {
            case.kind == Kind::SoftmaxCe
                && matches!(case.form, TargetForm::Classes | TargetForm::Lists)
                && case.mode == Mode::LossAndGrad
                && case.role != Role::Fewer
                && !case.is_dense()
        };
        compared(self) && compared(other) && self.shape.classes == other.shape.classes
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case { kind, form, shape, dtype, mode, role } = self;
        let large = if *role == Role::Large { " (large)" } else { "" };
        let (loss, form, rows, classes) = (kind.hyphenated(), form.name(), shape.rows(), shape.classes);
        write!(f, "{loss} {form} {rows} × {classes} {} {}{large}", dtype.name(), mode.name())
    }
}

/// The rows of the table, those that are compared side by side.
pub(crate) fn cases(args: &BenchArgs, largest_buffer: u64) -> Result<Vec<Case>, Failure> {
    let elements = args.filters.elements as usize;
    let shape = |classes: usize| Shape::new((elements / classes).max(1), classes);
    let classes = class_counts(args)?;
    let dtypes: Vec<Dtype> = match args.filters.dtype.as_slice() {
        [] => Dtype::ALL.to_vec(),
        chosen => chosen.iter().map(|name| name.dtype()).collect(),
    };
    let mut cases = Vec::new();
    for kind in kinds(args) {
        if kind == Kind::SoftmaxCe || !args.filters.loss.is_empty() {
            let form = match kind.targets() {
                forms if kind.per_row() && forms.contains(&TargetForm::Classes) => TargetForm::Classes,
                forms if forms.contains(&TargetForm::Probabilities) => TargetForm::Probabilities,
                [.., last] => *last,
                [] => TargetForm::Classes,
            };
            for classes in &classes {
                cases.extend(dtypes.iter().map(|dtype| Case::new(kind, form, shape(*classes), *dtype)));
            }
        }
    }
    let compared = if classes.contains(&COMPARED) { COMPARED } else { classes[0] };
    let softmax = |form| Case::new(Kind::SoftmaxCe, form, shape(compared), dtypes[0]);
    let plain = softmax(TargetForm::Classes);
    if kinds(args).contains(&Kind::SoftmaxCe) {
        beside(&mut cases, softmax(TargetForm::Lists));
        if args.large || args.check && !args.quick {
            let classes = if classes.contains(&LARGE) { LARGE } else { compared };
            let dtype = if dtypes.contains(&Dtype::Bf16) { Dtype::Bf16 } else { dtypes[0] };
            let large = Shape::new(most_rows(classes, dtype, largest_buffer), classes);
            let case = Case { role: Role::Large, ..Case::new(Kind::SoftmaxCe, TargetForm::Classes, large, dtype) };
            beside(&mut cases, case);
        }
        cases.push(softmax(TargetForm::Probabilities));
        cases.extend([Mode::Loss, Mode::Grad].map(|mode| Case { mode, ..plain }));
        if args.filters.classes.is_empty() || classes.contains(&DENSE) {
            cases.push(Case { shape: dense(elements), ..plain });
        }
        if args.report.is_some() {
            cases.extend(fewer(&classes, compared, elements).map(|shape| Case { shape, role: Role::Fewer, ..plain }));
        }
    }
    if args.filters.loss.is_empty() {
        cases.push(Case { kind: Kind::SigmoidCe, ..softmax(TargetForm::Probabilities) });
    }
    Ok(cases)
}

fn kinds(args: &BenchArgs) -> Vec<Kind> {
    match args.filters.loss.as_slice() {
        [] => vec![Kind::SoftmaxCe],
        chosen => chosen.iter().filter(|name| !name.is_linear()).map(|name| name.kind()).collect(),
    }
}

/// The numbers of classes; those of the default table that a small batch has no row of are left out.
fn class_counts(args: &BenchArgs) -> Result<Vec<usize>, Failure> {
    let elements = args.filters.elements;
    let mut classes: Vec<usize> = args.filters.classes.iter().map(|count| *count as usize).collect();
    if let Some(wide) = classes.iter().find(|count| **count as u64 > elements) {
        return Err(Failure::usage(format!("--classes {wide} is more than the {elements} elements of a batch")));
    }
    if classes.is_empty() {
        let all = if args.quick { QUICK } else { CLASSES };
        classes.extend(all.iter().filter(|count| **count as u64 <= elements));
        if classes.is_empty() {
            return Err(Failure::usage(format!(
                "--elements is {elements}, expected at least 10, or --classes as well"
            )));
        }
    }
    classes.sort_unstable();
    classes.dedup();
    Ok(classes)
}

/// Puts a case behind those that it is compared with.
fn beside(cases: &mut Vec<Case>, case: Case) {
    let at = cases.iter().rposition(|other| other.belongs_to(&case)).map_or(cases.len(), |at| at + 1);
    cases.insert(at, case);
}

/// `[N, 21, S, S]`: three images of 512 × 512 in 16.7 million elements.
fn dense(elements: usize) -> Shape {
    let side = ((elements / (3 * DENSE)).isqrt()).clamp(1, SIDE);
    Shape::spatial((elements / (DENSE * side * side)).max(1), DENSE, side * side)
}

/// A sixteenth and a quarter of the rows.
fn fewer(classes: &[usize], compared: usize, elements: usize) -> impl Iterator<Item = Shape> {
    let mut followed: Vec<usize> = FOLLOWED.iter().copied().filter(|count| classes.contains(count)).collect();
    if followed.is_empty() {
        followed.push(compared);
    }
    let shapes = followed.into_iter().flat_map(move |classes| {
        [16, 4].map(|part| Shape::new(elements / part / classes, classes)).into_iter().filter(|shape| shape.n > 0)
    });
    shapes.collect::<Vec<_>>().into_iter()
}

/// Rows of which scores and labels' share of a copy fit one buffer; at most 2³² elements, so that it ends.
fn most_rows(classes: usize, dtype: Dtype, largest_buffer: u64) -> usize {
    let row = (classes * dtype.size()) as u64 + 8;
    ((largest_buffer / row).min((1 << 32) / classes as u64) as usize / 64 * 64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn parsed(line: &str) -> Result<Vec<Case>, String> {
        let line = ["gpu-loss", "bench"].into_iter().chain(line.split_whitespace());
        let Command::Bench(args) = Cli::try_parse_from(line).map_err(|e| e.to_string())?.command else {
            unreachable!()
        };
        cases(&args, 1 << 31).map_err(|failure| failure.line())
    }

    #[test]
    fn the_default_table_is_what_the_documentation_says() {
        let cases = parsed("").unwrap();
        let plain: Vec<(usize, usize)> = cases
            .iter()
            .filter(|c| {
                c.kind == Kind::SoftmaxCe
                    && c.dtype == Dtype::F32
                    && c.form == TargetForm::Classes
                    && c.mode == Mode::LossAndGrad
                    && !c.is_dense()
            })
            .map(|c| (c.shape.n, c.shape.classes))
            .collect();
        let rows = CLASSES.iter().map(|classes| (16_777_216 / classes, *classes)).collect::<Vec<_>>();
        assert_eq!(plain, rows);
        let of = |test: &dyn Fn(&Case) -> bool| cases.iter().filter(|c| test(c)).count();
        assert_eq!(of(&|c| c.dtype == Dtype::F16), 7);
        assert_eq!(of(&|c| c.kind == Kind::SigmoidCe && c.form == TargetForm::Probabilities), 1);
        assert_eq!(of(&|c| c.form == TargetForm::Lists && c.shape.classes == 1000), 1);
        assert_eq!(of(&|c| c.shape == Shape::spatial(3, 21, 512 * 512)), 1);
        assert_eq!((of(&|c| c.mode == Mode::Loss), of(&|c| c.mode == Mode::Grad)), (1, 1));
        assert_eq!(cases.len(), 27);
        // What is compared stands side by side, and so is measured in turns.
        let lists = cases.iter().position(|c| c.form == TargetForm::Lists).unwrap();
        assert!(cases[lists].belongs_to(&cases[lists - 1]) && !cases[lists].belongs_to(&cases[lists + 1]));
    }

    #[test]
    fn filters_leave_what_they_name() {
        let cases = parsed("--classes 10,100 --dtype bf16 --elements 4096").unwrap();
        assert!(cases.iter().all(|c| [10, 100].contains(&c.shape.classes) && c.dtype == Dtype::Bf16));
        let cases = parsed("--loss sigmoid-focal,ce --quick").unwrap();
        assert!(cases.iter().all(|c| matches!(c.kind, Kind::SigmoidFocal | Kind::Ce)));
        assert_eq!(cases.len(), 2 * 3 * 3);
        let is_there = |line| parsed(line).unwrap().iter().any(|c| c.role == Role::Large);
        assert!(is_there("--check") && !is_there("--check --quick") && !is_there(""));
        let large = parsed("--large").unwrap();
        let large = large.iter().find(|c| c.role == Role::Large).unwrap();
        assert!(large.score_bytes() <= 1 << 31 && large.score_bytes() > (1 << 31) - (1 << 22), "{large}");
    }

    #[test]
    fn filters_that_leave_nothing_are_refused() {
        assert!(
            parsed("--classes 10,5000 --elements 4096").unwrap_err().contains("--classes 5000 is more than the 4096")
        );
        assert!(parsed("--elements 5").unwrap_err().contains("--elements is 5"));
        assert!(parsed("--classes 0").unwrap_err().contains("0 is not in 1.."));
    }
}
