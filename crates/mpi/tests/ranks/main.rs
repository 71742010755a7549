//! The crate's promises over real ranks: run by cargo, this program starts itself under `mpirun`, with the name of a
//! scenario and as many ranks as it asks for.

mod batch;
mod data;
mod example;
mod faults;
mod launch;
mod losses;
mod one;

use launch::{Ending, Scenario};

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "losses", ranks: &[1, 2, 3, 4, 7], run: losses::against_the_reference, ending: Ending::Well },
    Scenario { name: "bits", ranks: &[2, 3, 4, 7], run: losses::bits_stay, ending: Ending::Well },
    Scenario { name: "all-reduce", ranks: &[2, 4, 7], run: losses::by_all_reduce, ending: Ending::Well },
    Scenario { name: "chunks", ranks: &[2, 3], run: losses::by_chunks, ending: Ending::Well },
    Scenario { name: "data", ranks: &[3], run: data::one_mean, ending: Ending::Well },
    Scenario { name: "grid", ranks: &[4], run: data::grid, ending: Ending::Well },
    Scenario { name: "mismatch", ranks: &[3], run: faults::mismatch, ending: Ending::Well },
    Scenario { name: "targets", ranks: &[3], run: faults::targets, ending: Ending::Well },
    Scenario { name: "device", ranks: &[3], run: faults::device, ending: Ending::Well },
    Scenario { name: "threads", ranks: &[2], run: faults::threads, ending: Ending::Well },
    Scenario { name: "killed", ranks: &[4], run: faults::killed, ending: Ending::All(&["Killed"]) },
    Scenario {
        name: "panic",
        ranks: &[3],
        run: faults::panics,
        ending: Ending::All(&["a test's", "rank 1 of 3 ends all ranks: it panicked"]),
    },
    Scenario {
        name: "error",
        ranks: &[3],
        run: faults::gives_up,
        ending: Ending::All(&["rank 1 of 3 ends all ranks: N is 3, expected 4"]),
    },
    Scenario {
        name: "absent",
        ranks: &[3],
        run: faults::absent,
        ending: Ending::All(&["of 3 ends all ranks: the other ranks have not all entered the exchange within 2s"]),
    },
];

fn main() {
    match std::env::var(launch::SCENARIO) {
        Ok(name) => launch::as_rank(SCENARIOS, &name),
        Err(_) => launch::all(SCENARIOS),
    }
}
