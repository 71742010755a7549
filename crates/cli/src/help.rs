//! What `--help` teaches below the options.

use gpu_loss::loss::Kind;
use gpu_loss::loss::OptionName;

use crate::takers::{listing, takers, those};

pub(crate) const PROGRAM: &str = "\
Examples:
  gpu-loss run batch.safetensors --loss softmax-ce
  gpu-loss run batch.npz --loss softmax-ce --label-smoothing 0.1 --ignore-index -100 --output out.npz
  gpu-loss run batch.safetensors --loss sigmoid-focal --gamma 2 --alpha 0.25 --reduction sum
  gpu-loss adapters
  gpu-loss --backend vulkan verify --quick
  gpu-loss bench --json bench.json --report report

Colour and progress are for terminals; NO_COLOR=1 switches colour off there too. RUST_LOG=info tells what wgpu does.

Exit codes: 0 done, 1 a check failed, 2 bad input or usage, 3 no adapter or a device fault
(a kernel that computes wrongly is one).";

/// What `run` reads and writes.
pub(crate) fn run() -> String {
    let given = listing(&those(Kind::takes_probabilities));
    let class_weights = listing(&takers(OptionName::ClassWeights));
    let pos_weight = listing(&takers(OptionName::PosWeight));
    let class_bias = listing(&takers(OptionName::ClassBias));
    let entropy_upstream = listing(&takers(OptionName::EntropyCoefficient));
    format!(
        "\
INPUT holds these tensors:
  logits                     the scores, [N, C] or [N, C, d1, …]: f32, f16 (bf16 in .safetensors),
                             or f64, rounded to f32
  probabilities              in their place for {given}, in [0, 1]
  targets                    integers [N, d1, …]: one class a row ([N, 1, …] will do)
                             u8 or bool of the scores' shape: multi-hot (integers of 0 and 1 too);
                             255 where a label is not known, for losses of elements
                             floats of the scores' shape: probabilities
  teacher                    in their place for distillation: a teacher's scores, of the shape of logits
  target_offsets, target_indices
                             or lists of classes: row r has indices[offsets[r]..offsets[r + 1]]
  class_weights [C]          optional: {class_weights}
  pos_weight [C]             optional: {pos_weight}
  class_bias [C]             optional: {class_bias}
  element_weights            optional, of the scores' shape: the losses of elements
  upstream                   optional, of the unreduced loss's shape: with --reduction none
  entropy_upstream           optional, [N, d1, …]: with --reduction none, {entropy_upstream}
  hidden [N, H], weight [V, H]
                             in place of logits for linear-ce, of one type: logits = hidden·weightᵀ,
                             and bias [V], optional, is added to each row
Weights of fewer elements are spread as NumPy spreads arrays. Scores [N] are one row of classes for
losses of rows, and binary for losses of elements. What is understood without being said is told as
a note; tensors that do not count are listed, and refused if their names say that they should.
Or INPUT is logits.npy, with targets.npy and so on beside it.

OUTPUT then holds loss (f32), grad (the scores' type and shape), for the softmax losses also losses
and lse (f32, [N, d1, …]), and what --outputs names: losses, lse, argmax (u32, [N, d1, …]; 4294967295
in ignored rows), correct (i64, the number of rows), log_prob and entropy (f32), rank (u32, as argmax), all three
[N, d1, …], grad_class_bias (f32, [C]). It is replaced whole or not at all. For linear-ce it holds, in place of
grad, grad_hidden (the type and shape of hidden), grad_weight (f32, as weight), and grad_bias (f32) with a bias.

From PyTorch:
  safetensors.torch.save_file({{'logits': logits, 'targets': labels}}, 'batch.safetensors')
  gpu-loss run batch.safetensors --loss softmax-ce --output out.safetensors
From NumPy:
  numpy.savez('batch.npz', logits=logits, targets=labels)
  gpu-loss run batch.npz --loss softmax-ce --softcap 30 --z-loss 1e-4 --output out.npz
From a pipe, the format told by the first bytes:
  xz --decompress --stdout batch.safetensors.xz | gpu-loss run - --loss softmax-ce --json

--json prints one object: loss (the name), value (the loss), correct (rows, or null), reduction, targets, rows, classes,
shape, dtype, tensors (the names of those that were used), ignored (of those that were not), notes, strategy, adapter,
backend, driver, first_call_ms (kernels are built and tested in it), time_ms (of a later call), check with kept,
loss_share, grad_share and outputs_share (largest errors as shares of the promised ones), rows_that_differ (in argmax,
correctness or rank), nan_rows, and output (the path, or null). A
number that is none is the string \"NaN\", \"inf\" or \"-inf\"."
    )
}

pub(crate) const ADAPTERS: &str = "\
Examples:
  gpu-loss adapters
  gpu-loss adapters --json --backend vulkan
  gpu-loss --adapter llvmpipe adapters

--json prints an array of objects: adapter, backend, driver, profile, taken (whether run takes it), type, subgroup_sizes ([min,
max] or null), shader_f16, timestamps, max_workgroup_invocations, max_workgroup_bytes, max_storage_buffers, max_binding_bytes, max_buffer_bytes.";

pub(crate) const VERIFY: &str = "\
Examples:
  gpu-loss verify --quick                    a sample on every adapter, within a minute
  gpu-loss --backend vulkan verify           all of it, on Vulkan's adapters
  gpu-loss verify --quick --json > verify.json

Adapters are checked at the same time, one thread each. Exit code 1: something is outside the promised accuracy.

--json prints one object: combinations, failed, seconds, and adapters, an array of adapter, backend, driver, failures
(as text) and rows: loss, targets, dtype, combinations, strategies, loss_share, loss_error, grad_share, grad_error
(largest errors as shares of the promised ones, and by themselves). An infinite share is the string \"inf\".";

pub(crate) const SHADERS: &str = "\
Examples:
  gpu-loss shaders --out kernels
  gpu-loss shaders batch.safetensors --loss softmax-ce --out program

Kernels are made for the adapter at hand, or for a --profile. Those with subgroup operations begin with `enable subgroups;`, which Tint
(Dawn, Chrome) asks for.

DIR/manifest.json holds adapter, backend, driver, subgroup_sizes, kernels and programs. A kernel has file, label,
made_for (shape, strategy and whether all options are on, in the first plan that it is in; null for those of a program
or a linear layer), entry_point, subgroups, constants (values of the overrides that it declares) and bindings (binding,
type: uniform or storage, all in group 0). A program is a batch under one strategy: buffers (name, size, file: what it begins with, null
for zeros) and dispatches, to be run in order (kernel: its place in kernels, workgroups, bindings: binding, buffer,
offset, size, null for all the rest).";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  gpu-loss completions bash > ~/.local/share/bash-completion/completions/gpu-loss
  gpu-loss completions zsh > ~/.zfunc/_gpu-loss
  gpu-loss completions fish > ~/.config/fish/completions/gpu-loss.fish";

pub(crate) const MAN: &str = "\
Examples:
  gpu-loss man | man --local-file -
  gpu-loss man --out ~/.local/share/man/man1";
