//! Names of tensors, and slips in names.

/// Every tensor that means something.
pub(crate) const KNOWN: [&str; 12] = [
    "logits",
    "probabilities",
    "targets",
    "teacher",
    "target_offsets",
    "target_indices",
    "class_weights",
    "pos_weight",
    "element_weights",
    "upstream",
    "class_bias",
    "entropy_upstream",
];

/// The first name that is a slip of an absent known one, with that one.
pub(crate) fn near_miss<'a>(
    absent: impl Iterator<Item = &'static str>,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Option<(&'static str, &'a str)> {
    absent.into_iter().find_map(|known| names.clone().find(|name| is_slip(known, name)).map(|name| (known, name)))
}

/// Whether a name differs from a known one by case, by separators, or by at most two letters.
fn is_slip(known: &str, name: &str) -> bool {
    if name.len() > known.len() + 4 {
        return false;
    }
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<Vec<char>>();
    distance(&plain(known), &plain(name)) <= 2
}

/// Levenshtein's distance.
pub(crate) fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_names_are_not() {
        for (known, name) in [
            ("targets", "target"),
            ("logits", "Logits"),
            ("class_weights", "classWeights"),
            ("pos_weight", "pos_weights"),
            ("target_offsets", "target-offset"),
            ("logits", "lgoits"),
        ] {
            assert_eq!(near_miss([known].into_iter(), [name].into_iter()), Some((known, name)));
        }
        for (known, name) in
            [("targets", "labels"), ("logits", "hidden"), ("upstream", "stream_of_things"), ("logits", "")]
        {
            assert_eq!(near_miss([known].into_iter(), [name].into_iter()), None);
        }
    }
}
