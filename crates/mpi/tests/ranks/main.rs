//! The crate's promises over real ranks: run by cargo, this program starts itself under `mpirun`, with the name of a
//! scenario and as many ranks as it asks for.

mod batch;
mod cases;
mod data;
mod example;
mod faults;
mod launch;
mod losses;
mod one;
mod overlap;
mod sizes;

use launch::{Ending, Scenario};

const WELL: Scenario = Scenario { name: "", ranks: &[3], run: || (), ending: Ending::Well, unseen: false };

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "losses", ranks: &[1, 2, 3, 4, 7], run: losses::against_the_reference, ..WELL },
    Scenario { name: "f32", run: losses::in_f32, ..WELL },
    Scenario { name: "bits", ranks: &[2, 3, 4, 7], run: losses::bits_stay, ..WELL },
    Scenario { name: "all-reduce", ranks: &[2, 4, 7], run: losses::by_all_reduce, ..WELL },
    Scenario { name: "chunks", ranks: &[2, 3], run: losses::by_chunks, ..WELL },
    Scenario { name: "overlap", ranks: &[2], run: overlap::next_chunks_are_under_way, ..WELL },
    Scenario { name: "sizes", ranks: &[3, 7], run: sizes::of_all_kinds, ..WELL },
    Scenario { name: "data", run: data::one_mean, ..WELL },
    Scenario { name: "grid", ranks: &[4], run: data::grid, ..WELL },
    Scenario { name: "options", run: faults::other_options, ..WELL },
    Scenario { name: "layouts", run: faults::other_layouts, ..WELL },
    Scenario { name: "targets", run: faults::targets, ..WELL },
    Scenario { name: "device", run: faults::device, ..WELL },
    Scenario { name: "threads", ranks: &[2], run: faults::threads, ..WELL },
    // Every launcher says it in words of its own, and both have this one.
    Scenario { name: "killed", ranks: &[4], run: faults::killed, ending: Ending::All(&["Killed"]), ..WELL },
    Scenario { name: "killed unseen", run: faults::killed, ending: Ending::All(&[ABSENT]), unseen: true, ..WELL },
    Scenario {
        name: "panic",
        run: faults::panics,
        ending: Ending::All(&["a test's", "rank 1 of 3 ends all ranks: it panicked"]),
        ..WELL
    },
    Scenario {
        name: "error",
        run: faults::gives_up,
        ending: Ending::All(&["rank 1 of 3 ends all ranks: N is 3, expected 4"]),
        ..WELL
    },
    Scenario { name: "absent", run: faults::absent, ending: Ending::All(&[ABSENT]), ..WELL },
];

/// What ranks say that have waited for another for too long.
const ABSENT: &str = "of 3 ends all ranks: the other ranks have not all entered the exchange within 2s: one has died, or \
                      left the loop";

fn main() {
    match std::env::var(launch::SCENARIO) {
        Ok(name) => launch::as_rank(SCENARIOS, &name),
        Err(_) => launch::all(SCENARIOS),
    }
}
