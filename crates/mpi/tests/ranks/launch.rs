//! Starting ranks, and seeing how they end.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The environment variable that makes a process a rank.
pub(crate) const SCENARIO: &str = "GPU_LOSS_MPI_SCENARIO";

/// Something that ranks do together.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// With how many ranks it runs, one run each.
    pub(crate) ranks: &'static [usize],
    pub(crate) run: fn(),
    pub(crate) ending: Ending,
    /// Whether the launcher leaves the others alone where a rank dies; only Open MPI 4 can be told to.
    pub(crate) unseen: bool,
}

/// How a scenario must end.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// With every rank well.
    Well,
    /// With all ranks ended, within 10 seconds of the line [`STRUCK`], and all of these words.
    All(&'static [&'static str]),
}

/// What a rank writes when it is about to do what must end all.
pub(crate) const STRUCK: &str = "about to strike";

const MOST: Duration = Duration::from_secs(10);
const TIME_LIMIT: Duration = Duration::from_secs(400);

/// One rank's part.
pub(crate) fn as_rank(scenarios: &[Scenario], name: &str) {
    let scenario = scenarios.iter().find(|scenario| scenario.name == name).expect("a scenario of this name");
    gpu_loss_mpi::end_all_on_panic();
    (scenario.run)();
}

/// All scenarios, or those whose names the arguments are part of.
pub(crate) fn all(scenarios: &[Scenario]) {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut failed = Vec::new();
    let mut passed = 0;
    for (scenario, ranks) in scenarios.iter().flat_map(|scenario| scenario.ranks.iter().map(move |n| (scenario, *n))) {
        let name = format!("{} on {ranks} ranks", scenario.name);
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word)) {
            continue;
        }
        if scenario.unseen && !recovers() {
            println!("test {name} ... ignored: it takes the launcher of Open MPI 4");
            continue;
        }
        let begin = Instant::now();
        match outcome(scenario, ranks) {
            Ok(()) => {
                passed += 1;
                println!("test {name} ... ok ({:.1} s)", begin.elapsed().as_secs_f64());
            }
            Err(why) => {
                println!("test {name} ... FAILED ({:.1} s)\n{why}", begin.elapsed().as_secs_f64());
                failed.push(name);
            }
        }
    }
    if wanted.is_empty() || wanted.iter().any(|word| "example".contains(word.as_str())) {
        let begin = Instant::now();
        match crate::example::losses_are_those_of_one_rank() {
            Ok(()) => {
                passed += 1;
                println!("test example on 1, 2 and 4 ranks ... ok ({:.1} s)", begin.elapsed().as_secs_f64());
            }
            Err(why) => {
                println!("test example ... FAILED\n{why}");
                failed.push("example".to_owned());
            }
        }
    }
    println!("test result: {passed} passed; {} failed {failed:?}", failed.len());
    if !failed.is_empty() || passed == 0 {
        std::process::exit(1);
    }
}

fn outcome(scenario: &Scenario, ranks: usize) -> Result<(), String> {
    let mut command = mpirun(ranks)?;
    if scenario.unseen {
        command.arg("--enable-recovery");
    }
    command.arg(std::env::current_exe().map_err(|error| error.to_string())?);
    command.env(SCENARIO, scenario.name).env("LP_NUM_THREADS", "1").env("RUST_BACKTRACE", "0");
    let (well, output, since_struck) = watched(command)?;
    match scenario.ending {
        Ending::Well if well => Ok(()),
        Ending::Well => Err(format!("a rank failed:\n{output}")),
        // A launcher that goes on when ranks die takes it for well.
        Ending::All(_) if well && !scenario.unseen => Err(format!("it ended well:\n{output}")),
        Ending::All(words) => match since_struck {
            _ if !words.iter().all(|words| output.contains(words)) => {
                Err(format!("expected the words {words:?} in\n{output}"))
            }
            None => Err(format!("it ended before it was to:\n{output}")),
            Some(time) if time > MOST => Err(format!("the ranks ended after {time:?}, expected {MOST:?}:\n{output}")),
            Some(_) => Ok(()),
        },
    }
}

/// What starts ranks here: `MPIEXEC`, or `mpirun`.
fn launcher() -> String {
    std::env::var("MPIEXEC").unwrap_or_else(|_| "mpirun".to_owned())
}

/// What it says of its version.
fn version() -> Result<String, String> {
    let program = launcher();
    let version = Command::new(&program).arg("--version").output();
    let version = version.map_err(|error| format!("{program}: {error}; `cargo xtask setup --mpi` installs an MPI"))?;
    Ok(String::from_utf8_lossy(&version.stdout).into_owned())
}

/// Whether the launcher can be told to leave ranks alone when another dies.
fn recovers() -> bool {
    version().is_ok_and(|version| version.contains("open-mpi.org") && version.contains(") 4."))
}

/// What starts so many ranks.
pub(crate) fn mpirun(ranks: usize) -> Result<Command, String> {
    let version = version()?;
    let mut command = Command::new(launcher());
    command.args(["-n", &ranks.to_string()]);
    if version.contains("open-mpi.org") {
        command.args(["--oversubscribe", "--allow-run-as-root"]);
    }
    Ok(command)
}

/// Runs to the end: whether it was a good one, all that was written, and the time from [`STRUCK`] on.
pub(crate) fn watched(mut command: Command) -> Result<(bool, String, Option<Duration>), String> {
    let (mut reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let other = writer.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(other).spawn();
    let mut child = child.map_err(|error| format!("{command:?}: {error}"))?;
    drop(command);
    let watcher = std::thread::spawn(move || {
        let (mut text, mut struck) = (Vec::new(), None);
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut part) {
            text.extend_from_slice(&part[..length]);
            if struck.is_none() && String::from_utf8_lossy(&text).contains(STRUCK) {
                struck = Some(Instant::now());
            }
        }
        (String::from_utf8_lossy(&text).into_owned(), struck.map(|at| at.elapsed()))
    });
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if begin.elapsed() > TIME_LIMIT => {
                child.kill().map_err(|error| error.to_string())?;
                let text = watcher.join().map(|(text, _)| text).unwrap_or_default();
                return Err(format!("no end within {TIME_LIMIT:?}:\n{text}"));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let (text, struck) = watcher.join().map_err(|_| "the watcher panicked".to_owned())?;
    Ok((status.success(), text, struck))
}
