//! What a kernel's label says of it: who takes which rows how.

use super::Kernel;

/// Kernels that differ in lengths and options alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Family {
    pub(super) profile: String,
    /// The way over the scores and who goes it, or what else a kernel does.
    pub(super) way: String,
    pub(super) loss: String,
    pub(super) targets: String,
    pub(super) dtype: String,
}

/// What stands for no loss, no targets and no type.
const NOTHING: &str = "-";

impl Family {
    /// A kernel's, by its label: `gpu-loss LOSS TARGETS TYPE TRAVERSAL/TEAM`, or `gpu-loss` and what else it does.
    pub(super) fn of(kernel: &Kernel) -> Self {
        let profile = kernel.name.split('/').next().unwrap_or(NOTHING).to_owned();
        let label = kernel.label.strip_prefix("gpu-loss ").unwrap_or(&kernel.label);
        let mut words = label.splitn(4, ' ');
        if let (Some(loss), Some(targets), Some(dtype), Some(way)) =
            (words.next(), words.next(), words.next(), words.next())
            && let Some((traversal, team)) = way.rsplit_once('/')
        {
            let way = format!("{}/{}", plain(traversal), plain(team));
            return Family { profile, way, loss: loss.into(), targets: targets.into(), dtype: dtype.into() };
        }
        let [loss, targets, dtype] = [NOTHING; 3].map(str::to_owned);
        Family { profile, way: plain(label), loss, targets, dtype }
    }
}

/// A name of Rust's without what is in it, in words.
fn plain(name: &str) -> String {
    let name = name.split(['(', '{', ' ']).next().unwrap_or(name);
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// How many elements of its rows an invocation of a kernel holds in registers, if it does, and if rows lie on vectors.
pub(super) fn held(kernel: &Kernel) -> Option<u32> {
    if kernel.label.contains("edges: true") {
        return None;
    }
    let after = |word: &str| {
        let rest = kernel.label.split_once(word)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    // Vectors of a row, or a class in each of four rows.
    ["vectors: ", "FourRows(", "ResidentColumn("].into_iter().find_map(after).map(|fours| 4 * fours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(label: &str) -> Kernel {
        Kernel {
            name: "discrete/0007 a.wgsl".into(),
            label: label.into(),
            made_for: None,
            wgsl: String::new(),
            constants: std::collections::BTreeMap::new(),
            bindings: Vec::new(),
        }
    }

    #[test]
    fn a_label_says_who_takes_which_rows_how() {
        let label = "gpu-loss softmax_ce classes f16 ResidentRow(ResidentRow { vectors: 8, whole: 3, edges: false })/WorkgroupTree";
        let kernel = labelled(label);
        let family = Family::of(&kernel);
        let words = [&family.profile, &family.loss, &family.targets, &family.dtype, &family.way];
        assert_eq!(words, ["discrete", "softmax_ce", "classes", "f16", "resident-row/workgroup-tree"]);
        assert_eq!(held(&kernel), Some(32));
        let rows = labelled("gpu-loss ce lists f32 FourRows(10)/Thread");
        assert_eq!((Family::of(&rows).way.as_str(), held(&rows)), ("four-rows/thread", Some(40)));
        let scan = labelled("gpu-loss ScanLabels { weighted: false, wide: true }");
        assert_eq!(
            (Family::of(&scan).way.as_str(), Family::of(&scan).loss.as_str(), held(&scan)),
            ("scan-labels", "-", None)
        );
    }
}
