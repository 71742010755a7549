//! What can go wrong, in the caller's words: what was got, what was expected, and where.

/// Everything that this crate can refuse or fail at.
///
/// Nothing is written to any output of a call that returned an error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays that belong together have different shapes.
    #[error("{what} has shape {got:?}, expected {expected:?}")]
    Shape {
        /// The array, by its name in the API.
        what: &'static str,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that the scores ask for.
        expected: Vec<usize>,
    },
    /// The scores themselves have no meaning as `[N, C, d…]`.
    #[error("scores of shape {got:?} have no classes: expected [N, C, …] with C of at least 1")]
    NoClasses {
        /// The shape of the scores.
        got: Vec<usize>,
    },
    /// An option is outside its range.
    #[error("{option} is {got}, expected {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its value.
        got: String,
        /// The values that are allowed.
        expected: &'static str,
    },
    /// The loss has no meaning for this kind of target or input.
    #[error("{loss} does not take {got}: it takes {expected}")]
    Unsupported {
        /// The loss.
        loss: &'static str,
        /// The target form or input.
        got: String,
        /// What the loss takes.
        expected: &'static str,
    },
    /// A class label outside `0..classes` that is not the ignored one.
    #[error("row {row}: class {class} is outside 0..{classes} ({count} such rows)")]
    ClassOutOfRange {
        /// The first such row.
        row: u64,
        /// Its label.
        class: i64,
        /// The number of classes.
        classes: u64,
        /// How many rows have such a label.
        count: u64,
    },
    /// A class list that is not strictly increasing, overruns its indices, or leaves the range of classes.
    #[error("row {row}: {problem} ({count} such rows)")]
    ClassList {
        /// The first such row.
        row: u64,
        /// What is wrong with it.
        problem: String,
        /// How many rows are wrong.
        count: u64,
    },
    /// A target on the device that means nothing: its row's gradient is 0 and its loss NaN.
    #[error("row {row}: {problem} ({count} such rows)")]
    TargetRow {
        /// The first such row.
        row: u64,
        /// What is wrong with it.
        problem: String,
        /// How many rows are wrong, counted over all runs since the last reading.
        count: u64,
    },
    /// A value outside the range that its meaning allows.
    #[error("{what} at {at:?} is {got}, expected {expected}")]
    Value {
        /// The array.
        what: &'static str,
        /// The index of the first such element.
        at: Vec<usize>,
        /// Its value.
        got: f64,
        /// The allowed values.
        expected: &'static str,
    },
    /// Probabilities outside [0, 1] were found on the device.
    #[error("row {row}: a probability is outside [0, 1] ({count} such elements)")]
    ProbabilityOutOfRange {
        /// The first row that holds one.
        row: u64,
        /// How many elements are outside.
        count: u64,
    },
    /// No GPU adapter answers.
    #[error("no GPU adapter found ({searched}): {advice}")]
    NoAdapter {
        /// What was searched for.
        searched: String,
        /// What to install or change.
        advice: String,
    },
    /// The device lacks a feature or limit that this needs.
    #[error("the device's {limit} is {got}, {what} needs {needed}")]
    Limit {
        /// The limit, by wgpu's name.
        limit: &'static str,
        /// The device's value.
        got: u64,
        /// The value that is needed.
        needed: u64,
        /// What needs it.
        what: String,
    },
    /// A strategy that this device or shape cannot serve was forced.
    #[error("strategy {strategy} cannot serve this: {reason}")]
    Strategy {
        /// The strategy's name.
        strategy: String,
        /// Why it cannot.
        reason: String,
    },
    /// A layout that contradicts itself or the loss.
    #[error("layout: {problem}")]
    Layout {
        /// What is wrong with it, with the numbers.
        problem: String,
    },
    /// A buffer is too small or lies wrongly.
    #[error("buffer {what}: {problem}")]
    Buffer {
        /// The binding.
        what: &'static str,
        /// What is wrong with it, with the numbers.
        problem: String,
    },
    /// A tuning file cannot be read or written, or is damaged.
    #[error("tuning file {path} {problem}")]
    TuningFile {
        /// Its path.
        path: String,
        /// What is wrong with it: what was found, and where.
        problem: String,
    },
    /// Every kernel that could serve computes wrongly on this driver.
    #[error(
        "{loss} is computed wrongly on {adapter}: {strategy}, tried last, comes to {error_ratio:.1} times the promised error; \
         update the driver, or use another adapter"
    )]
    Miscompiled {
        /// The loss.
        loss: &'static str,
        /// The last strategy that was tried.
        strategy: String,
        /// The adapter.
        adapter: String,
        /// Its error in the self-test, as a ratio to what is promised.
        error_ratio: f64,
    },
    /// An output that the batch did not ask for.
    #[error("the {output} was not asked for: {cure}")]
    NotAsked {
        /// The output.
        output: &'static str,
        /// How to ask for it.
        cure: &'static str,
    },
    /// The device reported an error.
    #[error("the device failed while {during}: {message}")]
    Device {
        /// What was being done.
        during: &'static str,
        /// The device's words.
        message: String,
    },
    /// The device is lost, and every later call says so too: drop this [`GpuLoss`](crate::GpuLoss) and make a new one.
    #[error("the device is lost: {reason}")]
    DeviceLost {
        /// The driver's words, and what was being done when the loss was noticed.
        reason: String,
    },
    /// The device ran out of memory.
    #[error("the device is out of memory while {during}")]
    OutOfMemory {
        /// What was being done.
        during: &'static str,
    },
    /// The device did not answer in time. It may still be at work, and later calls then wait behind that.
    #[error("the device did not answer within {limit:?} while {during}")]
    Timeout {
        /// What was being waited for.
        during: &'static str,
        /// How long: [`Builder::time_limit`](crate::builder::Builder::time_limit).
        limit: std::time::Duration,
    },
}

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;
