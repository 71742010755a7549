//! What is refused: labels, lists, values, shapes and options that mean nothing.

use crate::INFINITY;
use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::{of_labels, plain};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, Error, Output, Reduction, SigmoidCe, SoftmaxCe, Targets};
use ndarray::{Array2, ArrayD, IxDyn, array};

/// The first bad row, its value, how many; 2³² has class 0's low word. The device goes on serving.
#[test]
fn a_class_outside_is_an_error() {
    let scores = Array2::from_elem((6, 5), 0.5_f32);
    let labels = [0_i64, 5, -1, 1 << 32, 4, i64::MIN];
    for kind in of_labels() {
        under_every_strategy(kind, &[6, 5], |gpu| {
            let spec = plain(kind);
            let run = |spec: &Spec, labels: &[i64; 6]| gpu.run(spec, &Batch::new(&scores, labels));
            let error = run(&spec, &labels).expect_err("four bad labels");
            assert!(matches!(error, Error::ClassOutOfRange { row: 1, class: 5, classes: 5, count: 4 }), "{error}");
            let mut ignoring = spec.clone();
            ignoring.ignore_index = Some(5);
            let error = run(&ignoring, &labels).expect_err("three bad labels");
            assert!(matches!(error, Error::ClassOutOfRange { row: 2, class: -1, classes: 5, count: 3 }), "{error}");
            assert!(run(&spec, &[0, 1, 2, 3, 4, 0]).expect("all in range").loss > 0.0);
        });
    }
}

#[test]
fn a_class_outside_in_every_integer_type_and_shape() {
    let scores = ArrayD::<f32>::zeros(IxDyn(&[2, 3, 2]));
    on_every_adapter(|gpu| {
        let error_of = |labels: Targets<'_>| {
            let batch = Batch::new(scores.view(), labels);
            gpu.softmax_ce(&batch).expect_err("a bad label").to_string()
        };
        let i32s = error_of((&array![[0_i32, 1], [2, -2]]).into());
        assert_eq!(i32s, "row 3: class -2 is outside 0..3 (1 such rows)");
        let u32s = error_of((&array![[0_u32, 3], [u32::MAX, 2]]).into());
        assert_eq!(u32s, "row 1: class 3 is outside 0..3 (2 such rows)");
        let i64s = error_of((&array![[0_i64, 1], [i64::MAX, 2]]).into());
        assert_eq!(i64s, "row 2: class 9223372036854775807 is outside 0..3 (1 such rows)");
    });
}

#[test]
fn lists_that_mean_nothing_are_errors() {
    let scores = Array2::<f32>::zeros((3, 4));
    on_every_adapter(|gpu| {
        for (offsets, indices, message) in [
            ([0_i64, 2, 3, 4], vec![0_i64, 4, 1, -1], "row 0: class 4 is outside 0..4 (2 such rows)"),
            (
                [0, 2, 4, 4],
                vec![0, 1, 2, 2],
                "row 1: class 2 follows class 2, expected strictly increasing classes (1 such rows)",
            ),
            ([0, 2, 1, 4], vec![0, 1, 2, 3], "row 1: its offsets go from 2 to 1 (1 such rows)"),
            ([0, 1, 2, 9], vec![0, 1, 2], "row 2: its offsets go to 9, past the 3 indices (1 such rows)"),
            ([1, 2, 3, 3], vec![0, 1, 2], "row 0: the first offset is 1, expected 0 (1 such rows)"),
            ([0, 1, 2, 2], vec![0, 1, 2], "row 2: the last offset is 2, expected 3 as there are indices (1 such rows)"),
        ] {
            let targets = Targets::lists(&offsets, &indices);
            let error = gpu.softmax_ce(&Batch::new(scores.view(), targets)).expect_err("bad lists");
            assert_eq!(error.to_string(), message);
        }
    });
}

#[test]
fn values_outside_their_range_are_errors() {
    let scores = array![[0.5_f32, 0.5], [0.5, 1.5]];
    let (two, nan) = (array![[0_u8, 1], [2, 0]], array![[0.5_f32, 0.5], [f32::NAN, 0.0]]);
    on_every_adapter(|gpu| {
        let classes = || Targets::from(&[0_i64, 1]);
        for error in [
            gpu.ce(&Batch::new(scores.view(), classes())).expect_err("1.5"),
            gpu.bce(&Batch::new(scores.view(), classes())).expect_err("1.5"),
        ] {
            assert_eq!(error.to_string(), "probabilities at [1, 1] is 1.5, expected a number in [0, 1]");
        }
        let error = gpu.softmax_ce(&Batch::new(scores.view(), two.view())).expect_err("a 2");
        assert_eq!(error.to_string(), "targets at [1, 0] is 2, expected 0 or 1");
        let error = gpu.sigmoid_ce(&Batch::new(&scores, &two)).expect_err("a 2");
        assert_eq!(error.to_string(), "targets at [1, 0] is 2, expected 0, 1, or 255 where a label is not known");
        let unknown = two.mapv(|byte| if byte == 2 { gpu_loss::batch::MISSING_LABEL } else { byte });
        let error = gpu.softmax_ce(&Batch::new(&scores, &unknown)).expect_err("a row");
        assert_eq!(error.to_string(), "targets at [1, 0] is 255, expected 0 or 1");
        let soft = Targets::from(nan.view());
        let error = gpu.sigmoid_ce(&Batch::new(scores.view(), soft)).expect_err("NaN");
        assert_eq!(error.to_string(), "targets at [1, 0] is NaN, expected a number in [0, 1]");
    });
}

#[test]
fn shapes_that_disagree_are_errors() {
    let scores = Array2::<f32>::zeros((3, 4));
    let (narrow, flat) = (Array2::<u8>::zeros((3, 3)), array![1.0_f32, 1.0]);
    on_every_adapter(|gpu| {
        let shape =
            |result: Result<Output<f32, ndarray::Ix2>, Error>, what, got: &[usize], expected: &[usize]| match result
                .expect_err("shapes disagree")
            {
                Error::Shape { what: w, got: g, expected: e } => assert_eq!((w, &g[..], &e[..]), (what, got, expected)),
                other => panic!("{other}"),
            };
        let labels = Targets::from(&[0_i64, 1, 2]);
        shape(gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64, 1])), "targets", &[2], &[3]);
        shape(gpu.softmax_ce(&Batch::new(scores.view(), narrow.view())), "targets", &[3, 3], &[3, 4]);
        let lists = Targets::lists(&[0_i64, 0, 0], &[] as &[i64; 0]);
        shape(gpu.softmax_ce(&Batch::new(scores.view(), lists)), "target_offsets", &[3], &[4]);
        let unreduced = SoftmaxCe::default().reduction(Reduction::None);
        let batch = Batch::new(scores.view(), labels.clone()).upstream(flat.view());
        shape(gpu.run(&unreduced, &batch), "upstream", &[2], &[3]);
        let batch = Batch::new(scores.view(), labels.clone()).element_weights(flat.view());
        shape(gpu.sigmoid_ce(&batch), "element_weights", &[2], &[3, 4]);
        let weighted = SoftmaxCe::default().class_weights([1.0, 2.0, 3.0]);
        shape(gpu.run(&weighted, &Batch::new(scores.view(), labels.clone())), "class_weights", &[3], &[4]);
        let weighted = SigmoidCe::default().pos_weight([1.0; 5]);
        shape(gpu.run(&weighted, &Batch::new(scores.view(), labels)), "pos_weight", &[5], &[4]);
    });
}

/// Every option outside its range is refused by its name, and inside of it taken.
#[test]
fn options_outside_their_range_are_errors() {
    const NAN: f32 = f32::NAN;
    /// Name, loss, setter, values outside and inside the range.
    type Row = (&'static str, Kind, fn(&mut Spec, f32), &'static [f32], &'static [f32]);
    let options: [Row; 15] = [
        ("label_smoothing", Kind::SoftmaxCe, |s, v| s.label_smoothing = v, &[-0.1, 1.1, NAN, INFINITY], &[0.0, 1.0]),
        ("z_loss", Kind::SoftmaxCe, |s, v| s.z_loss = v, &[-1e-4, NAN, INFINITY], &[0.0, 1.0]),
        ("logit_scale", Kind::SoftmaxCe, |s, v| s.logit_scale = v, &[0.0, -1.0, NAN, INFINITY], &[0.5]),
        ("softcap", Kind::SoftmaxFocal, |s, v| s.softcap = Some(v), &[0.0, -30.0, NAN, INFINITY], &[30.0]),
        ("gamma", Kind::SoftmaxFocal, |s, v| s.gamma = v, &[-0.5, NAN, INFINITY], &[0.0, 2.5]),
        ("alpha", Kind::SigmoidFocal, |s, v| s.alpha = Some(v), &[-0.25, 1.5, NAN], &[0.0, 1.0]),
        ("epsilon", Kind::Poly1, |s, v| s.epsilon = v, &[-1.0 - f32::EPSILON, NAN, INFINITY], &[-1.0, 0.0, 5.0]),
        ("entropy_coefficient", Kind::SoftmaxCe, |s, v| s.entropy_coefficient = v, &[NAN, INFINITY], &[0.0, -1.0, 2.0]),
        (
            "margin_multiplier",
            Kind::SoftmaxCe,
            |s, v| s.margin_multiplier = v,
            &[0.0, -1.0, NAN, INFINITY],
            &[0.5, 4.0],
        ),
        ("margin_angle", Kind::SoftmaxCe, |s, v| s.margin_angle = v, &[-0.5, NAN, INFINITY], &[0.0, 0.5, 4.0]),
        ("margin_cosine", Kind::SoftmaxCe, |s, v| s.margin_cosine = v, &[-0.5, NAN, INFINITY], &[0.0, 0.35]),
        ("gamma_positive", Kind::Asymmetric, |s, v| s.gamma_positive = v, &[-0.5, NAN, INFINITY], &[0.0, 2.5]),
        ("gamma_negative", Kind::Asymmetric, |s, v| s.gamma_negative = v, &[-0.5, NAN, INFINITY], &[0.0, 2.5]),
        ("clip", Kind::Asymmetric, |s, v| s.clip = v, &[-0.1, 1.1, NAN], &[0.0, 1.0]),
        ("denominator", Kind::Ce, |s, v| s.denominator = Some(v), &[0.0, -1.0, NAN, INFINITY], &[3.0]),
    ];
    let scores = array![[0.5_f32, 0.5]];
    let batch = Batch::new(scores.view(), &[0_i64]);
    on_every_adapter(|gpu| {
        for (name, kind, set, bad, good) in options {
            for value in bad {
                let mut spec = plain(kind);
                set(&mut spec, *value);
                match gpu.run(&spec, &batch).expect_err(name) {
                    Error::Option { option, got, .. } => assert_eq!((option, got), (name, value.to_string())),
                    other => panic!("{name} = {value}: {other}"),
                }
            }
            for value in good {
                let mut spec = plain(kind);
                set(&mut spec, *value);
                assert!(gpu.run(&spec, &batch).expect(name).loss.is_finite(), "{name} = {value}");
            }
        }
        // A denominator is the mean's.
        let sum = SoftmaxCe::default().reduction(Reduction::Sum).denominator(2.0);
        let error = gpu.run(&sum, &batch).expect_err("a sum has no denominator");
        assert!(matches!(error, Error::Option { option: "denominator", .. }), "{error}");
        for bad in [-1.0, f32::NAN, INFINITY] {
            let error = gpu.run(&SoftmaxCe::default().class_weights([1.0, bad]), &batch).expect_err("a bad weight");
            assert!(matches!(&error, Error::Value { what: "class_weights", at, .. } if at == &[1]), "{error}");
            let error = gpu.run(&SigmoidCe::default().pos_weight([bad, 1.0]), &batch).expect_err("a bad weight");
            assert!(matches!(&error, Error::Value { what: "pos_weight", at, .. } if at == &[0]), "{error}");
        }
    });
}
