//! The forms that targets come in.

/// The four forms of target.
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
}

impl TargetForm {
    /// All forms.
    pub const ALL: &'static [TargetForm] =
        &[TargetForm::Classes, TargetForm::Lists, TargetForm::MultiHot, TargetForm::Probabilities];

    /// The name: `classes`, `lists`, `multi-hot`, `probabilities`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TargetForm::Classes => "classes",
            TargetForm::Lists => "lists",
            TargetForm::MultiHot => "multi-hot",
            TargetForm::Probabilities => "probabilities",
        }
    }

    /// Whether there is one target an element.
    #[must_use]
    pub fn is_dense(self) -> bool {
        matches!(self, TargetForm::MultiHot | TargetForm::Probabilities)
    }
}

impl std::fmt::Display for TargetForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
