//! `cargo xtask demo`: a classifier of handwritten digits, trained with any of the losses.

mod chart;
mod data;
mod model;
mod random;
mod report;
mod task;
mod train;

use std::path::{Path, PathBuf};

use gpu_loss::GpuLoss;
use gpu_loss::builder::AdapterFilter;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::{describe, say};
use crate::{Result, setup};
use data::Digits;
use task::{Task, tasks};
use train::Course;

/// The accuracy that every training must reach, in percent.
const BAR: f64 = 95.0;

/// How to train.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The loss
    #[arg(long, default_value = "softmax-ce", value_name = "NAME", help = format!("The loss: {}", losses()))]
    loss: String,
    /// The form of the targets, for losses that have several here: classes, lists, multi-hot or probabilities
    #[arg(long, value_name = "FORM")]
    targets: Option<String>,
    /// Train with every loss in turn, and compare them in a table
    #[arg(long, conflicts_with_all = ["loss", "targets"])]
    all: bool,
    /// Passes over the training pictures
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    epochs: u16,
}

/// Trains, tells of it, draws the curves, and fails where a network has not learned or the GPU was wrong.
pub(crate) fn demo(args: &Args) -> Result<()> {
    let tasks = if args.all { tasks() } else { vec![chosen(args)?] };
    setup::for_demo()?;
    let gpu = GpuLoss::open(&AdapterFilter::default())?;
    let (train, test) = data::split()?;
    say(&format!("Adapter: {}", describe(gpu.adapter_info())));
    say(&format!(
        "Handwritten digits of 8×8 pixels: {} to train on, {} to test with. Losses and gradients come from the GPU;\n\
         \"off by\" is the largest difference of any of them from the float64 reference, in every batch of an epoch,\n\
         and how much that is of what the library promises.",
        train.len(),
        test.len()
    ));
    let epochs = usize::from(args.epochs);
    let mut courses = Vec::new();
    for task in tasks {
        courses.push(follow(&gpu, task, (&train, &test), epochs, args.all)?);
    }
    if args.all {
        say(&format!("\n{}", report::table(&courses)));
    }
    let path = drawing()?;
    std::fs::write(&path, chart::draw(&courses)).map_err(|error| format!("{}: {error}", path.display()))?;
    say(&format!("The curves are in {}", path.display()));
    report::verdict(&courses)?;
    say(&report::success(&courses));
    Ok(())
}

/// The names of the losses.
fn losses() -> String {
    let mut losses: Vec<&str> = tasks().into_iter().map(Task::loss).collect();
    losses.dedup();
    losses.join(", ")
}

/// The task of this name, or which there are.
fn chosen(args: &Args) -> Result<Task> {
    let loss = args.loss.to_lowercase().replace('_', "-");
    let tasks: Vec<Task> = tasks().into_iter().filter(|task| task.loss() == loss).collect();
    let Some(plain) = tasks.first() else {
        return Err(format!("there is no loss {}: expected one of {}", args.loss, losses()).into());
    };
    let Some(form) = &args.targets else { return Ok(*plain) };
    let found = tasks.iter().find(|task| task.form.name() == form);
    found.copied().ok_or_else(|| {
        let forms: Vec<&str> = tasks.iter().map(|task| task.form.name()).collect();
        format!("{loss} is not trained on {form} here: expected {}", forms.join(" or ")).into()
    })
}

/// Trains with a bar on a terminal; every epoch is a line unless only the result is asked for.
fn follow(gpu: &GpuLoss, task: Task, data: (&Digits, &Digits), epochs: usize, brief: bool) -> Result<Course> {
    let title = format!("{} on {}", task.loss(), task.form.name());
    if !brief {
        say(&format!("\n{title}: {}", task.question()));
    }
    let batches = train::batches(data.0, epochs) as u64;
    let bar = ProgressBar::with_draw_target(Some(batches), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{bar:30} {msg}  {elapsed} of about {duration}")?);
    bar.set_message(title.clone());
    let course = train::train(
        gpu,
        task,
        data,
        epochs,
        || bar.inc(1),
        |number, epoch| {
            if !brief {
                bar.suspend(|| say(&report::line(task, number, epochs, epoch)));
            }
        },
    );
    bar.finish_and_clear();
    let course = course.map_err(|error| format!("{title}: {error}"))?;
    if brief {
        say(&report::summary(&course));
    }
    Ok(course)
}

/// Where the curves go, its folder made.
fn drawing() -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(folder)?,
        None => Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target"),
    };
    let folder = target.join("demo");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.join("loss.svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(loss: &str, targets: Option<&str>) -> Args {
        Args { loss: loss.into(), targets: targets.map(Into::into), all: false, epochs: 1 }
    }

    #[test]
    fn every_task_is_found_by_its_names() {
        for task in tasks() {
            let found = chosen(&args(task.loss(), Some(task.form.name())));
            assert_eq!(found.ok(), Some(task));
        }
        assert_eq!(chosen(&args("sigmoid_CE", None)).ok(), Some(tasks()[5]));
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let answer = |loss, targets| chosen(&args(loss, targets)).expect_err("no such task").to_string();
        assert_eq!(
            answer("hinge", None),
            "there is no loss hinge: expected one of ce, bce, softmax-ce, sigmoid-ce, softmax-focal, sigmoid-focal, poly-1, asymmetric, info-nce"
        );
        assert_eq!(
            answer("sigmoid-ce", Some("lists")),
            "sigmoid-ce is not trained on lists here: expected multi-hot or classes"
        );
    }
}
