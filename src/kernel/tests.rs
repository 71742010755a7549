//! Every kernel without a GPU: parsed, validated, translated to SPIR-V, MSL and HLSL with its real constants, and held
//! against the Rust side through naga.

use naga::back::PipelineConstants;
use naga::valid::{Capabilities, SubgroupOperationSet, ValidationFlags, Validator};

use super::{
    Extras, Grad, KernelSpec, LossKernel, MergeKernel, Params, Pass, ResidentRow, RowOptions, Team, Transform,
    Traversal, WideIntegers, bindings, declared,
};
use crate::batch::{Dtype, TargetForm};
use crate::loss::{Divergence, Family, Kind};

/// Every kernel spec that a plan can ask for, and some that it does not.
fn kernels() -> Vec<KernelSpec> {
    let mut all = vec![
        KernelSpec::ScanLabels { weighted: false, wide: false },
        KernelSpec::ScanLabels { weighted: true, wide: true },
        KernelSpec::ScanMultiHot,
        KernelSpec::ScanLists { wide: WideIntegers::default(), verdicts: false },
        KernelSpec::ScanLists { wide: WideIntegers { targets: true, indices: true }, verdicts: true },
        KernelSpec::ScanFinish { denominator: false, upstream: false, labels: None },
        KernelSpec::ScanFinish { denominator: true, upstream: true, labels: None },
        KernelSpec::ScanFinish { denominator: false, upstream: false, labels: Some(false) },
        KernelSpec::ScanFinish { denominator: true, upstream: true, labels: Some(true) },
        KernelSpec::Sum { scanned: true },
        KernelSpec::Sum { scanned: false },
        KernelSpec::ClassSums,
        KernelSpec::ClassSumsFinish,
    ];
    let none = Extras::default();
    let every = Extras {
        upstream: true,
        element_weights: true,
        losses: true,
        lse: true,
        argmax: true,
        correct: true,
        statistics: true,
        ..Extras::default()
    };
    let own = || Kind::ALL.iter().copied().filter(|kind| kind.computed_as() == *kind);
    for kind in own().filter(|kind| kind.has_statistics()) {
        for &targets in TargetForm::ALL {
            all.extend([none, every].map(|extras| {
                let all = options(kind, targets, extras.losses, Transform::Scale);
                let options = RowOptions { bias: false, margin: false, ahead: false, ..all };
                KernelSpec::Merge(MergeKernel { kind, targets, options, extras: more(extras, all, Pass::Split) })
            }));
        }
    }
    let resident_rows = [true, false]
        .map(|edges| Traversal::ResidentRow(ResidentRow { vectors: 8, whole: 4 * u32::from(!edges), edges }));
    let passes_over_scores = [
        Traversal::Row,
        resident_rows[0],
        resident_rows[1],
        Traversal::Column,
        Traversal::ResidentColumn(5),
        Traversal::FourRows(10),
        Traversal::FourRows(33),
    ];
    for kind in own() {
        let passes_over_scores: &[Traversal] = if kind.per_row() { &passes_over_scores } else { &[Traversal::Element] };
        for (traversal, team, dtype, targets, vectors, grad) in itertools(passes_over_scores) {
            let tile = matches!(traversal, Traversal::FourRows(_));
            let column = matches!(traversal, Traversal::Column | Traversal::ResidentColumn(_));
            let resident = tile || matches!(traversal, Traversal::ResidentRow(_) | Traversal::ResidentColumn(_));
            // The pieces of f16 meet the same others as those of bf16.
            if resident && dtype == Dtype::F16 || matches!(traversal, Traversal::ResidentRow(_)) && kind == Kind::Ce {
                continue;
            }
            if !kind.targets().contains(&targets) {
                continue;
            }
            if (column || tile) && team != Team::Thread || (traversal == Traversal::Element || tile) && !vectors {
                continue;
            }
            let passes: &[Pass] =
                if kind.has_statistics() { &[Pass::Whole, Pass::Split, Pass::Gradient] } else { &[Pass::Whole] };
            let fits = |pass: &Pass| match pass {
                Pass::Whole => true,
                Pass::Split => traversal != Traversal::Element && !resident && grad == Grad::Nowhere,
                Pass::Gradient => traversal != Traversal::Element && !resident && grad != Grad::Nowhere,
            };
            for (pass, extras) in passes.iter().copied().filter(fits).flat_map(|pass| [(pass, none), (pass, every)]) {
                let weighted = extras.losses;
                let wide_loads = extras.losses
                    && vectors
                    && !column
                    && traversal != resident_rows[0]
                    && traversal != Traversal::FourRows(33);
                let options = options(kind, targets, extras.losses && grad != Grad::Separate, transform(all.len()));
                all.push(KernelSpec::Loss(LossKernel {
                    traversal,
                    team,
                    pass,
                    kind,
                    dtype,
                    targets,
                    teacher: Dtype::ALL[all.len() % 3],
                    missing: targets == TargetForm::MultiHot && !kind.per_row() && extras.losses,
                    options: RowOptions { divergence: Divergence::ALL[all.len() / 3 % 3], ..options },
                    vectors,
                    long_sums: extras.losses != (grad == Grad::InPlace),
                    positions: match (column, dtype) {
                        (true, Dtype::F32) if !vectors && extras.losses => 1,
                        (true, Dtype::F16 | Dtype::Bf16) if !vectors && extras.losses => 2,
                        _ => 4,
                    },
                    peeled: !vectors || extras.losses || traversal == resident_rows[0],
                    dense_vectors: vectors,
                    wide: extras.losses && vectors,
                    wide_integers: WideIntegers { targets: extras.losses, indices: extras.losses },
                    puts_nan_in: extras.losses,
                    widens_in_integers: extras.losses,
                    load_vectors: match (wide_loads, dtype, traversal) {
                        (false, _, _) => 1,
                        (true, Dtype::Bf16, Traversal::Row | Traversal::ResidentRow(_)) => 4,
                        (true, _, _) => 2,
                    },
                    grad,
                    scanned: extras.losses,
                    weighted,
                    extras: more(extras, options, pass),
                }));
            }
        }
    }
    all
}

/// All of a loss's options, or none.
fn options(kind: Kind, targets: TargetForm, on: bool, transform: Transform) -> RowOptions {
    let classes = targets == TargetForm::Classes;
    match (on, kind.family()) {
        (false, _) => RowOptions::default(),
        (true, _) if kind == Kind::Distillation => RowOptions { best: true, ..RowOptions::default() },
        (true, Family::Softmax) => RowOptions {
            smoothed: true,
            transform,
            z_loss: true,
            best: true,
            bias: true,
            margin: classes,
            spread: true,
            entropy: kind == Kind::SoftmaxCe,
            ahead: classes,
            truth: classes,
            ..RowOptions::default()
        },
        (true, Family::Sigmoid) => RowOptions { bias: true, ..RowOptions::default() },
        (true, _) => RowOptions { smoothed: true, transform, z_loss: true, best: true, ..RowOptions::default() },
    }
}

/// With what options bring.
fn more(extras: Extras, options: RowOptions, pass: Pass) -> Extras {
    Extras {
        log_prob: options.truth,
        entropy: options.spread,
        rank: options.ahead,
        entropy_upstream: options.entropy,
        true_parts: options.truth && pass == Pass::Split,
        bad_rows: pass != Pass::Split,
        ..extras
    }
}

fn transform(at: usize) -> Transform {
    [Transform::Identity, Transform::Scale, Transform::ScaleFirst, Transform::Softcap][at % 4]
}

type Choice = (Traversal, Team, Dtype, TargetForm, bool, Grad);

fn itertools(passes_over_scores: &[Traversal]) -> Vec<Choice> {
    let mut choices = Vec::new();
    for &traversal in passes_over_scores {
        for team in [Team::Thread, Team::Subgroup, Team::Workgroup, Team::WorkgroupTree] {
            for &dtype in Dtype::ALL {
                for targets in TargetForm::ALL.iter().copied().chain([TargetForm::Logits]) {
                    for vectors in [true, false] {
                        for grad in [Grad::Nowhere, Grad::Separate, Grad::InPlace] {
                            choices.push((traversal, team, dtype, targets, vectors, grad));
                        }
                    }
                }
            }
        }
    }
    choices
}

fn validator() -> Validator {
    let mut validator = Validator::new(
        ValidationFlags::all(),
        Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16_IN_FLOAT32 | Capabilities::SHADER_INT64,
    );
    validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    validator
}

fn checked(kernel: &KernelSpec) -> (String, naga::Module, naga::valid::ModuleInfo) {
    let source = kernel.source();
    let module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{kernel:?}: {}", error.emit_to_string(&source)));
    let info =
        validator().validate(&module).unwrap_or_else(|error| panic!("{kernel:?}: {}", error.emit_to_string(&source)));
    (source, module, info)
}

#[test]
fn every_kernel_validates() {
    let all = kernels();
    assert!(all.len() > 1000, "{}", all.len());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for part in all.chunks(all.len().div_ceil(threads)) {
            scope.spawn(move || {
                for kernel in part {
                    checked(kernel);
                }
            });
        }
    });
}

/// Constants as a plan would set them.
fn constants(source: &str) -> PipelineConstants {
    let wanted = [
        ("GROUP_SIZE", 64.0),
        ("TASKS_PER_GROUP", 8.0),
        ("ONE_TASK", 0.0),
        ("ROWS_PER_TEAM", 4.0),
        ("SPLIT", 1.0),
        ("STRIDED", 1.0),
        ("GIVEN_DENOMINATOR", 1.0),
        ("BLOCK", 4096.0),
        ("TARGET_WORDS", 2.0),
        ("INDEX_WORDS", 2.0),
        ("TARGET_SIGNED", 0.0),
        ("HAS_IGNORE", 1.0),
        ("GRAD", 1.0),
        ("CORRECT", 1.0),
    ];
    declared(source, &wanted).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn every_kernel_translates_to_spirv_msl_and_hlsl() {
    // Every piece in every language; the full product adds no piece.
    for kernel in kernels().iter().step_by(7) {
        let (source, module, info) = checked(kernel);
        let constants = constants(&source);
        let (module, info) = naga::back::pipeline_constants::process_overrides(&module, &info, None, &constants)
            .unwrap_or_else(|error| panic!("{kernel:?}: {error}"));
        let spirv = naga::back::spv::Options { lang_version: (1, 3), ..Default::default() };
        naga::back::spv::write_vec(&module, &info, &spirv, None).unwrap_or_else(|e| panic!("{kernel:?} SPIR-V: {e}"));
        let msl = naga::back::msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
        naga::back::msl::write_string(&module, &info, &msl, &naga::back::msl::PipelineOptions::default())
            .unwrap_or_else(|e| panic!("{kernel:?} MSL: {e}"));
        let hlsl = hlsl(&module, &info).unwrap_or_else(|e| panic!("{kernel:?} HLSL: {e}"));
        if let Some(twice) = defined_twice(&hlsl) {
            panic!("{kernel:?} HLSL: defined twice, which DX12's compiler refuses: {twice}");
        }
    }
}

fn hlsl(module: &naga::Module, info: &naga::valid::ModuleInfo) -> Result<String, naga::back::hlsl::Error> {
    let options = naga::back::hlsl::Options {
        shader_model: naga::back::hlsl::ShaderModel::V6_0,
        fake_missing_bindings: true,
        ..Default::default()
    };
    let mut text = String::new();
    naga::back::hlsl::Writer::new(&mut text, &options, &naga::back::hlsl::PipelineOptions::default())
        .write(module, info, None)?;
    Ok(text)
}

/// A line by which a function of C-like text begins, if it is there twice: naga names a constructor by what a type is
/// made of, and writes one for an alias and another for the same type spelled out.
fn defined_twice(text: &str) -> Option<&str> {
    let mut begun = std::collections::HashSet::new();
    text.lines().filter(|line| !line.starts_with(' ') && line.ends_with(") {")).find(|line| !begun.insert(*line))
}

#[test]
fn an_alias_beside_the_type_it_stands_for_makes_two_constructors_in_hlsl() {
    let source = "alias Pair = array<f32, 2>;
        @compute @workgroup_size(1) fn main() {
            let alias_of = Pair(1.0, 2.0);
            let spelled = array<f32, 2>(3.0, 4.0);
        }";
    let module = naga::front::wgsl::parse_str(source).expect("WGSL");
    let info = validator().validate(&module).expect("valid");
    let text = hlsl(&module, &info).expect("HLSL");
    assert!(defined_twice(&text).is_some(), "naga has got over it, and `defined_twice` may go:\n{text}");
}

#[test]
fn bindings_read_from_the_text_are_naga_s() {
    for kernel in kernels().iter().step_by(5) {
        let (source, module, _) = checked(kernel);
        let mut seen: Vec<(u32, bool)> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let binding = variable.binding.as_ref()?;
                assert_eq!(binding.group, 0);
                Some((binding.binding, variable.space == naga::AddressSpace::Uniform))
            })
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, bindings(&source), "{kernel:?}");
        for (_, constant) in module.overrides.iter() {
            let name = constant.name.as_deref().expect("named");
            assert_eq!(declared(&source, &[(name, 0.0)]).len(), 1, "{kernel:?}: {name}");
        }
    }
}

#[test]
fn params_are_the_shader_s() {
    let (_, module, _) = checked(&KernelSpec::Sum { scanned: true });
    let (_, ty) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Params")).expect("Params");
    let naga::TypeInner::Struct { members, span: bytes } = &ty.inner else { panic!("Params is a struct") };
    let names: Vec<&str> = members.iter().filter_map(|member| member.name.as_deref()).collect();
    assert_eq!(names, Params::FIELDS);
    assert_eq!(*bytes as usize, size_of::<Params>());
    for (at, member) in members.iter().enumerate() {
        assert_eq!(member.offset as usize, 4 * at);
    }
}

#[test]
fn records_are_the_shader_s() {
    let extras = Extras::default();
    let merge = MergeKernel {
        kind: Kind::SoftmaxCe,
        targets: TargetForm::Classes,
        options: RowOptions { best: true, ..RowOptions::default() },
        extras,
    };
    let (_, module, _) = checked(&KernelSpec::Merge(merge));
    let (_, ty) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("RowStatistics")).expect("Record");
    let naga::TypeInner::Struct { members, span: bytes } = &ty.inner else { panic!("RowStatistics is a struct") };
    let names: Vec<&str> = members.iter().filter_map(|member| member.name.as_deref()).collect();
    assert_eq!(names, ["max", "rest", "a", "d", "best", "best_at", "greatest", "flags"]);
    assert_eq!(*bytes as usize, size_of::<crate::layout::RowStatistics>());
}

#[test]
fn at_most_eight_storage_buffers_without_rare_options() {
    let common = LossKernel {
        traversal: Traversal::Row,
        team: Team::WorkgroupTree,
        pass: Pass::Whole,
        kind: Kind::SoftmaxCe,
        dtype: Dtype::F32,
        targets: TargetForm::Lists,
        missing: false,
        teacher: Dtype::F32,
        options: options(Kind::Ce, TargetForm::Lists, true, Transform::Softcap),
        vectors: true,
        positions: 4,
        peeled: true,
        long_sums: true,
        dense_vectors: true,
        wide: false,
        wide_integers: WideIntegers::default(),
        puts_nan_in: true,
        widens_in_integers: false,
        load_vectors: 1,
        grad: Grad::Separate,
        scanned: true,
        weighted: true,
        extras: Extras { losses: true, lse: true, argmax: true, ..Extras::default() },
    };
    // With every option, loss and gradient.
    let options = options(Kind::SoftmaxCe, TargetForm::Lists, true, Transform::Softcap);
    let all = LossKernel { options, extras: Extras { losses: true, ..Extras::default() }, ..common };
    for kernel in [common, all] {
        let storage = bindings(&KernelSpec::Loss(kernel).source()).iter().filter(|(_, uniform)| !uniform).count();
        assert!(storage <= 8, "{storage}");
    }
}
