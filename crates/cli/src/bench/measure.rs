//! Rounds: every plan of some cases that belong together, in turns with the best copies.

use std::time::{Duration, Instant};

use gpu_loss::plan::Strategy;
use gpu_loss::{GpuLoss, Plan};

use super::copy::{BestCopy, Copies};
use super::loaded::Loaded;
use super::options::Strategies;
use super::shapes::{Case, Role};
use super::timer::Timer;
use crate::failure::{Exit, Failure};

/// Rounds at least, and at most.
const ROUNDS: std::ops::RangeInclusive<usize> = 5..=50;

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) strategies: Strategies,
    /// For each case, once the fewest rounds are done.
    pub(crate) time: Duration,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) strategy: Strategy,
    /// Whether the library chose the strategy.
    pub(crate) chosen: bool,
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    /// The least that must move.
    pub(crate) bytes: u64,
    /// What the plan does move.
    pub(crate) moved: u64,
    pub(crate) copy_gbps: f64,
    /// Of the best copy by a kernel.
    pub(crate) shader_copy_gbps: f64,
    /// From the request for a plan, its kernels not yet built, to the end of its first run.
    pub(crate) first_call_ms: f64,
}

impl Row {
    pub(crate) fn gbps(&self) -> f64 {
        self.bytes as f64 / self.median_ms * 1e-6
    }

    pub(crate) fn of_copy(&self) -> f64 {
        self.gbps() / self.copy_gbps
    }

    /// What the plan moves, in terms of the least.
    pub(crate) fn of_least(&self) -> f64 {
        self.moved as f64 / self.bytes as f64
    }

    pub(crate) fn of_shader_copy(&self) -> f64 {
        self.gbps() / self.shader_copy_gbps
    }
}

/// What was measured, and what was left out, with the reason.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// A case, or one of its strategies, that was not measured.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut {
    pub(crate) case: Case,
    pub(crate) why: Why,
}

/// Why something was not measured.
#[derive(Debug, Clone)]
pub(crate) enum Why {
    CannotServe(Strategy),
    /// The strategy would take so many ms, judged by one reading.
    Slow(Strategy, f64),
    /// Memory does not hold it.
    TooLarge(String),
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.case)?;
        match &self.why {
            Why::CannotServe(strategy) => write!(f, "{} cannot serve it", strategy.name()),
            Why::Slow(strategy, ms) => write!(f, "{} takes about {ms:.0} ms", strategy.name()),
            Why::TooLarge(reason) => f.write_str(reason),
        }
    }
}

/// A case that is ready.
struct Subject {
    loaded: Loaded,
    /// The best copy first; behind it, where that is none, the best by a kernel.
    copies: Vec<(BestCopy, Readings)>,
    contenders: Vec<Contender>,
}

/// One strategy.
struct Contender {
    plan: Plan,
    chosen: bool,
    times: Readings,
    first_call_ms: f64,
}

/// The times of all rounds, in ms.
#[derive(Default)]
struct Readings {
    repeats: u32,
    ms: Vec<f64>,
}

impl Readings {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Measures cases in turns.
pub(crate) fn measure(
    gpu: &GpuLoss,
    timer: &Timer,
    cases: &[Case],
    effort: Effort,
    mut tell: impl FnMut(&Case),
) -> Result<Measured, Failure> {
    let mut measured = Measured::default();
    let mut subjects = Vec::new();
    for case in cases {
        tell(case);
        let strategies = match effort.strategies {
            // It is there to be held against fewer rows.
            Strategies::All if case.role == Role::Large => Strategies::Default,
            strategies => strategies,
        };
        match Subject::prepare(gpu, timer, case, strategies, &mut measured.left_out) {
            Ok(subject) => subjects.extend(subject),
            Err(failure) if case.role == Role::Large && failure.exit == Exit::Device => {
                measured.left_out.push(LeftOut { case: *case, why: Why::TooLarge(failure.line()) });
            }
            Err(failure) => return Err(failure),
        }
    }
    let start = Instant::now();
    let time = effort.time * subjects.len() as u32;
    for round in 0..*ROUNDS.end() {
        if round >= *ROUNDS.start() && start.elapsed() >= time {
            break;
        }
        for subject in &mut subjects {
            subject.round(gpu, timer)?;
        }
    }
    measured.rows.extend(subjects.iter().flat_map(Subject::rows));
    Ok(measured)
}

impl Subject {
    /// Loads a case, checks every plan, warms up, and finds the best copy; none if no strategy is left.
    fn prepare(
        gpu: &GpuLoss,
        timer: &Timer,
        case: &Case,
        strategies: Strategies,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<Self>, Failure> {
        let serving = gpu.strategies(case.kind, case.shape);
        if let Strategies::One(strategy) = strategies
            && !serving.contains(&strategy)
        {
            left_out.push(LeftOut { case: *case, why: Why::CannotServe(strategy) });
            return Ok(None);
        }
        let loaded = Loaded::new(gpu, case)?;
        let mut contenders: Vec<Contender> = Vec::new();
        let chosen = match strategies {
            Strategies::One(strategy) => Some(strategy),
            Strategies::Default | Strategies::All => from_environment(),
        };
        contenders.extend(contender(gpu, timer, &loaded, chosen, None)?.ok());
        if strategies == Strategies::All {
            let first = contenders.first().map(|first| (first.plan.strategy(), first.times.ms[0]));
            for strategy in serving.iter().filter(|s| first.is_none_or(|(chosen, _)| **s != chosen)) {
                match contender(gpu, timer, &loaded, Some(*strategy), first.map(|(_, ms)| ms))? {
                    Ok(contender) => contenders.push(contender),
                    Err(ms) => left_out.push(LeftOut { case: *case, why: Why::Slow(*strategy, ms) }),
                }
            }
        }
        for contender in &mut contenders {
            contender.times.ms.clear();
        }
        let [source, sink] = [&loaded.scores, &loaded.sink];
        let found = Copies::find(gpu, timer, [source, sink], loaded.copied(), loaded.row_bytes())?;
        let mut copies = Vec::new();
        for copy in std::iter::once(found.best).chain(found.shader) {
            let ms = timer.time(gpu, &copy.work(source, sink), 1)?;
            copies.push((copy, Readings { repeats: timer.repeats(ms), ms: Vec::new() }));
        }
        Ok(Some(Subject { loaded, copies, contenders }))
    }

    /// The copies and every strategy, once each.
    fn round(&mut self, gpu: &GpuLoss, timer: &Timer) -> Result<(), Failure> {
        let Subject { loaded, copies, contenders } = self;
        for (copy, times) in copies {
            times.ms.push(timer.time(gpu, &copy.work(&loaded.scores, &loaded.sink), times.repeats)?);
        }
        for Contender { plan, times, .. } in contenders {
            times.ms.push(timer.time(gpu, &super::timer::Work::Plan(plan, &loaded.buffers()), times.repeats)?);
        }
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let rates: Vec<f64> = self.copies.iter().map(|(c, t)| c.moved() as f64 / median(&t.sorted()) * 1e-6).collect();
        // Two that are as good as each other may change places over the rounds.
        let copy_gbps = rates.iter().copied().fold(f64::NAN, f64::max);
        let shader_copy_gbps = rates.last().copied().unwrap_or(f64::NAN);
        self.contenders.iter().map(move |contender| {
            let sorted = contender.times.sorted();
            Row {
                case: self.loaded.case,
                strategy: contender.plan.strategy(),
                chosen: contender.chosen,
                median_ms: median(&sorted),
                min_ms: sorted.first().copied().unwrap_or(f64::NAN),
                bytes: self.loaded.bytes,
                moved: self.loaded.index_bytes + moved(&contender.plan),
                copy_gbps,
                shader_copy_gbps,
                first_call_ms: contender.first_call_ms,
            }
        })
    }
}

/// Bytes that a plan reads and writes.
fn moved(plan: &Plan) -> u64 {
    plan.traffic().iter().map(|buffer| buffer.read + buffer.written).sum()
}

/// The strategy that the environment forces, as the library reads it.
fn from_environment() -> Option<Strategy> {
    std::env::var("GPU_LOSS_STRATEGY").ok().and_then(|name| name.parse().ok())
}

/// A plan, checked and warm, with one reading; or what it would take, where that is beyond all comparison with the time
/// of the `first`.
fn contender(
    gpu: &GpuLoss,
    timer: &Timer,
    loaded: &Loaded,
    forced: Option<Strategy>,
    first: Option<f64>,
) -> Result<Result<Contender, f64>, Failure> {
    /// A strategy that takes this many times as long as the library's choice, and this many ms, is no rival of it.
    const FAR: f64 = 4.0;
    const LONG: f64 = 250.0;
    /// Rows are tried by a part of them.
    const PART: usize = 16;
    let is_beyond = |ms: f64| first.is_some_and(|first| ms > LONG && ms > FAR * first);
    let gpu = &gpu.with_strategy(forced);
    let n = loaded.case.shape.n;
    if first.is_some() && n >= 64 * PART {
        let part = loaded.plan(gpu, n / PART)?;
        let ms = PART as f64 * timer.time(gpu, &super::timer::Work::Plan(&part, &loaded.buffers()), 1)?;
        if is_beyond(ms) {
            return Ok(Err(ms));
        }
    }
    let began = Instant::now();
    let plan = loaded.plan(gpu, n)?;
    timer.time(gpu, &super::timer::Work::Plan(&plan, &loaded.buffers()), 1)?;
    let first_call_ms = began.elapsed().as_secs_f64() * 1e3;
    loaded.check(gpu, &plan)?;
    let ms = timer.time(gpu, &super::timer::Work::Plan(&plan, &loaded.buffers()), 1)?;
    if is_beyond(ms) {
        return Ok(Err(ms));
    }
    let times = Readings { repeats: timer.repeats(ms), ms: vec![ms] };
    Ok(Ok(Contender { plan, chosen: first.is_none(), times, first_call_ms }))
}
