//! The forms that targets come in.

/// The forms of target: four of labels, and a teacher's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TargetForm {
    /// One class a row.
    Classes,
    /// A list of classes a row.
    Lists,
    /// One 0/1 byte an element.
    MultiHot,
    /// One probability an element.
    Probabilities,
    /// One score an element, of a teacher.
    Logits,
}

impl TargetForm {
    /// The four forms of labels: all but [`Logits`](TargetForm::Logits).
    pub const ALL: &'static [TargetForm] =
        &[TargetForm::Classes, TargetForm::Lists, TargetForm::MultiHot, TargetForm::Probabilities];

    /// The name: `classes`, `lists`, `multi-hot`, `probabilities`, `logits`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TargetForm::Classes => "classes",
            TargetForm::Lists => "lists",
            TargetForm::MultiHot => "multi-hot",
            TargetForm::Probabilities => "probabilities",
            TargetForm::Logits => "logits",
        }
    }

    /// Whether there is one target an element.
    #[must_use]
    pub fn is_dense(self) -> bool {
        matches!(self, TargetForm::MultiHot | TargetForm::Probabilities | TargetForm::Logits)
    }
}

impl std::fmt::Display for TargetForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
