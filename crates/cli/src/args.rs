//! What the command line holds.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gpu_loss::builder::AdapterFilter;
use gpu_loss::loss::EmptyMean;
use gpu_loss::plan::Strategy;
use gpu_loss::{Reduction, wgpu};

use crate::bench::BenchArgs;
use crate::environment;
use crate::failure::Failure;
use crate::help;
use crate::loss_name::LossName;
use crate::numbers::{Numbers, number};

/// Fused cross-entropy losses on any GPU: loss and gradient in one pass, checked against a float64 reference.
#[derive(Debug, Parser)]
#[command(name = "gpu-loss", version, after_help = help::PROGRAM, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) adapter: AdapterArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compute a loss and its gradient on a file's tensors, and check both against the reference
    Run(Box<RunArgs>),
    /// List every adapter: backend, driver, and the limits and features that matter here
    Adapters(AdaptersArgs),
    /// Check every loss × target × strategy × type on every adapter against the reference
    Verify(VerifyArgs),
    /// Time the losses on device memory against the best copy of the same number of bytes
    Bench(Box<BenchArgs>),
    /// Write every kernel as plain WGSL, for another WebGPU implementation
    Shaders(Box<ShadersArgs>),
    /// Print a script that completes commands and options in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// Which adapters to use.
#[derive(Debug, Args)]
pub(crate) struct AdapterArgs {
    /// Use only this backend [default: all; environment: WGPU_BACKEND]
    #[arg(long, global = true, value_name = "BACKEND", help_heading = "Adapter")]
    backend: Option<Backend>,
    /// Use only adapters whose name holds this, in any case [environment: WGPU_ADAPTER_NAME]
    #[arg(long, global = true, value_name = "SUBSTRING", help_heading = "Adapter")]
    adapter: Option<String>,
}

impl AdapterArgs {
    /// Whether an adapter is asked for on the command line.
    pub(crate) fn is_given(&self) -> bool {
        self.backend.is_some() || self.adapter.is_some()
    }

    /// The library's filter: the options, else the environment, where an empty variable is one that is not set.
    pub(crate) fn filter(&self) -> Result<AdapterFilter, Failure> {
        let backends = match self.backend {
            Some(Backend::Vulkan) => wgpu::Backends::VULKAN,
            Some(Backend::Metal) => wgpu::Backends::METAL,
            Some(Backend::Dx12) => wgpu::Backends::DX12,
            Some(Backend::Gl) => wgpu::Backends::GL,
            None => environment::backends()?.unwrap_or(wgpu::Backends::PRIMARY | wgpu::Backends::GL),
        };
        let mut filter = AdapterFilter { backends, ..AdapterFilter::default() };
        if let Some(name) = &self.adapter {
            filter.name = Some(name.clone());
        }
        Ok(filter)
    }
}

/// Kinds of devices, by what plans go by on them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Profile {
    /// A graphics card: subgroups of 32 to 64
    Discrete,
    /// A processor's own GPU: subgroups of 8 to 32
    Integrated,
    /// Apple's GPUs, as Metal describes them: subgroups of 4 to 64
    Apple,
    /// A GPU without subgroups
    NoSubgroups,
    /// A processor that plays a GPU: subgroups of 4 to 16
    Cpu,
}

impl Profile {
    /// The library's name of it, with the subgroups that such devices have.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Discrete => "discrete:32-64",
            Profile::Integrated => "integrated:8-32",
            Profile::Apple => "apple:4-64",
            Profile::NoSubgroups => "no-subgroups",
            Profile::Cpu => "cpu:4-16",
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Backend {
    Vulkan,
    Metal,
    Dx12,
    Gl,
}

/// `gpu-loss adapters`
#[derive(Debug, Args)]
#[command(after_help = help::ADAPTERS)]
pub(crate) struct AdaptersArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `gpu-loss verify`
#[derive(Debug, Args)]
#[command(after_help = help::VERIFY)]
pub(crate) struct VerifyArgs {
    /// A sample within a minute: every loss × targets × option, and × type, on one shape and strategy each
    /// (all of it, with every strategy, takes a software adapter some minutes)
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `gpu-loss run`
#[derive(Debug, Args)]
#[command(after_help = help::run())]
pub(crate) struct RunArgs {
    /// The tensors: a .safetensors or .npz file, logits.npy with targets.npy beside it, or - for standard input
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
    /// Which loss
    #[arg(long, value_name = "NAME")]
    pub(crate) loss: LossName,
    /// Write loss and gradient to this .safetensors or .npz file
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Force who walks a row [default: chosen by shape and adapter; environment: GPU_LOSS_STRATEGY]
    #[arg(long, value_name = "NAME", value_parser = strategy)]
    pub(crate) strategy: Option<Strategy>,
    /// Compute and write these too [default: losses,lse for the softmax losses]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) outputs: Vec<OutputName>,
    /// MiB that the logits of a chunk of rows may take [default: 256] (linear-ce)
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) memory_mib: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: LossOptions,
}

/// `gpu-loss shaders`
#[derive(Debug, Args)]
#[command(after_help = help::SHADERS)]
pub(crate) struct ShadersArgs {
    /// The batch whose kernels and data are written [default: the kernels of every loss, without data]
    #[arg(value_name = "INPUT", requires = "loss")]
    pub(crate) input: Option<PathBuf>,
    /// The directory that the files go into; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Which loss, for a batch
    #[arg(long, value_name = "NAME", requires = "input")]
    pub(crate) loss: Option<LossName>,
    /// As a device of this kind would have them [default: as the adapter has them]
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(crate) profile: Option<Profile>,
    /// Outputs of a batch's kernels besides loss, losses and gradient, as `run` has them
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "input")]
    pub(crate) outputs: Vec<OutputName>,
    #[command(flatten)]
    pub(crate) options: LossOptions,
}

/// `gpu-loss completions`
#[derive(Debug, Args)]
#[command(after_help = help::COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// `gpu-loss man`
#[derive(Debug, Args)]
#[command(after_help = help::MAN)]
pub(crate) struct ManArgs {
    /// Write gpu-loss.1, gpu-loss-run.1, … into this directory; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

fn strategy(name: &str) -> Result<Strategy, String> {
    name.parse().map_err(|_| {
        let names: Vec<&str> = Strategy::ALL.iter().map(|s| s.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn label(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "expected an integer of 64 bits".to_owned())
}

/// The options of the losses, each absent unless given.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of the losses")]
pub(crate) struct LossOptions {
    /// How losses become one [default: mean]
    #[arg(long, value_name = "HOW")]
    pub(crate) reduction: Option<ReductionName>,
    /// Rows with this label count for nothing; class targets only
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true, value_parser = label)]
    pub(crate) ignore_index: Option<i64>,
    /// What the mean divides by, in place of its own count
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true, value_parser = number)]
    pub(crate) denominator: Option<f32>,
    /// What a mean over nothing is, as where every row is ignored [default: nan]
    #[arg(long, value_name = "WHAT")]
    pub(crate) empty_mean: Option<EmptyMeanName>,
    /// Those that some losses have
    #[command(flatten)]
    pub(crate) numbers: Numbers,
}

/// The reductions by their names on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReductionName {
    /// One loss a row, or an element
    None,
    /// The sum
    Sum,
    /// The mean over what counts
    Mean,
    /// The sum divided by N
    #[value(alias = "batch_mean", alias = "batchmean")]
    BatchMean,
}

impl ReductionName {
    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ReductionName::None => "none",
            ReductionName::Sum => "sum",
            ReductionName::Mean => "mean",
            ReductionName::BatchMean => "batch-mean",
        }
    }

    pub(crate) fn reduction(self) -> Reduction {
        match self {
            ReductionName::None => Reduction::None,
            ReductionName::Sum => Reduction::Sum,
            ReductionName::Mean => Reduction::Mean,
            ReductionName::BatchMean => Reduction::BatchMean,
        }
    }
}

/// What a mean over nothing is, by its name on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EmptyMeanName {
    /// NaN, as PyTorch has it
    Nan,
    /// 0
    Zero,
}

impl EmptyMeanName {
    pub(crate) fn empty_mean(self) -> EmptyMean {
        match self {
            EmptyMeanName::Nan => EmptyMean::Nan,
            EmptyMeanName::Zero => EmptyMean::Zero,
        }
    }
}

/// What is wanted besides loss and gradient, by the names of the tensors that OUT then holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputName {
    /// The losses before reduction
    Losses,
    /// Each row's log-sum-exp (the softmax losses)
    Lse,
    /// Each row's class with the highest score (losses of rows)
    Argmax,
    /// How many rows' highest score is at a true class (losses of rows)
    Correct,
    /// Each row's log-probability of its true class (the softmax losses on classes)
    LogProb,
    /// Each row's entropy (the softmax losses)
    Entropy,
    /// How many classes go before each row's true one (the softmax losses on classes)
    Rank,
    /// The gradient of 'class_bias' (losses that take one)
    GradClassBias,
}

/// What clap has to say, on one line: its message and hints, without the usage text.
pub(crate) fn usage_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut line = String::new();
    for part in text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
    {
        // What is listed line by line under a colon is listed behind it here.
        let joint = match line.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) if line.contains("not provided: ") => ", ",
            Some(_) => "; ",
        };
        line = line + joint + part;
    }
    format!("{} (see --help)", line.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn options(args: &[&str]) -> LossOptions {
        let all = ["gpu-loss", "run", "x.npz", "--loss", "softmax-ce"].iter().chain(args);
        match Cli::try_parse_from(all).map(|cli| cli.command) {
            Ok(Command::Run(run)) => run.options,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    /// The value of an option by its name in the library.
    fn given(name: &str, args: &[&str]) -> Option<f32> {
        options(args).numbers.0.into_iter().find(|(option, _)| option.name() == name).map(|(_, value)| value)
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_takes_its_value_both_ways_and_negative_ones_too() {
        assert_eq!(options(&["--ignore-index", "-100"]).ignore_index, Some(-100));
        assert_eq!(options(&["--ignore-index=-100"]).ignore_index, Some(-100));
        assert_eq!(given("z_loss", &["--z-loss", "-1e-3"]), Some(-1e-3));
        assert_eq!(given("z_loss", &["--z-loss=-1e-3"]), Some(-1e-3));
        assert_eq!(given("label_smoothing", &["--label-smoothing", "-0.5"]), Some(-0.5));
        assert_eq!(given("softcap", &["--softcap=30"]), Some(30.0));
        assert_eq!(given("alpha", &["--logit-scale", "0.5", "--gamma=-1", "--alpha", "-.5"]), Some(-0.5));
        assert_eq!(options(&["--denominator", "-inf"]).denominator, Some(f32::NEG_INFINITY));
        assert!(matches!(options(&["--empty-mean=zero"]).empty_mean, Some(EmptyMeanName::Zero)));
    }

    #[test]
    fn an_unknown_loss_gets_a_suggestion_on_one_line() {
        let error = Cli::try_parse_from(["gpu-loss", "run", "x.npz", "--loss", "sofmax-ce"]).unwrap_err();
        let line = usage_line(&error);
        assert!(!line.contains('\n'), "{line}");
        assert!(line.contains("sofmax-ce") && line.contains("similar") && line.contains("'softmax-ce'"), "{line}");
    }

    #[test]
    fn missing_arguments_are_listed_behind_the_colon() {
        let line = usage_line(&Cli::try_parse_from(["gpu-loss", "run"]).unwrap_err());
        let expected = "the following required arguments were not provided: --loss <NAME>, <INPUT> (see --help)";
        assert_eq!(line, expected);
        let line = usage_line(&Cli::try_parse_from(["gpu-loss", "verify", "--quik"]).unwrap_err());
        assert!(line.starts_with("unexpected argument '--quik' found; tip: a similar argument"), "{line}");
    }
}
