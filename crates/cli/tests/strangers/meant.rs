//! What is plainly meant comes to what is said outright.

use std::path::Path;
use std::sync::Mutex;

use crate::common::{Array, backends, bytes, doubles, floats, longs, npz, run};

const SCORES: [f32; 12] = [0.5, -1.0, 2.0, 0.25, 1.5, 0.0, -0.75, 3.0, -2.0, 1.0, 0.125, -0.5];
const HOT: [u8; 12] = [0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1];
const WEIGHTS: [f32; 12] = [1.0, 2.0, 0.5, 0.0, 3.0, 1.0, 1.0, 0.25, 2.0, 2.0, 1.0, 4.0];

/// Two files for the same loss: as a stranger makes it, and outright; and words that must be said of the first.
struct Pair {
    args: &'static str,
    given: Vec<Array>,
    outright: Vec<Array>,
    said: &'static str,
}

fn scores() -> Array {
    floats("logits", &[3, 4], &SCORES)
}

fn hot() -> Array {
    bytes("targets", &[3, 4], &HOT)
}

fn pair(args: &'static str, given: Vec<Array>, outright: Vec<Array>, said: &'static str) -> Pair {
    Pair { args, given, outright, said }
}

fn labels() -> Array {
    longs("targets", &[3], &[1, 0, 3])
}

fn pairs() -> Vec<Pair> {
    let softmax = "--loss softmax-ce";
    let sigmoid = "--loss sigmoid-ce";
    let none = "--loss softmax-ce --reduction none";
    let wide = SCORES.map(f64::from);
    let hot_longs = HOT.map(i64::from);
    let column = |values: &[f32]| -> Vec<f32> { values.iter().flat_map(|v| [*v; 4]).collect() };
    let row = |values: &[f32]| values.repeat(3);
    let weighted = |shape: &[usize], values: &[f32]| vec![scores(), hot(), floats("element_weights", shape, values)];
    let by_class = |name, shape: &[usize], values: &[f32]| vec![scores(), labels(), floats(name, shape, values)];
    let flat = |name, values: &[f32]| floats(name, &[values.len()], values);
    vec![
        pair(softmax, vec![doubles("logits", &[3, 4], &wide), labels()], vec![scores(), labels()], "rounded to f32"),
        pair(
            softmax,
            vec![scores(), longs("targets", &[3, 1], &[1, 0, 3])],
            vec![scores(), labels()],
            "'targets' [3, 1] is read as labels [3]",
        ),
        pair(
            sigmoid,
            vec![scores(), longs("targets", &[3, 4], &hot_longs)],
            vec![scores(), hot()],
            "is read as multi-hot",
        ),
        pair(
            sigmoid,
            vec![flat("logits", &SCORES), longs("targets", &[12], &hot_longs)],
            vec![floats("logits", &[12, 1], &SCORES), bytes("targets", &[12, 1], &HOT)],
            "'logits' [12] is read as [12, 1]: one binary score a row",
        ),
        pair(
            softmax,
            vec![flat("logits", &SCORES), longs("targets", &[], &[7])],
            vec![floats("logits", &[1, 12], &SCORES), longs("targets", &[1], &[7])],
            "'logits' [12] is read as [1, 12]: one row of classes",
        ),
        pair(
            "--loss softmax-focal",
            vec![flat("logits", &SCORES), longs("targets", &[1], &[7])],
            vec![floats("logits", &[1, 12], &SCORES), longs("targets", &[1], &[7])],
            "one row of classes",
        ),
        pair(
            sigmoid,
            weighted(&[3, 1], &[1.0, 0.0, 2.5]),
            weighted(&[3, 4], &column(&[1.0, 0.0, 2.5])),
            "'element_weights' [3, 1] is spread to [3, 4]",
        ),
        pair(sigmoid, weighted(&[4], &WEIGHTS[..4]), weighted(&[3, 4], &row(&WEIGHTS[..4])), "is spread to [3, 4]"),
        pair(
            softmax,
            by_class("class_weights", &[1, 4], &WEIGHTS[..4]),
            by_class("class_weights", &[4], &WEIGHTS[..4]),
            "'class_weights' [1, 4] is read as [4], one a class",
        ),
        pair(
            sigmoid,
            by_class("pos_weight", &[], &[2.5]),
            by_class("pos_weight", &[4], &[2.5; 4]),
            "'pos_weight' [] is one weight for all 4 classes",
        ),
        pair(none, by_class("upstream", &[], &[2.5]), by_class("upstream", &[3], &[2.5; 3]), "is spread to [3]"),
        pair(
            none,
            by_class("upstream", &[3, 1], &WEIGHTS[..3]),
            by_class("upstream", &[3], &WEIGHTS[..3]),
            "is spread to [3]",
        ),
    ]
}

/// The loss, and the bytes of the gradient.
fn results(directory: &Path, name: &str, backend: &str, args: &str) -> Result<(String, Vec<u8>, String), String> {
    let ended = run(directory, &format!("--backend {backend} run {name}.npz {args} -o {name}.out.npz"));
    if ended.code != Some(0) {
        return Err(ended.stderr);
    }
    let file = std::fs::File::open(directory.join(format!("{name}.out.npz"))).map_err(|e| e.to_string())?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| e.to_string())?;
    let mut array = Vec::new();
    std::io::copy(&mut archive.by_name("grad.npy").map_err(|e| e.to_string())?, &mut array)
        .map_err(|e| e.to_string())?;
    let header = usize::from(u16::from_le_bytes([array[8], array[9]]));
    let loss = ended.stdout.lines().next().unwrap_or_default().to_owned();
    Ok((loss, array.split_off(10 + header), ended.stdout))
}

#[test]
fn what_is_plainly_meant_comes_to_what_is_said_outright() {
    let (directory, backends) = (tempfile::tempdir().expect("a directory"), backends());
    let pairs = pairs();
    let (next, faults) = (Mutex::new(pairs.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let job = || next.lock().expect("no panic").next();
                while let Some((at, Pair { args, given, outright, said })) = job() {
                    let backend = backends[at % backends.len()];
                    let of = |name: String, arrays: &[Array]| {
                        std::fs::write(directory.path().join(format!("{name}.npz")), npz(arrays)).expect("writable");
                        results(directory.path(), &name, backend, args)
                    };
                    let fault = match (of(format!("given{at}"), given), of(format!("outright{at}"), outright)) {
                        (Ok((loss, grad, text)), Ok((expected, slope, _))) => {
                            (loss != expected || grad != slope || !text.contains(said))
                                .then(|| format!("{expected}, expected with '{said}':\n{text}"))
                        }
                        (given, outright) => Some(format!("{:?} {:?}", given.err(), outright.err())),
                    };
                    faults.lock().expect("no panic").extend(fault.map(|fault| format!("{args} ({said}): {fault}")));
                }
            });
        }
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A directory of `.npy` files, each named for what it holds.
#[test]
fn arrays_in_files_of_their_own_are_read_by_their_names() {
    use crate::common::npy;
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, array: Vec<u8>| std::fs::write(directory.path().join(name), array).expect("writable");
    let data: Vec<u8> = [3.0_f32, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    write("logits.npy", npy("'<f4'", "False", "(1, 2)", &data));
    write("other.npy", npy("'<f4'", "False", "(1, 2)", &data));
    let alone = run(directory.path(), "run logits.npy --loss softmax-ce");
    assert!(alone.stderr.contains("no tensor 'targets': the file has logits, other"), "{}", alone.stderr);
    write("targets.npy", npy("'<i8'", "False", "(1,)", &1_i64.to_le_bytes()));
    let ended = run(directory.path(), "run logits.npy --loss softmax-ce");
    assert!(ended.stdout.starts_with("loss      0.69314"), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("not used  other\n"), "{}", ended.stdout);
    let unnamed = run(directory.path(), "run other.npy --loss softmax-ce");
    assert_eq!(unnamed.code, Some(2));
    assert!(unnamed.stderr.contains("call it logits.npy"), "{}", unnamed.stderr);
}
