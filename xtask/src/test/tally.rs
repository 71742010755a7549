//! How the tests of one run ended.

use std::path::Path;

/// Tests by how they ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// Name and reason of each.
    pub(super) skipped: Vec<String>,
}

impl Tally {
    /// Takes in a line of what a test binary prints.
    pub(super) fn count(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            let of = |what: &str| -> usize {
                let counts = counts.split([';', '.']).map(str::trim);
                counts
                    .filter_map(|count| count.strip_suffix(what))
                    .find_map(|n| n.trim().parse().ok())
                    .unwrap_or_default()
            };
            self.passed += of(" passed");
            self.failed += of(" failed");
        } else if let Some((name, how)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ignored")) {
            self.skipped.push(format!("{name}{}", how.replacen(", ", ": ", 1)));
        }
    }

    /// Takes in what tests wrote that found nothing to test: the runner counts them as passed.
    pub(super) fn take_skips(&mut self, file: &Path) {
        let Ok(text) = std::fs::read_to_string(file) else { return };
        let skipped: Vec<String> = text.lines().map(str::to_owned).collect();
        self.passed = self.passed.saturating_sub(skipped.len());
        self.skipped.extend(skipped);
        let _ = std::fs::remove_file(file);
    }

    /// The last line, which counters of tests read.
    pub(super) fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_not_counted_as_passed() {
        let mut tally = Tally::default();
        for line in [
            "test large ... ignored, takes 8 GiB",
            "test small ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            tally.count(line);
        }
        let file = std::env::temp_dir().join(format!("gpu-loss-skips-{}", std::process::id()));
        std::fs::write(&file, "from_python: there is no PyTorch\n").expect("a folder for temporary files");
        tally.take_skips(&file);
        assert_eq!(tally.line(), "4 passed, 1 failed, 2 skipped");
        assert_eq!(tally.skipped, ["large: takes 8 GiB", "from_python: there is no PyTorch"]);
    }
}
