//! What a training came to, in words.

use super::BAR;
use super::task::{Task, attributes};
use super::train::{Course, Epoch};
use crate::Result;

/// One epoch.
pub(super) fn line(task: Task, number: usize, epochs: usize, epoch: &Epoch) -> String {
    let width = epochs.to_string().len();
    format!(
        "epoch {number:>width$}/{epochs}  loss {:.4}  test accuracy {:>5.1} % of {}  off by {}",
        epoch.loss,
        epoch.accuracy,
        task.metric(),
        epoch.off
    )
}

/// One training.
pub(super) fn summary(course: &Course) -> String {
    let last = course.last();
    format!(
        "{:<13} on {:<13}  loss {:.4}  {:>5.1} % of {:<10}  off by {}  {:.1} s",
        course.task.loss(),
        course.task.form.name(),
        last.loss,
        last.accuracy,
        course.task.metric(),
        course.off(),
        course.time.as_secs_f64()
    )
}

/// All trainings.
pub(super) fn table(courses: &[Course]) -> String {
    let mut lines = vec![format!(
        "{:<13}  {:<13}  {:<10}  {:>8}  {:>10}  {:<14}  {:>7}",
        "loss", "targets", "metric", "accuracy", "final loss", "off by", "seconds"
    )];
    for course in courses {
        let last = course.last();
        lines.push(format!(
            "{:<13}  {:<13}  {:<10}  {:>6.1} %  {:>10.4}  {:<14}  {:>7.1}",
            course.task.loss(),
            course.task.form.name(),
            course.task.metric(),
            last.accuracy,
            last.loss,
            course.off().to_string(),
            course.time.as_secs_f64()
        ));
    }
    lines.push(format!(
        "accuracy: the share of test digits that are recognised, or of their attributes ({}),\n\
         of which at least {BAR} % is asked. A digit without attributes (1) is an empty list: its loss is 0, and it is\n\
         not tested on.",
        attributes()
    ));
    lines.join("\n")
}

/// Says that every network has learned and every number was right, or which one was not.
pub(super) fn verdict(courses: &[Course]) -> Result<()> {
    let mut problems = Vec::new();
    for course in courses {
        let name = format!("{} on {}", course.task.loss(), course.task.form.name());
        // NaN is no accuracy either.
        if course.last().accuracy.is_nan() || course.last().accuracy < BAR {
            problems.push(format!(
                "{name}: {:.1} % of {} after {}, expected at least {BAR} %",
                course.last().accuracy,
                course.task.metric(),
                match course.epochs.len() {
                    1 => "1 epoch".into(),
                    count => format!("{count} epochs"),
                }
            ));
        }
        if !course.off().kept() {
            problems.push(format!("{name}: off by {} of what is promised", course.off()));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n       ").into()) }
}

/// What was reached, in a sentence.
pub(super) fn success(courses: &[Course]) -> String {
    match courses {
        [course] => format!(
            "Passed: {:.1} % of the {} of the test pictures are right (at least {BAR} % was asked), after {:.1} s.",
            course.last().accuracy,
            course.task.metric(),
            course.time.as_secs_f64()
        ),
        _ => format!("Passed: all {} trainings reached {BAR} %, every loss and gradient as promised.", courses.len()),
    }
}
