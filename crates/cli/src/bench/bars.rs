//! The bars that figures are held against. Each is a ratio of two times or rates of the same run.

use gpu_loss::Dtype;
use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Kind;

use super::measure::{Row, Why};
use super::shapes::{Case, Mode, Role};
use super::table::AdapterRun;

/// One figure against its bar.
#[derive(Debug)]
pub(crate) struct Bar {
    what: String,
    figure: f64,
    limit: f64,
    /// Whether more is better.
    at_least: bool,
}

impl Bar {
    pub(crate) fn kept(&self) -> bool {
        // A figure that is no number keeps no bar.
        if self.at_least { self.figure >= self.limit } else { self.figure <= self.limit }
    }

    /// The verdict, the figure, the bar, and what it is about.
    pub(crate) fn words(&self) -> [String; 4] {
        let verdict = if self.kept() { "ok" } else { "FAILED" };
        let relation = if self.at_least { '≥' } else { '≤' };
        let (figure, limit) = (format!("{:.3}", self.figure), format!("{relation} {}", self.limit));
        [verdict.into(), figure, limit, self.what.clone()]
    }

    pub(crate) fn line(&self) -> String {
        let [verdict, figure, limit, what] = self.words();
        format!("  {verdict:<6} {figure:>7} {limit:<6} {what}")
    }
}

/// Every bar that the run has the figures for.
pub(crate) fn bars(run: &AdapterRun) -> Vec<Bar> {
    let chosen: Vec<&Row> = run.rows.iter().filter(|row| row.chosen).collect();
    let mut bars: Vec<Bar> = chosen.iter().filter_map(|row| of_copy(row)).collect();
    bars.extend(chosen.iter().filter_map(|row| against_sibling(row, &chosen)));
    if let Some(one_call) = run.one_call {
        bars.push(Bar {
            what: "64 × 10 through the one-call API: time against an empty submit and read-back".into(),
            figure: one_call.call_ms / one_call.empty_ms,
            limit: 2.0,
            at_least: false,
        });
    }
    bars.extend(chosen.iter().filter_map(|row| against_forced(row, run)));
    bars
}

/// The rate as a part of the best copy's.
fn of_copy(row: &Row) -> Option<Bar> {
    let Case { kind, form, dtype, mode, role, shape } = row.case;
    if role != Role::Table || mode != Mode::LossAndGrad || dtype != Dtype::F32 {
        return None;
    }
    let limit = match (kind, form) {
        (Kind::SoftmaxCe, TargetForm::Classes) if row.case.is_dense() => 0.4,
        (Kind::SoftmaxCe, TargetForm::Classes) => match shape.classes {
            10 => 0.6,
            100 | 50_257 => 0.5,
            1000.. => 0.7,
            _ => return None,
        },
        (Kind::SoftmaxCe | Kind::SigmoidCe, TargetForm::Probabilities) => 0.5,
        _ => return None,
    };
    Some(Bar {
        what: format!("{}: rate against the best copy", row.case),
        figure: row.of_copy(),
        limit,
        at_least: true,
    })
}

/// The time against that of the same shape in f32, on classes, or with fewer rows.
fn against_sibling(row: &Row, all: &[&Row]) -> Option<Bar> {
    let case = row.case;
    if case.kind != Kind::SoftmaxCe || case.mode != Mode::LossAndGrad || case.is_dense() {
        return None;
    }
    let classes = Case { form: TargetForm::Classes, ..case };
    let (sibling, what, limit) = match (case.role, case.form, case.dtype) {
        (Role::Large, ..) => (None, "time an element against that of the table", 1.2),
        (Role::Table, TargetForm::Lists, _) => (Some(classes), "time against classes", 1.15),
        (Role::Table, TargetForm::Classes, Dtype::F16 | Dtype::Bf16) => {
            (Some(Case { dtype: Dtype::F32, ..case }), "time against f32", 1.0)
        }
        _ => return None,
    };
    let is_sibling = |other: &Case| match sibling {
        Some(sibling) => *other == sibling,
        None => {
            *other == Case { role: Role::Table, shape: other.shape, ..case }
                && other.shape.classes == case.shape.classes
                && !other.is_dense()
        }
    };
    let other = all.iter().find(|other| is_sibling(&other.case))?;
    let per_element = |row: &Row| row.median_ms / row.case.shape.elements() as f64;
    Some(Bar { what: format!("{case}: {what}"), figure: per_element(row) / per_element(other), limit, at_least: false })
}

/// The chosen strategy's time against the best forced one's; one that was left out counts with what it would take.
fn against_forced(row: &Row, run: &AdapterRun) -> Option<Bar> {
    let measured = run.rows.iter().filter(|other| !other.chosen).map(|r| (r.case, r.strategy, r.median_ms));
    let left_out = run.left_out.iter().filter_map(|left| match left.why {
        Why::Slow(strategy, ms) => Some((left.case, strategy, ms)),
        Why::CannotServe(_) | Why::TooLarge(_) => None,
    });
    let rivals = measured.chain(left_out).filter(|(case, ..)| *case == row.case);
    let (_, best, ms) = rivals.min_by(|a, b| a.2.total_cmp(&b.2))?;
    Some(Bar {
        what: format!("{}: time of {} against {}", row.case, row.strategy.name(), best.name()),
        figure: row.median_ms / ms,
        limit: 1.1,
        at_least: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::heads::Heads;
    use gpu_loss::plan::Strategy;
    use gpu_loss::{Shape, wgpu};

    fn row(dtype: Dtype, strategy: Strategy, chosen: bool, median_ms: f64) -> Row {
        let case = Case {
            kind: Kind::SoftmaxCe,
            form: TargetForm::Classes,
            shape: Shape::new(1000, 1000),
            dtype,
            mode: Mode::LossAndGrad,
            role: Role::Table,
        };
        Row {
            case,
            strategy,
            chosen,
            median_ms,
            min_ms: median_ms,
            bytes: 8_000_000,
            copy_gbps: 10.0,
            shader_copy_gbps: 9.0,
            first_call_ms: 100.0,
        }
    }

    fn verdicts(rows: Vec<Row>) -> Vec<(String, bool)> {
        let info = wgpu::AdapterInfo::new(wgpu::DeviceType::Cpu, wgpu::Backend::Vulkan);
        let run = AdapterRun {
            info,
            profile: "discrete",
            timer: "gpu",
            rows,
            left_out: Vec::new(),
            one_call: None,
            heads: Heads::default(),
        };
        bars(&run).iter().map(|bar| (bar.line(), bar.kept())).collect()
    }

    #[test]
    fn each_figure_meets_its_own_bar() {
        let verdicts = verdicts(vec![
            row(Dtype::F32, Strategy::ThreadRow, true, 1.0),
            row(Dtype::F32, Strategy::SubgroupRow, false, 0.9),
            row(Dtype::F32, Strategy::SplitRow, false, 3.0),
            row(Dtype::Bf16, Strategy::ThreadRow, true, 1.1),
        ]);
        let has = |kept: bool, words: &[&str]| {
            let found = verdicts.iter().any(|(line, k)| *k == kept && words.iter().all(|word| line.contains(word)));
            assert!(found, "{words:?} in {verdicts:#?}");
        };
        has(true, &["ok", "0.800 ≥ 0.7", "f32", "best copy"]);
        has(false, &["FAILED", "1.100 ≤ 1 ", "bf16", "against f32"]);
        has(false, &["FAILED", "1.111 ≤ 1.1", "thread-row against subgroup-row"]);
        assert_eq!(verdicts.len(), 3);
    }

    #[test]
    fn what_is_no_number_keeps_no_bar() {
        assert!(verdicts(vec![row(Dtype::F32, Strategy::ThreadRow, true, f64::NAN)]).iter().all(|(_, kept)| !kept));
    }
}
