//! Batches: whatever scores, targets and options say, the outcome is an error or a result of the scores' shape.

use gpu_loss::batch::{Element, bf16, f16};
use gpu_loss::loss::{EmptyMean, Kind, OptionName, Spec};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Error, Reduction, Targets};
use ndarray::{Array1, ArrayD, ArrayViewD, Axis, IxDyn};

use super::guard::height;
use super::source::Source;

/// What checking and computing may allocate: batches have at most 5·5·5·5 elements here.
const BOUND: usize = 1 << 20;

/// Makes a batch and a loss of the bytes, and computes it.
pub fn batch(bytes: &[u8]) {
    let mut source = Source(bytes);
    match source.below(3) {
        0 => typed(&mut source, |v| v),
        1 => typed(&mut source, f16::from_f32),
        _ => typed(&mut source, bf16::from_f32),
    }
}

fn typed<T: Element>(source: &mut Source<'_>, convert: impl Fn(f32) -> T) {
    let spec = spec(source);
    let rank = [2, 2, 3, 4, 1, 0][source.below(6)];
    let dims: Vec<usize> = (0..rank).map(|_| [3, 2, 1, 4, 5, 0][source.below(6)]).collect();
    let scores = array(&dims, source, |source| convert(source.float()));
    let scores = view(&scores, source);
    let dims = scores.shape().to_vec();
    let rows: Vec<usize> = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, length)| *length).collect();

    let labels = array(&wrong(&rows, source), source, |source| source.integer());
    let narrow = labels.mapv(|label| label as i32);
    let unsigned = labels.mapv(|label| label as u32);
    let offsets = offsets(rows.iter().product(), source);
    let count = source.below(16);
    let indices = Array1::from(source.integers(count));
    let bytes = array(&wrong(&dims, source), source, |source| [0, 1, 1, 2][source.below(4)]);
    let dense = array(&wrong(&dims, source), source, |source| source.float());
    let targets = match source.below(6) {
        0 => Targets::from(&labels),
        1 => Targets::from(&narrow),
        2 => Targets::from(&unsigned),
        3 => Targets::lists(&offsets, &indices),
        4 => view(&bytes, source).into(),
        _ => view(&dense, source).into(),
    };
    let mut batch = Batch::new(scores, targets.clone());
    let weights = array(&wrong(&dims, source), source, |source| source.float());
    let upstream =
        array(&wrong(if spec.kind.per_row() { &rows } else { &dims }, source), source, |source| source.float());
    batch.element_weights = (source.below(4) == 1).then(|| weights.view());
    batch.upstream = (source.below(4) == 1).then(|| upstream.view());
    batch.outputs.lse = source.below(4) == 1;
    batch.outputs.argmax = source.below(4) == 1;

    let (result, most) = height(|| reference::run(&spec, &batch));
    assert!(most <= BOUND, "a batch of shape {dims:?} made {most} bytes of allocations");
    match result {
        Err(error) => refused(&error),
        Ok(result) => {
            taken(&spec, &result, &dims, &rows);
            if let Targets::Classes(classes) = &targets {
                let known = |label: i64| (0..dims[1] as i64).contains(&label) || spec.ignore_index == Some(label);
                assert!(classes.iter().all(known), "a label that means nothing was taken");
            }
        }
    }
}

fn refused(error: &Error) {
    let device = matches!(error, Error::Device { .. } | Error::DeviceLost { .. } | Error::NoAdapter { .. });
    assert!(!device && !error.to_string().is_empty(), "{error:?} without a device");
}

/// What must hold of a loss and its result if the batch was taken.
fn taken(spec: &Spec, result: &Reference, dims: &[usize], rows: &[usize]) {
    assert_eq!(result.grad.shape(), dims);
    assert_eq!(result.losses.shape(), if spec.kind.per_row() { rows } else { dims });
    assert!((0.0..=1.0).contains(&spec.label_smoothing) && spec.gamma >= 0.0 && spec.z_loss >= 0.0);
    assert!(spec.epsilon >= -1.0 && spec.gamma_positive >= 0.0 && spec.gamma_negative >= 0.0);
    assert!((0.0..=1.0).contains(&spec.clip));
    assert!(spec.softcap.is_none_or(|cap| cap > 0.0 && cap.is_finite()));
    assert!(spec.denominator.is_none_or(|denominator| denominator > 0.0 && denominator.is_finite()));
    let weights = [&spec.class_weights, &spec.pos_weight].into_iter().flatten();
    assert!(weights.flatten().all(|weight| *weight >= 0.0 && weight.is_finite()));
}

fn spec(source: &mut Source<'_>) -> Spec {
    let mut spec = Spec::plain(Kind::ALL[source.below(Kind::ALL.len())]);
    spec.reduction = [Reduction::Mean, Reduction::None, Reduction::Sum, Reduction::BatchMean][source.below(4)];
    spec.empty_mean = [EmptyMean::Nan, EmptyMean::Zero][source.below(2)];
    // One option or two at a time: more of them would be refused nearly always.
    for _ in 0..source.below(3) {
        match source.below(4) {
            0 => spec.denominator = Some(source.float()),
            1 => spec.ignore_index = Some(source.integer()),
            _ => {
                let option = OptionName::ALL[source.below(OptionName::ALL.len())];
                if option.letter().is_some() {
                    option.set(&mut spec, source.float());
                } else {
                    let count = source.below(6);
                    option.set_weights(&mut spec, source.floats(count));
                }
            }
        }
    }
    spec
}

/// The shape, or now and then another.
fn wrong(dims: &[usize], source: &mut Source<'_>) -> Vec<usize> {
    let mut dims = dims.to_vec();
    match (source.below(32), dims.last_mut()) {
        (1, Some(last)) => *last += 1,
        (2, _) => dims.push(1),
        (3, _) => dims.clear(),
        _ => {}
    }
    dims
}

fn array<T: Clone>(dims: &[usize], source: &mut Source<'_>, mut next: impl FnMut(&mut Source<'_>) -> T) -> ArrayD<T> {
    ArrayD::from_shape_simple_fn(IxDyn(dims), || next(source))
}

/// A view of it: as it lies, turned, backwards, in steps, or the same slice again and again.
fn view<'a, T>(array: &'a ArrayD<T>, source: &mut Source<'_>) -> ArrayViewD<'a, T> {
    let mut view = array.view();
    let Some(last) = view.ndim().checked_sub(1) else { return view };
    match source.below(8) {
        1 => view.invert_axis(Axis(last)),
        2 => view.swap_axes(0, last),
        3 => view.slice_axis_inplace(Axis(last), ndarray::Slice::new(0, None, 2)),
        4 => view.slice_axis_inplace(Axis(0), ndarray::Slice::new(0, None, -1)),
        _ => {}
    }
    view
}

/// Offsets of lists: rising ones, and now and then any.
fn offsets(rows: usize, source: &mut Source<'_>) -> Array1<i64> {
    let mut at = 0;
    let mut next = |source: &mut Source<'_>| match source.below(16) {
        15 => source.integer(),
        step => {
            at += [0, 1, 2, 1][step % 4];
            at
        }
    };
    std::iter::once(0).chain((0..rows).map(|_| next(source))).collect()
}
