use super::*;
use crate::args::LossOptions;
use crate::names::KNOWN;

fn tensor(ty: Type, shape: &[usize]) -> Tensor {
    let bytes = vec![0; shape.iter().product::<usize>() * ty.size().unwrap()];
    Tensor { ty, shape: shape.to_vec(), fortran: false, bytes }
}

fn file(tensors: &[(&str, Tensor)]) -> Tensors {
    let mut file = Tensors::default();
    for (name, tensor) in tensors {
        file.list(name);
        if KNOWN.contains(name) {
            file.found.insert((*name).to_string(), tensor.clone());
        }
    }
    file
}

fn of(kind: Kind, tensors: &[(&str, Tensor)]) -> Result<(Scores, Problem), String> {
    build(file(tensors), crate::options::spec(kind, &LossOptions::default()).unwrap())
}

fn refusal(kind: Kind, tensors: &[(&str, Tensor)]) -> String {
    of(kind, tensors).err().expect("a refusal")
}

#[test]
fn type_and_shape_tell_the_form_of_the_targets() {
    let logits = ("logits", tensor(Type::F16, &[2, 3, 4]));
    for (targets, form) in [
        (tensor(Type::I64, &[2, 4]), TargetForm::Classes),
        (tensor(Type::U8, &[2, 4]), TargetForm::Classes),
        (tensor(Type::I16, &[2, 4]), TargetForm::Classes),
        (tensor(Type::U8, &[2, 3, 4]), TargetForm::MultiHot),
        (tensor(Type::Bool, &[2, 3, 4]), TargetForm::MultiHot),
        (tensor(Type::Bf16, &[2, 3, 4]), TargetForm::Probabilities),
        (tensor(Type::F64, &[2, 3, 4]), TargetForm::Probabilities),
    ] {
        let (scores, problem) = of(Kind::SoftmaxCe, &[logits.clone(), ("targets", targets)]).unwrap();
        assert_eq!((scores.dtype(), problem.form()), (Dtype::F16, form));
    }
    let lists = [logits, ("target_offsets", tensor(Type::U32, &[9])), ("target_indices", tensor(Type::I32, &[0]))];
    assert_eq!(of(Kind::SigmoidCe, &lists).unwrap().1.form(), TargetForm::Lists);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let logits = || ("logits", tensor(Type::F32, &[2, 3]));
    let labels = || ("targets", tensor(Type::I64, &[2]));
    let softmax = |extra: (&'static str, Tensor)| refusal(Kind::SoftmaxCe, &[logits(), extra]);
    assert_eq!(
        softmax(("targets", tensor(Type::I64, &[3]))),
        "'targets' is i64 [3], expected integers [2] (classes), or u8 or bool [2, 3] (multi-hot), or floats [2, 3] (probabilities)"
    );
    assert!(softmax(("targets", tensor(Type::Bool, &[2]))).starts_with("'targets' is bool [2]"));
    assert_eq!(
        softmax(("labels", tensor(Type::I64, &[2]))),
        "no tensor 'targets': the file has logits, labels; if 'labels' is it, name it 'targets'"
    );
    assert_eq!(softmax(("target", tensor(Type::I64, &[2]))), "unknown tensor 'target': did you mean 'targets'?");
    assert!(softmax(("target_indices", tensor(Type::I64, &[2]))).starts_with("no tensor 'target_offsets'"));
    let with = |kind, extra: (&'static str, Tensor)| refusal(kind, &[logits(), labels(), extra]);
    assert!(with(Kind::SoftmaxCe, ("target_offsets", tensor(Type::I64, &[3]))).starts_with("has both"));
    assert!(with(Kind::SigmoidCe, ("class_weights", tensor(Type::F32, &[3]))).contains("does not apply to sigmoid-ce"));
    assert!(with(Kind::SoftmaxCe, ("class_weights", tensor(Type::F32, &[4]))).contains("[4], expected [3]"));
    assert!(with(Kind::SoftmaxCe, ("class_weight", tensor(Type::F32, &[3]))).contains("'class_weights'?"));
    assert!(with(Kind::SoftmaxCe, ("upstream", tensor(Type::F32, &[2]))).contains("--reduction none"));
    assert!(refusal(Kind::Ce, &[logits(), labels()]).contains("'logits' is for softmax-ce"));
    assert!(refusal(Kind::SoftmaxCe, &[("logits", tensor(Type::I32, &[2, 3])), labels()]).contains("'logits' is i32"));
    assert!(refusal(Kind::SoftmaxCe, &[("logits", tensor(Type::F32, &[])), labels()]).contains("expected [N, C]"));
    assert!(with(Kind::SoftmaxCe, ("pos_weights", tensor(Type::F32, &[3]))).contains("did you mean 'pos_weight'?"));
    assert!(with(Kind::SoftmaxCe, ("mask", tensor(Type::F32, &[2]))).starts_with("'mask' would count for nothing"));
    assert!(refusal(Kind::SoftmaxCe, &[]).contains("the file has no tensors"));
    let mut huge = tensor(Type::U64, &[2]);
    huge.bytes = [5_u64.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
    assert!(softmax(("targets", huge)).contains("at [1] is 18446744073709551615"));
}

#[test]
fn fortran_order_is_turned_into_row_major() {
    let mut bytes = Vec::new();
    for value in [1_u8, 4, 2, 5, 3, 6] {
        bytes.push(value);
    }
    let tensor = Tensor { ty: Type::U8, shape: vec![2, 3], fortran: true, bytes };
    let array = convert::array(&tensor, |[byte]| byte).unwrap();
    assert_eq!(array, ndarray::array![[1, 2, 3], [4, 5, 6]].into_dyn());
    assert!(array.is_standard_layout());
}

#[test]
fn other_tensors_are_left_alone() {
    let tensors = [
        ("logits", tensor(Type::F32, &[2, 3])),
        ("targets", tensor(Type::I64, &[2])),
        ("hidden", tensor(Type::F32, &[2, 8])),
        ("logits2", tensor(Type::F32, &[2, 3])),
        ("labels", tensor(Type::I64, &[2])),
    ];
    let account = of(Kind::SoftmaxCe, &tensors).unwrap().1.account;
    assert_eq!(account.ignored, ["hidden", "logits2", "labels"]);
    let used: Vec<&str> = account.used.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((used, account.notes.len()), (vec!["logits", "targets"], 0));
}

/// Shapes of scores and targets, the targets' type, and the form and shape that they are taken for, with as many notes.
#[test]
fn what_is_plainly_meant_is_taken_and_noted() {
    let taken = |kind, scores: &[usize], ty: Type, targets: &[usize]| {
        let (_, problem) =
            of(kind, &[("logits", tensor(Type::F32, scores)), ("targets", tensor(ty, targets))]).unwrap();
        assert!(!problem.account.notes.is_empty(), "{scores:?} {targets:?}");
        (problem.form(), problem.axes.full)
    };
    let (classes, multi_hot, soft) = (TargetForm::Classes, TargetForm::MultiHot, TargetForm::Probabilities);
    let (softmax, sigmoid) = (Kind::SoftmaxCe, Kind::SigmoidCe);
    assert_eq!(taken(softmax, &[4, 3], Type::I64, &[4, 1]), (classes, vec![4, 3]));
    assert_eq!(taken(softmax, &[2, 3, 5], Type::I32, &[2, 1, 5]), (classes, vec![2, 3, 5]));
    assert_eq!(taken(softmax, &[4, 3], Type::I64, &[4, 3]), (multi_hot, vec![4, 3]));
    assert_eq!(taken(softmax, &[5], Type::I64, &[]), (classes, vec![1, 5]));
    assert_eq!(taken(softmax, &[5], Type::I64, &[1]), (classes, vec![1, 5]));
    assert_eq!(taken(softmax, &[5], Type::F32, &[5]), (soft, vec![1, 5]));
    assert_eq!(taken(sigmoid, &[5], Type::I64, &[5]), (multi_hot, vec![5, 1]));
    assert_eq!(taken(sigmoid, &[5], Type::F32, &[5]), (soft, vec![5, 1]));
    assert_eq!(taken(sigmoid, &[5, 1], Type::F32, &[5]), (soft, vec![5, 1]));
    assert_eq!(taken(sigmoid, &[5, 1], Type::Bool, &[5]), (multi_hot, vec![5, 1]));
}

#[test]
fn what_can_be_two_things_is_refused_by_both() {
    let of = |scores: &[usize], targets: Tensor| {
        refusal(Kind::SigmoidCe, &[("logits", tensor(Type::F32, scores)), ("targets", targets)])
    };
    let both = of(&[4, 1], tensor(Type::I64, &[4, 1]));
    assert!(both.contains("classes") && both.contains("multi-hot"), "{both}");
    let last = of(&[2, 5, 7], tensor(Type::I64, &[2, 5]));
    assert!(last.contains("classes are read from axis 1") && last.contains("logits.transpose(0, 2, 1)"), "{last}");
    assert!(last.contains("[10, 7] with labels [10]"), "{last}");
}
