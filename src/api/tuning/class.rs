//! What decides which strategy is fastest, in words.

use crate::batch::{Shape, TargetForm};
use crate::layout::{IntegerType, Layout, Upstream};
use crate::loss::{Reduction, Spec};

/// The class of plans that share a choice, as tuning files name it.
pub(super) fn of(spec: &Spec, layout: &Layout) -> String {
    let Shape { n, classes, inner } = layout.shape;
    let mut words = vec![
        spec.kind.name().to_owned(),
        layout.dtype.name().to_owned(),
        format!("{}x{classes}x{inner}", n.next_power_of_two()),
        layout.targets.name().to_owned(),
    ];
    if layout.targets == TargetForm::Logits {
        words.push(layout.teacher.name().to_owned());
    }
    if !layout.targets.is_dense() {
        words.push(integer(layout.integers).to_owned());
    }
    if layout.list_classes() > 0 {
        words.push(format!("{} longest={}", integer(layout.indices), layout.list_classes()));
    }
    let slab = (classes * inner) as u64;
    for (name, step) in [("scores-stride", layout.scores_step()), ("grad-stride", layout.grad_step())] {
        if step != slab {
            words.push(format!("{name}={step}"));
        }
    }
    let outputs = layout.outputs;
    let switches = [
        ("no-grad", !outputs.grad),
        ("losses", outputs.losses),
        ("lse", outputs.lse),
        ("argmax", outputs.argmax),
        ("correct", outputs.correct),
        ("log-prob", outputs.log_prob),
        ("entropy", outputs.entropy),
        ("rank", outputs.rank),
        ("grad-class-bias", outputs.grad_class_bias),
        ("statistics", layout.statistics),
        ("in-place", layout.in_place),
        ("element-weights", layout.element_weights),
        ("missing-labels", layout.missing_labels),
        ("upstream", layout.upstream == Upstream::Scalar),
        ("upstreams", layout.upstream == Upstream::PerLoss),
        ("entropy-upstreams", layout.entropy_upstream),
        ("unreduced", spec.reduction == Reduction::None),
        ("ignore-index", spec.ignore_index.is_some()),
    ];
    words.extend(switches.iter().filter(|(_, on)| *on).map(|(name, _)| (*name).to_owned()));
    words.extend(spec.flags().options().map(|option| option.hyphenated().to_owned()));
    words.join(" ")
}

fn integer(of: IntegerType) -> &'static str {
    match of {
        IntegerType::I32 => "i32",
        IntegerType::I64 => "i64",
        IntegerType::U32 => "u32",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Dtype;
    use crate::loss::{Loss, SoftmaxCe};

    #[test]
    fn rows_count_to_the_next_power_of_two_and_options_by_name() {
        let plain = SoftmaxCe::default().spec();
        let class =
            |spec: &Spec, n| of(spec, &Layout::forward_backward(Shape::new(n, 1000), Dtype::Bf16).strides(1024, 1000));
        assert_eq!(class(&plain, 500), "softmax_ce bf16 512x1000x1 classes i64 scores-stride=1024");
        assert_eq!(class(&plain, 500), class(&plain, 512));
        assert_ne!(class(&plain, 512), class(&plain, 513));
        let smoothed = SoftmaxCe::default().label_smoothing(0.1).spec();
        assert_eq!(class(&smoothed, 512), format!("{} label-smoothing", class(&plain, 512)));
    }
}
