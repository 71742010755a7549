//! Class bias, margins, entropies, log-probabilities and ranks: every form of target, type, strategy, and way of spreading
//! the work over plans, against the reference.

mod common;

use common::device::{Variation, Way, difference};
use common::random::Random;
use common::{Case, More, OwnedTargets, plain};
use gpu_loss::batch::{TargetForm, bf16, f16};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, Dtype, Error, GpuLoss, Layout, Reduction, Shape, SoftmaxCe, Targets};
use ndarray::{Array2, ArrayD, IxDyn, array};

/// Rows on vectors and off them, resident and not, four at a time, and with positions innermost.
const SHAPES: [&[usize]; 6] = [&[70, 32], &[67, 33], &[9, 1000], &[3, 4099], &[5, 7, 10], &[66, 10]];

/// A case of scores within what a bias leaves exact, or of cosines.
fn case(spec: &Spec, form: TargetForm, dtype: Dtype, dims: &[usize], seed: u64) -> Case {
    let mut r = Random(seed);
    let (classes, rows) = (dims[1], dims.iter().product::<usize>() / dims[1]);
    let mut spec = spec.clone();
    let cosines = spec.has_margin();
    let scores = ArrayD::from_shape_simple_fn(IxDyn(dims), || match cosines {
        true => 2.0 * r.unit() - 1.0,
        false if r.chance(9) => f32::NEG_INFINITY,
        false => 3.0 * r.normal(),
    });
    let scores = match dtype {
        Dtype::F32 => scores,
        Dtype::F16 => scores.mapv(|v| f16::from_f32(v).to_f32()),
        Dtype::Bf16 => scores.mapv(|v| bf16::from_f32(v).to_f32()),
    };
    let row_dims: Vec<usize> = dims.iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, d)| *d).collect();
    let targets = match form {
        TargetForm::Classes => {
            spec.ignore_index = Some(-100);
            OwnedTargets::Classes(ArrayD::from_shape_simple_fn(IxDyn(&row_dims), || match r.chance(7) {
                true => -100,
                false => r.below(classes) as i64,
            }))
        }
        TargetForm::Lists => {
            let (mut offsets, mut indices) = (vec![0], vec![]);
            for row in 0..rows {
                indices.extend((0..classes as i64).filter(|_| row % 5 > 0 && r.chance(4)));
                offsets.push(indices.len() as i64);
            }
            OwnedTargets::Lists(offsets, indices)
        }
        TargetForm::MultiHot => {
            OwnedTargets::MultiHot(ArrayD::from_shape_simple_fn(IxDyn(dims), || u8::from(r.chance(4))))
        }
        _ => OwnedTargets::Probabilities(ArrayD::from_shape_simple_fn(IxDyn(dims), || r.unit() / classes as f32)),
    };
    let name = format!("{} {} {} {dims:?}", spec.kind.name(), form.name(), dtype.name());
    let more = More { entropy_upstream: None, outputs: true };
    Case { name, spec, scores, dtype, targets, element_weights: None, upstream: None, more }
}

fn bias(classes: usize) -> Option<Vec<f32>> {
    Some((0..classes).map(|class| 0.75 - 0.25 * (class * 5 % 13) as f32).collect())
}

fn arriving(case: &Case, seed: u64) -> ArrayD<f32> {
    let mut r = Random(seed);
    let losses = case.reference().expect("a reference").losses;
    ArrayD::from_shape_simple_fn(losses.raw_dim(), || r.normal())
}

/// On host arrays under two strategies in turn; on device memory, spread over plans, under another. Kernels take longer to
/// build than to run: every strategy meets every option, not every case.
fn check(gpu: &GpuLoss, case: &Case, turn: usize) {
    let strategies = case.strategies(gpu);
    let at = |k: usize| strategies[(turn + k) % strategies.len()];
    case.check_under(gpu, &[at(0), at(2)]);
    let ways = [
        Variation { in_place: true, ..Variation::PLAIN },
        Variation { way: Way::Halves, ..Variation::PLAIN },
        Variation { way: Way::Halves, in_place: true, ..Variation::PLAIN },
        Variation { way: Way::Shards(3), ..Variation::PLAIN },
        Variation { way: Way::HostMerged(2), ..Variation::PLAIN },
        Variation { scores_gap: 3, grad_gap: 3, ..Variation::PLAIN },
    ];
    let v = ways[turn % ways.len()];
    let sharded = matches!(v.way, Way::Shards(_) | Way::HostMerged(_));
    if sharded && (!case.spec.kind.per_row() || case.targets.view().form() == TargetForm::MultiHot) {
        return;
    }
    let strategy = at(1);
    let gpu = &gpu.with_strategy(strategy);
    let what = format!("{} {} {v:?} {:?}", strategy.name(), case.name, case.spec);
    let output = case.run_on_device(gpu, &v).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = difference(&output, case.dtype, &case.reference().expect("a reference"));
    assert!(found.kept(), "{what}: {found:?}");
}

/// Types in turn, so that each meets every shape and form.
fn dtype(turn: usize) -> Dtype {
    [Dtype::F32, Dtype::F16, Dtype::F32, Dtype::Bf16][turn % 4]
}

#[test]
fn class_bias_of_every_loss_that_has_one() {
    common::each::on_every_adapter(|gpu| {
        let mut turn = 0;
        for kind in [Kind::SoftmaxCe, Kind::SigmoidCe, Kind::SoftmaxFocal, Kind::SigmoidFocal, Kind::Poly1] {
            for form in kind.targets() {
                for dims in [SHAPES[turn % 6], SHAPES[(turn + 3) % 6]] {
                    let mut spec = plain(kind);
                    spec.class_bias = bias(dims[1]);
                    spec.reduction = [Reduction::Mean, Reduction::None, Reduction::Sum][turn % 3];
                    if kind.is_softmax() {
                        spec.logit_scale = [1.0, 0.5][turn / 2 % 2];
                        spec.softcap = [None, None, Some(8.0)][turn / 3 % 3];
                    }
                    let mut case = case(&spec, *form, dtype(turn), dims, turn as u64);
                    if spec.reduction == Reduction::None {
                        case.upstream = Some(arriving(&case, 5));
                    }
                    check(gpu, &case, turn);
                    turn += 1;
                }
            }
        }
    });
}

#[test]
fn entropies_as_outputs_in_the_loss_and_with_an_upstream_of_their_own() {
    common::each::on_every_adapter(|gpu| {
        let mut turn = 0;
        for &form in TargetForm::ALL {
            for dims in SHAPES {
                let mut spec = plain(Kind::SoftmaxCe);
                spec.entropy_coefficient = [0.0, 0.3, -0.1][turn % 3];
                spec.reduction = [Reduction::Mean, Reduction::None][turn / 2 % 2];
                (spec.z_loss, spec.logit_scale) = ([0.0, 1e-3][turn / 3 % 2], [1.0, 0.7][turn / 4 % 2]);
                spec.label_smoothing = [0.0, 0.0, 0.1][turn / 2 % 3];
                let mut case = case(&spec, form, dtype(turn), dims, turn as u64);
                if spec.reduction == Reduction::None {
                    case.upstream = (turn % 3 != 0).then(|| arriving(&case, 6));
                    case.more.entropy_upstream = Some(arriving(&case, 7));
                }
                check(gpu, &case, turn);
                turn += 1;
            }
        }
    });
}

#[test]
fn margins_on_the_true_class() {
    common::each::on_every_adapter(|gpu| {
        let margins =
            [(1.0, 0.5, 0.0), (1.0, 0.0, 0.35), (1.35, 0.0, 0.0), (1.1, 0.3, 0.2), (4.0, 0.0, 0.0), (1.0, 3.5, 0.0)];
        for (turn, (m1, m2, m3)) in margins.into_iter().chain(margins).enumerate() {
            let dims = SHAPES[(turn + turn / 6) % 6];
            let mut spec = plain(Kind::SoftmaxCe);
            (spec.margin_multiplier, spec.margin_angle, spec.margin_cosine) = (m1, m2, m3);
            spec.logit_scale = [16.0, 64.0, 1.0][turn % 3];
            spec.label_smoothing = [0.0, 0.1][turn / 2 % 2];
            spec.class_bias = if turn % 4 == 3 { bias(dims[1]) } else { None };
            spec.entropy_coefficient = [0.0, 0.0, 0.0, 0.0, 0.1][turn % 5];
            let mut case = case(&spec, TargetForm::Classes, dtype(turn), dims, turn as u64);
            // The ends of the range, and a little outside of it.
            for (at, x) in case.scores.iter_mut().enumerate().filter(|(at, _)| at % 3 == 0) {
                *x = [1.0, -1.0, 1.0625, -1.5, 0.0, 0.5][at / 3 % 6];
            }
            check(gpu, &case, turn);
        }
    });
}

/// Batches of so many scores that vectors are loaded several at once, where a driver gains by it.
#[test]
fn large_batches_with_everything_on() {
    common::each::on_every_adapter(|gpu| {
        for (turn, dims) in [&[264, 1000][..], &[26_300, 10], &[66, 4004], &[264, 1000]].into_iter().enumerate() {
            let mut spec = plain(Kind::SoftmaxCe);
            (spec.class_bias, spec.entropy_coefficient) = (bias(dims[1]), 0.2);
            (spec.margin_angle, spec.logit_scale) = (0.4, 8.0);
            let mut case = case(&spec, TargetForm::Classes, [Dtype::F32, Dtype::Bf16][turn / 2 % 2], dims, 3);
            case.check_under(gpu, &case.strategies(gpu)[..1]);
            (case.spec.margin_angle, case.spec.class_bias) = (0.0, None);
            case.check_under(gpu, &case.strategies(gpu)[..1]);
        }
    });
}

/// `p_y = 1 − 1e-7`: the entropy's own digits, not those of 1.
#[test]
fn the_entropy_of_a_confident_row_keeps_its_digits() {
    common::each::on_every_adapter(|gpu| {
        for classes in [2, 5, 33, 1000, 4099] {
            let mut scores = Array2::<f32>::zeros((70, classes));
            scores.column_mut(classes / 2).fill((1e7 * (classes - 1) as f32).ln());
            let labels = vec![classes as i64 / 2; 70];
            let batch = Batch::new(scores.view(), &labels).with_entropy().with_log_prob().with_rank();
            let want = gpu_loss::reference::run(&SoftmaxCe::default(), &batch).expect("a reference");
            let want = want.entropy.expect("wanted")[[0]];
            assert!((1.0e-6..3.0e-6).contains(&want), "{want}");
            for strategy in gpu.strategies(Kind::SoftmaxCe, Shape::new(70, classes)) {
                let got = gpu.with_strategy(strategy).softmax_ce(&batch).expect("runs");
                for (entropy, rank) in got.entropy.expect("wanted").iter().zip(got.rank.expect("wanted").iter()) {
                    let error = (f64::from(*entropy) - want).abs() / want;
                    assert!(error <= 1e-5 && *rank == 0, "{classes} {}: {error} {rank}", strategy.name());
                }
            }
        }
    });
}

#[test]
fn ranks_break_ties_by_the_lower_index_and_masks_rank_last() {
    let mask = f32::NEG_INFINITY;
    let scores = array![
        [1.0, 3.0, 1.0, 3.0, 2.0],
        [1.0, 3.0, 1.0, 3.0, 2.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [mask, 1.0, mask, 0.0, mask],
        [0.0, f32::NAN, 0.0, 0.0, 0.0],
        [0.0, 1.0, 2.0, 3.0, 4.0],
    ];
    let labels = [2_i64, 3, 4, 2, 0, -100];
    common::each::under_every_strategy(Kind::SoftmaxCe, &[6, 5], |gpu| {
        let batch = Batch::new(scores.view(), &labels).with_rank().with_log_prob().with_entropy();
        let got = gpu.run(&SoftmaxCe::default().ignore_index(-100), &batch).expect("runs");
        let ranks: Vec<u32> = got.rank.expect("wanted").iter().copied().collect();
        assert_eq!(ranks, [4, 1, 4, 3, u32::MAX, u32::MAX]);
        let (log_prob, entropy) = (got.log_prob.expect("wanted"), got.entropy.expect("wanted"));
        assert_eq!((log_prob[[3]], log_prob[[5]], entropy[[5]]), (mask, 0.0, 0.0));
        assert!(log_prob[[4]].is_nan() && entropy[[4]].is_nan());
        assert!((entropy[[2]] - 5.0_f32.ln()).abs() < 1e-6 && (log_prob[[2]] + 5.0_f32.ln()).abs() < 1e-6);
    });
}

/// What cannot be had says so, by the option or output that asks for it.
#[test]
fn what_has_no_meaning_is_refused() {
    let scores = array![[0.5_f32, 0.25], [0.0, 1.0]];
    let bytes = array![[1_u8, 0], [0, 1]];
    let classes = || Targets::from(&[0_i64, 1]);
    let multi_hot = || Targets::from(bytes.view());
    common::each::on_every_adapter(|gpu| {
        let refused = |loss: &SoftmaxCe, batch: Batch<'_, f32, ndarray::Ix2>, says: &str| {
            let error = gpu.run(loss, &batch).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        };
        let softmax = SoftmaxCe::default;
        refused(&softmax().margin_angle(0.5), Batch::new(scores.view(), multi_hot()), "a margin with multi-hot");
        refused(&softmax(), Batch::new(scores.view(), multi_hot()).with_rank(), "log_prob or rank with multi-hot");
        refused(&softmax(), Batch::new(scores.view(), classes()).with_grad_class_bias(), "grad_class_bias");
        let both = Batch::new(scores.view(), multi_hot()).with_entropy().with_correct();
        refused(&softmax(), both, "correct rows of multi-hot beside entropies");
        let up = array![1.0_f32, 1.0];
        let both = Batch::new(scores.view(), multi_hot()).entropy_upstream(up.view()).with_correct();
        refused(&softmax().reduction(Reduction::None), both, "correct rows of multi-hot beside entropies");
        let at_entropy = Batch::new(scores.view(), classes()).entropy_upstream(up.view());
        refused(&softmax(), at_entropy, "reduction None");
        let capped = softmax().class_bias([0.0, 1.0]).softcap(5.0);
        refused(&capped, Batch::new(scores.view(), classes()).with_grad_class_bias(), "softcap");
        refused(&softmax().class_bias([0.0]), Batch::new(scores.view(), classes()), "class_bias");
        refused(
            &softmax().class_bias([0.0, f32::NAN]),
            Batch::new(scores.view(), classes()),
            "class_bias at [1] is NaN",
        );
        refused(&softmax().margin_multiplier(0.0), Batch::new(scores.view(), classes()), "margin_multiplier");
        refused(
            &softmax().entropy_coefficient(f32::INFINITY),
            Batch::new(scores.view(), classes()),
            "entropy_coefficient",
        );
        let layout = Layout::merge(Shape::new(4, 8), Dtype::F32, 2).with_rank();
        let error = gpu.plan(&softmax(), &layout).expect_err("no ranks from shards");
        assert!(matches!(&error, Error::Layout { problem } if problem.contains("ranks")), "{error}");
    });
}
