//! What the compilers said when they were last asked, family by family: `benches/compilers.tsv`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::family::Family;
use super::radv::{GPUS, Numbers};
use crate::Result;

/// How many more instructions than recorded are too many.
const GROWTH: f64 = 1.05;

/// The numbers of a family's kernels on one GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) kernels: u32,
    /// Of the kernel with the most.
    pub(super) vgprs: u32,
    /// Vector registers spilled, in all.
    pub(super) spilled: u32,
    /// Scalar registers spilled into vector registers, in all.
    pub(super) spilled_scalars: u32,
    /// Of the kernel with the most.
    pub(super) scratch: u32,
    /// Of the kernel with the fewest.
    pub(super) waves: u32,
    /// In all.
    pub(super) instructions: u32,
}

impl Default for Sum {
    fn default() -> Self {
        let waves = u32::MAX;
        Sum { kernels: 0, vgprs: 0, spilled: 0, spilled_scalars: 0, scratch: 0, waves, instructions: 0 }
    }
}

impl Sum {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        self.kernels += 1;
        self.vgprs = self.vgprs.max(numbers.vgprs);
        self.spilled += numbers.spilled_vgprs;
        self.spilled_scalars += numbers.spilled_sgprs;
        self.scratch = self.scratch.max(numbers.scratch);
        self.waves = self.waves.min(numbers.waves);
        self.instructions += numbers.instructions;
    }

    fn fields(&self) -> [u32; 6] {
        [self.vgprs, self.spilled, self.spilled_scalars, self.scratch, self.waves, self.instructions]
    }
}

/// One sum a GPU.
pub(super) type Sums = [Sum; GPUS.len()];

/// All families, and the driver that was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record {
    pub(super) driver: String,
    pub(super) families: BTreeMap<Family, Sums>,
}

/// What a run has against a record.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Findings {
    /// What must not be.
    pub(super) worse: Vec<String>,
    /// Families that are compiled with at least so many fewer instructions that the record should be made anew.
    pub(super) better: usize,
    /// Families that the record does not have.
    pub(super) new: usize,
}

impl Record {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# Made by `cargo xtask compilers --record`: {}.\n# kernels; then, for {} each: most VGPRs, spilled VGPRs, spilled \
             SGPRs, most scratch, fewest waves of 32, instructions.\n",
            self.driver,
            GPUS.map(|gpu| gpu.name).join(" and "),
        );
        for (family, sums) in &self.families {
            let Family { profile, way, loss, targets, dtype } = family;
            let _ = write!(text, "{profile}\t{way}\t{loss}\t{targets}\t{dtype}\t{}", sums[0].kernels);
            for number in sums.iter().flat_map(Sum::fields) {
                let _ = write!(text, "\t{number}");
            }
            text.push('\n');
        }
        text
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut record = Record::default();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                let driver = comment.split_once("--record`: ").and_then(|(_, driver)| driver.strip_suffix('.'));
                record.driver = driver.map_or(std::mem::take(&mut record.driver), str::to_owned);
                continue;
            }
            let wrong = || format!("this is no line of the record: {line}");
            let words: Vec<&str> = line.split('\t').collect();
            let Some(([profile, way, loss, targets, dtype], numbers)) = words.split_first_chunk() else {
                return Err(wrong().into());
            };
            let numbers: Vec<u32> = numbers.iter().map(|word| word.parse()).collect::<std::result::Result<_, _>>()?;
            let (kernels, numbers) = numbers.split_first().ok_or_else(wrong)?;
            let mut sums = Sums::default();
            for (sum, fields) in sums.iter_mut().zip(numbers.chunks(6)) {
                let &[vgprs, spilled, spilled_scalars, scratch, waves, instructions] = fields else {
                    return Err(wrong().into());
                };
                *sum = Sum { kernels: *kernels, vgprs, spilled, spilled_scalars, scratch, waves, instructions };
            }
            let [profile, way, loss, targets, dtype] =
                [profile, way, loss, targets, dtype].map(|&word| word.to_owned());
            record.families.insert(Family { profile, way, loss, targets, dtype }, sums);
        }
        Ok(record)
    }

    /// What is worse here than in a record.
    pub(super) fn against(&self, recorded: &Record) -> Findings {
        let mut findings = Findings::default();
        for (family, sums) in &self.families {
            let Some(before) = recorded.families.get(family) else {
                findings.new += 1;
                for (gpu, sum) in GPUS.iter().zip(sums).filter(|(_, sum)| sum.spilled > 0 || sum.scratch > 0) {
                    findings.worse.push(format!(
                        "{}: {family} is not in the record, and spills {} registers",
                        gpu.name, sum.spilled
                    ));
                }
                continue;
            };
            for (gpu, (now, before)) in GPUS.iter().zip(sums.iter().zip(before)) {
                let name = gpu.name;
                if now.spilled > before.spilled || now.scratch > before.scratch {
                    findings.worse.push(format!(
                        "{name}: {family} spills {} registers into {} bytes, recorded {} and {}",
                        now.spilled, now.scratch, before.spilled, before.scratch
                    ));
                }
                // Where there are more kernels or fewer, a mean one counts.
                let each = |sum: &Sum| f64::from(sum.instructions) / f64::from(sum.kernels.max(1));
                if each(now) > GROWTH * each(before) {
                    findings.worse.push(format!(
                        "{name}: {family} has {:.0} instructions, recorded {:.0}",
                        each(now),
                        each(before)
                    ));
                }
                findings.better += usize::from(each(now) * GROWTH < each(before));
            }
        }
        findings
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {} {}", self.profile, self.way, self.loss, self.targets, self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(instructions: u32, spilled: u32) -> Record {
        let [profile, way, loss, targets, dtype] = ["discrete", "row/thread", "ce", "lists", "f16"].map(str::to_owned);
        let sum = Sum { kernels: 2, vgprs: 48, spilled, spilled_scalars: 1, scratch: 0, waves: 16, instructions };
        let families = BTreeMap::from([(Family { profile, way, loss, targets, dtype }, [sum; 2])]);
        Record { driver: "Mesa 22.3.6".into(), families }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let one = record(1000, 3);
        assert_eq!(Record::parse(&one.text()).expect("a record"), one);
        assert!(Record::parse("discrete\trow/thread\tce").is_err());
    }

    #[test]
    fn more_instructions_and_new_spills_are_found() {
        assert_eq!(record(1049, 3).against(&record(1000, 3)), Findings::default());
        assert_eq!(record(1060, 3).against(&record(1000, 3)).worse.len(), 2);
        assert_eq!(record(1000, 4).against(&record(1000, 3)).worse.len(), 2);
        assert_eq!(record(900, 0).against(&record(1000, 3)), Findings { better: 2, ..Findings::default() });
        let unknown = record(1000, 1).against(&Record::default());
        assert_eq!((unknown.new, unknown.worse.len()), (1, 2));
        assert_eq!(record(1000, 0).against(&Record::default()).worse.len(), 0);
    }
}
