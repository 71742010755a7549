//! `benches/compilers.md`: the compiler's numbers for readers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::family::{Family, held};
use super::radv::{GPUS, Numbers};
use super::record::{Sum, Sums};
use super::task::Compiled;

/// Kernels with spills that are named.
const NAMED: usize = 40;
/// The ways that hold rows in registers, for which the instructions an element are told.
const RESIDENT: [&str; 5] = [
    "four-rows/thread",
    "resident-row/subgroup",
    "resident-row/workgroup",
    "resident-row/workgroup-tree",
    "resident-column/thread",
];
/// The most instructions an element, for softmax_ce on classes.
const BARS: [(&str, f64); 3] = [("f32", 10.0), ("f16", 13.0), ("bf16", 15.0)];
/// The fewest waves of 32, on the newest GPU, where rows are resident.
const WAVES: u32 = 16;

/// The page.
pub(super) fn page(driver: &str, compiled: &[Compiled], part: Option<u64>) -> String {
    let gpus = GPUS.map(|gpu| gpu.name).join(" and ");
    let (all, option) = match part {
        Some(part) => (format!(" One family in {part} was compiled, and those that the bars are about."), ""),
        None => (String::new(), " --full"),
    };
    let mut page = format!(
        "# What AMD's compiler makes of the kernels\n\nMade by `cargo xtask compilers --record{option}`: ACO of {driver}, for {gpus}, without \
         a GPU.{all} Kernels are those of `gpu-loss shaders --profile NAME`; a profile's families of which each kernel is also \
         one of a profile above are left out. `benches/compilers.tsv` has the families one by one.\n\n"
    );
    page.push_str(&summary(compiled));
    page.push_str(&slopes(compiled));
    page.push_str(&bars(compiled));
    page.push_str(&spilling(compiled));
    page
}

/// By profile, way and type.
fn summary(compiled: &[Compiled]) -> String {
    let mut groups: BTreeMap<(&str, &str, &str), (Sums, [u32; GPUS.len()])> = BTreeMap::new();
    for Compiled { family: Family { profile, way, dtype, .. }, verdicts, .. } in compiled {
        let (sums, spilling) = groups.entry((profile, way, dtype)).or_default();
        for ((sum, spilling), verdict) in sums.iter_mut().zip(spilling).zip(verdicts) {
            if let Ok(numbers) = verdict {
                sum.add(numbers);
                *spilling += u32::from(numbers.spilled_vgprs > 0);
            }
        }
    }
    let mut text = format!(
        "## By profile, way and type\n\nFor {}: most vector registers; kernels that spill; fewest waves of 32; instructions, in \
         the mean.\n\n| profile | way | type | kernels | VGPRs | spill | waves | instructions |\n|---|---|---|---|---|---|---|---|\n",
        GPUS.map(|gpu| gpu.name).join(" / ")
    );
    for ((profile, way, dtype), (sums, spilling)) in groups {
        let each = |value: fn(&Sum) -> u32| sums.iter().map(|s| value(s).to_string()).collect::<Vec<_>>().join(" / ");
        let spilling = spilling.map(|count| count.to_string()).join(" / ");
        let _ = writeln!(
            text,
            "| {profile} | {way} | {dtype} | {} | {} | {spilling} | {} | {} |",
            sums[0].kernels,
            each(|sum| sum.vgprs),
            each(|sum| sum.waves),
            each(|sum| sum.instructions / sum.kernels.max(1)),
        );
    }
    text + "\n"
}

/// Instructions that one more element of a row in registers costs: by the two kernels without options that hold fewest
/// and most.
fn slope(compiled: &[&Compiled], gpu: usize) -> Option<f64> {
    let plain = |one: &&&Compiled| one.kernel.made_for.as_ref().is_some_and(|made_for| !made_for.everything);
    let number = |one: &&Compiled| Some((held(&one.kernel)?, one.verdicts[gpu].as_ref().ok()?.instructions));
    let points: Vec<(u32, u32)> = compiled.iter().filter(plain).filter_map(number).collect();
    let (least, most) = (points.iter().min()?, points.iter().max()?);
    (most.0 > least.0).then(|| (f64::from(most.1) - f64::from(least.1)) / f64::from(most.0 - least.0))
}

/// Kernels of the first profile's families in one way, by loss and targets, then by type.
fn by_loss<'a>(
    compiled: &'a [Compiled],
    way: &str,
) -> BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, Vec<&'a Compiled>>> {
    let mut found: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
    for one in compiled.iter().filter(|one| one.family.way == way && one.kernel.made_for.is_some()) {
        let Family { profile, loss, targets, dtype, .. } = &one.family;
        let first = profile == "discrete" || (profile == "no-subgroups" && way.ends_with("tree"));
        if first {
            let types: &mut BTreeMap<_, Vec<_>> = found.entry((loss.as_str(), targets.as_str())).or_default();
            types.entry(dtype.as_str()).or_default().push(one);
        }
    }
    found
}

fn slopes(compiled: &[Compiled]) -> String {
    let newest = GPUS.len() - 1;
    let mut text = format!(
        "## Instructions an element\n\nOf rows in registers, on {}, for kernels without options: how many one more element \
         costs, in f32 / f16 / bf16.\n\n| loss | targets |",
        GPUS[newest].name
    );
    let _ = writeln!(text, " {} |\n|---|---|{}", RESIDENT.join(" | "), "---|".repeat(RESIDENT.len()));
    let mut rows: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for (at, way) in RESIDENT.iter().enumerate() {
        for (key, types) in by_loss(compiled, way) {
            let each = ["f32", "f16", "bf16"].map(|dtype| {
                let slope = types.get(dtype).and_then(|kernels| slope(kernels, newest));
                slope.map_or_else(|| "–".to_owned(), |slope| format!("{slope:.1}"))
            });
            let cells = rows.entry(key).or_insert_with(|| vec![String::new(); RESIDENT.len()]);
            if each.iter().any(|cell| cell != "–") {
                cells[at] = each.join(" / ");
            }
        }
    }
    rows.retain(|_, cells| cells.iter().any(|cell| !cell.is_empty()));
    for ((loss, targets), cells) in rows {
        let _ = writeln!(text, "| {loss} | {targets} | {} |", cells.join(" | "));
    }
    text + "\n"
}

/// What does not hold.
fn bars(compiled: &[Compiled]) -> String {
    let newest = GPUS.len() - 1;
    let mut text = "## Bars\n\nNo spill and no scratch under `discrete`; ".to_owned();
    let _ = write!(
        text,
        "at least {WAVES} waves of 32 on {} where rows are resident; for `softmax_ce` on classes",
        GPUS[newest].name
    );
    let words = BARS.map(|(dtype, most)| format!("{most:.0} instructions an element in {dtype}"));
    let _ = writeln!(text, " at most {}.\n", words.join(", "));
    for way in RESIDENT {
        let losses = by_loss(compiled, way);
        for (dtype, most) in BARS {
            let kernels = losses.get(&("softmax_ce", "classes")).and_then(|types| types.get(dtype));
            if let Some(slope) = kernels.and_then(|kernels| slope(kernels, newest)) {
                let verdict = if slope <= most { "holds" } else { "**missed**" };
                let _ =
                    writeln!(text, "- {verdict}: {way} in {dtype}, {slope:.1} of {most:.0} instructions an element.");
            }
        }
        let few = |numbers: &Numbers| numbers.waves < WAVES;
        let kernels: Vec<_> = losses.values().flat_map(|types| types.values()).flatten().collect();
        let below = kernels.iter().filter(|one| one.verdicts[newest].as_ref().is_ok_and(few)).count();
        if !kernels.is_empty() {
            let verdict = if below == 0 { "holds" } else { "**missed**" };
            let _ = writeln!(
                text,
                "- {verdict}: {way}, {below} of {} kernels with fewer than {WAVES} waves.",
                kernels.len()
            );
        }
    }
    let spilling = |one: &&Compiled| {
        let spills = |numbers: &Numbers| numbers.spilled_vgprs > 0 || numbers.scratch > 0;
        one.family.profile == "discrete" && one.verdicts.iter().flatten().any(spills)
    };
    let all = compiled.iter().filter(|one| one.family.profile == "discrete").count();
    let count = compiled.iter().filter(spilling).count();
    let verdict = if count == 0 { "holds" } else { "**missed**" };
    let _ = writeln!(text, "- {verdict}: {count} of {all} kernels of `discrete` spill or have scratch.\n");
    text
}

/// The kernels that spill most.
fn spilling(compiled: &[Compiled]) -> String {
    let spilled =
        |one: &Compiled| one.verdicts.iter().flatten().map(|n| n.spilled_vgprs.max(n.scratch / 4)).max().unwrap_or(0);
    let mut all: Vec<&Compiled> = compiled.iter().filter(|one| spilled(one) > 0).collect();
    if all.is_empty() {
        return "## Spills\n\nNo kernel spills, and none has scratch.\n".to_owned();
    }
    all.sort_by_key(|one| std::cmp::Reverse(spilled(one)));
    let shown = all.len().min(NAMED);
    let mut text = format!(
        "## Spills\n\nThe {shown} worst of {} kernels: vector registers spilled, and bytes of a wave's scratch, on {}.\n\n| kernel | made for | spilled | \
         scratch | VGPRs |\n|---|---|---|---|---|\n",
        all.len(),
        GPUS.map(|gpu| gpu.name).join(" / ")
    );
    for one in all.iter().take(NAMED) {
        let each = |value: fn(&Numbers) -> u32| {
            let values =
                one.verdicts.iter().map(|v| v.as_ref().map_or_else(|_| "refused".into(), |n| value(n).to_string()));
            values.collect::<Vec<String>>().join(" / ")
        };
        let made_for = one.kernel.made_for.as_ref().map_or_else(String::new, |made_for| {
            let [n, classes, inner] = made_for.shape;
            format!("{n} × {classes} × {inner}{}", if made_for.everything { ", every option" } else { "" })
        });
        let _ = writeln!(
            text,
            "| {} | {made_for} | {} | {} | {} |",
            one.family,
            each(|n| n.spilled_vgprs),
            each(|n| n.scratch),
            each(|n| n.vgprs),
        );
    }
    text
}
