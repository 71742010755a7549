//! Bad input: exit code 2, one line that names the thing and the place, an old output left as it was, and quickly.

mod common;

use std::time::{Duration, Instant};

use common::{Array, Ended, bytes, doubles, floats, longs, npy, npz, npz_of, run, safetensors};

/// An input, arguments after `run INPUT`, and words that the line must have.
struct Case {
    file: &'static str,
    content: Option<Vec<u8>>,
    args: &'static str,
    words: Vec<&'static str>,
}

fn case(file: &'static str, content: Vec<u8>, args: &'static str, words: &[&'static str]) -> Case {
    Case { file, content: Some(content), args, words: words.to_vec() }
}

fn logits() -> Array {
    floats("logits", &[3, 4], &[0.5; 12])
}

fn labels() -> Array {
    longs("targets", &[3], &[0, 3, 1])
}

fn good() -> Vec<u8> {
    npz(&[logits(), labels()])
}

const OLD: &[u8] = b"an old output";

/// Runs the cases in a directory with an old output, and gathers what went wrong.
fn check(cases: &[Case]) {
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.npz");
    let mut faults = Vec::new();
    for Case { file, content, args, words } in cases {
        let input = directory.path().join(file);
        if let Some(content) = content {
            std::fs::write(&input, content).expect("writable");
        }
        std::fs::write(&output, OLD).expect("writable");
        let to = if args.contains("--output") { "" } else { "--output out.npz" };
        let args = format!("run {file} {args} {to}");
        let mut fault = |what: String| faults.push(format!("{args}: {what}"));
        // The quickest of three: other programs may be at work.
        let (mut quickest, mut ended) = (Duration::MAX, None::<Ended>);
        for _ in 0..3 {
            let start = Instant::now();
            ended = Some(run(directory.path(), &args));
            quickest = quickest.min(start.elapsed());
            if quickest < Duration::from_secs(1) {
                break;
            }
        }
        let ended = ended.expect("it ran");
        if quickest >= Duration::from_secs(1) {
            fault(format!("took {quickest:?}"));
        }
        if ended.code != Some(2) {
            fault(format!("exit code {:?}: {}{}", ended.code, ended.stdout, ended.stderr));
        }
        if ended.stderr.lines().count() != 1 || !ended.stdout.is_empty() {
            fault(format!("expected one line on standard error: {}{}", ended.stdout, ended.stderr));
        }
        for word in words.iter().filter(|word| !ended.stderr.contains(**word)) {
            fault(format!("no '{word}' in: {}", ended.stderr));
        }
        if std::fs::read(&output).expect("still there") != OLD {
            fault("the old output changed".into());
        }
        let left = std::fs::read_dir(directory.path()).expect("readable").flatten();
        for stray in left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".gpu-loss-")) {
            fault(format!("left {:?}", stray.path()));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn targets_that_do_not_fit_the_scores() {
    let with = |targets: Array| npz(&[logits(), targets]);
    let lists = |offsets: &[i64], indices: &[i64]| {
        let offsets = longs("target_offsets", &[offsets.len()], offsets);
        npz(&[logits(), offsets, longs("target_indices", &[indices.len()], indices)])
    };
    let softmax = "--loss softmax-ce";
    check(&[
        case("a.npz", with(longs("targets", &[3], &[0, 7, -3])), softmax, &["a.npz", "row 1: class 7", "0..4", "2"]),
        case("a.npz", with(longs("targets", &[3], &[0, 1, -100])), softmax, &["row 2: class -100"]),
        case(
            "a.npz",
            with(longs("targets", &[3], &[0, 4, -1])),
            "--loss sigmoid-ce --ignore-index -1",
            &["row 1: class 4"],
        ),
        case("a.npz", with(longs("targets", &[4], &[0; 4])), softmax, &["'targets' is i64 [4]", "integers [3]"]),
        case("a.npz", with(longs("targets", &[3, 4], &[0; 12])), softmax, &["'targets' is i64 [3, 4]"]),
        case("a.npz", with(floats("targets", &[3], &[0.0; 3])), softmax, &["'targets' is f32 [3]", "floats [3, 4]"]),
        case(
            "a.npz",
            with(bytes("targets", &[4, 3], &[0; 12])),
            softmax,
            &["'targets' is u8 [4, 3]", "[3, 4] (multi-hot)"],
        ),
        case("a.npz", with(bytes("targets", &[3, 4], &[2; 12])), softmax, &["targets at [0, 0] is 2", "0 or 1"]),
        case("a.npz", with(bytes("targets", &[3, 4], &[1; 12])), "--loss softmax-focal", &["softmax_focal", "classes"]),
        case(
            "a.npz",
            with(floats("targets", &[3, 4], &[1.5; 12])),
            "--loss sigmoid-ce",
            &["targets at [0, 0] is 1.5", "[0, 1]"],
        ),
        case("a.npz", lists(&[0, 2, 2, 3], &[2, 1, 0]), softmax, &["row 0: class 1 follows class 2"]),
        case("a.npz", lists(&[0, 1, 2, 3], &[2, 4, 0]), softmax, &["row 1: class 4 is outside 0..4"]),
        case("a.npz", lists(&[0, 2, 2, 9], &[0, 1, 2]), softmax, &["row 2", "9, past the 3 indices"]),
        case("a.npz", lists(&[0, 2, 1, 3], &[0, 1, 2]), softmax, &["row 1", "from 2 to 1"]),
        case("a.npz", lists(&[0, 1, 2], &[0, 1]), softmax, &["target_offsets", "[3]", "[4]"]),
        case("a.npz", lists(&[0, 1, 2, 2], &[0, 1, 2]), softmax, &["last offset is 2", "3"]),
        case(
            "a.npz",
            npz(&[logits(), longs("target_offsets", &[4], &[0; 4])]),
            softmax,
            &["no tensor 'target_indices'"],
        ),
    ]);
}

#[test]
fn tensors_that_are_missing_wrong_or_of_another_loss() {
    let file = |extra: Array| npz(&[logits(), labels(), extra]);
    let scores = |array: Array| npz(&[array, labels()]);
    let given = |value: f32| {
        let mut values = [0.5; 12];
        values[6] = value;
        npz(&[floats("probabilities", &[3, 4], &values), labels()])
    };
    let softmax = "--loss softmax-ce";
    check(&[
        case("a.npz", npz(&[logits()]), softmax, &["no tensor 'targets'", "logits"]),
        case("a.npz", npz(&[labels()]), softmax, &["no tensor 'logits'", "targets"]),
        case("a.npz", npz(&[logits(), longs("target", &[3], &[0; 3])]), softmax, &["'target'", "'targets'?"]),
        case("a.npz", good(), "--loss ce", &["no tensor 'probabilities'", "'logits' is for"]),
        case(
            "a.npz",
            scores(doubles("logits", &[3, 4], &[0.5; 12])),
            softmax,
            &["'logits' is f64", "f32, f16 or bf16"],
        ),
        case("a.npz", scores(longs("logits", &[3, 4], &[1; 12])), softmax, &["'logits' is i64", "f32, f16 or bf16"]),
        case("a.npz", scores(floats("logits", &[12], &[0.5; 12])), softmax, &["'logits' has shape [12]", "[N, C]"]),
        case("a.npz", scores(floats("logits", &[3, 0], &[])), softmax, &["[3, 0]", "no classes"]),
        case("a.npz", given(1.5), "--loss ce", &["probabilities at [1, 2] is 1.5", "[0, 1]"]),
        case("a.npz", given(-0.25), "--loss bce", &["probabilities at [1, 2] is -0.25"]),
        case("a.npz", given(f32::NAN), "--loss bce", &["probabilities at [1, 2] is NaN"]),
        case(
            "a.npz",
            file(floats("pos_weight", &[3], &[1.0; 3])),
            "--loss sigmoid-ce",
            &["'pos_weight' has shape [3]", "[4]"],
        ),
        case("a.npz", file(floats("pos_weight", &[4], &[1.0; 4])), softmax, &["'pos_weight'", "sigmoid-ce"]),
        case(
            "a.npz",
            file(floats("class_weights", &[4], &[1.0, -1.0, 1.0, 1.0])),
            softmax,
            &["class_weights at [1] is -1"],
        ),
        case("a.npz", file(floats("element_weights", &[3], &[1.0; 3])), "--loss bce", &["no tensor 'probabilities'"]),
        case(
            "a.npz",
            file(floats("element_weights", &[3], &[1.0; 3])),
            "--loss sigmoid-ce",
            &["element_weights", "[3]", "[3, 4]"],
        ),
        case("a.npz", file(floats("upstream", &[3], &[1.0; 3])), softmax, &["'upstream'", "--reduction none"]),
        case(
            "a.npz",
            file(floats("upstream", &[4], &[1.0; 4])),
            "--loss softmax-ce --reduction none",
            &["upstream", "[4]", "[3]"],
        ),
    ]);
}

#[test]
fn options_out_of_range_or_of_another_loss() {
    let refused = |args, words: &[&'static str]| case("a.npz", good(), args, words);
    check(&[
        refused("--loss softmax-ce --label-smoothing=-0.1", &["--label-smoothing is -0.1", "[0, 1]"]),
        refused("--loss softmax-ce --label-smoothing -0.1", &["--label-smoothing is -0.1", "[0, 1]"]),
        refused("--loss softmax-ce --label-smoothing 1.5", &["--label-smoothing is 1.5"]),
        refused("--loss softmax-ce --label-smoothing nan", &["--label-smoothing is NaN"]),
        refused("--loss softmax-ce --label-smoothing some", &["some", "--label-smoothing"]),
        refused("--loss softmax-ce --z-loss=-1e-3", &["--z-loss is -0.001"]),
        refused("--loss softmax-ce --z-loss NaN", &["--z-loss is NaN"]),
        refused("--loss softmax-ce --softcap 0", &["--softcap is 0", "above 0"]),
        refused("--loss softmax-ce --softcap -inf", &["--softcap is -inf"]),
        refused("--loss softmax-ce --logit-scale nan", &["--logit-scale is NaN"]),
        refused("--loss softmax-focal --gamma -1", &["--gamma is -1"]),
        refused("--loss sigmoid-focal --alpha 1.25", &["--alpha is 1.25"]),
        refused("--loss sigmoid-focal --alpha nan", &["--alpha is NaN"]),
        refused("--loss softmax-ce --denominator 0", &["--denominator is 0", "above 0"]),
        refused("--loss softmax-ce --denominator -3", &["--denominator is -3"]),
        refused("--loss softmax-ce --denominator 3 --reduction sum", &["--denominator", "sum", "mean"]),
        refused("--loss sotmax-ce", &["sotmax-ce", "'softmax-ce'"]),
        refused("--loss softmax-ce --label-smothing 0.1", &["--label-smothing", "'--label-smoothing'"]),
        refused("--loss softmax-ce --temperature 2", &["--temperature"]),
        refused("--loss softmax-ce --gamma 2", &["--gamma does not apply to --loss softmax-ce", "softmax-focal"]),
        refused("--loss sigmoid-ce --label-smoothing 0.1", &["--label-smoothing does not apply to --loss sigmoid-ce"]),
        refused("--loss softmax-ce --reduction average", &["average", "batch-mean"]),
    ]);
}

#[test]
fn inputs_that_are_no_such_file() {
    let cut = |mut file: Vec<u8>, share: usize| {
        file.truncate(file.len() * share / 10);
        file
    };
    let text = || b"logits,targets\n0.5,1\n".to_vec();
    let header = r#"{"logits":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"targets":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
    let softmax = "--loss softmax-ce";
    check(&[
        Case { file: "none.npz", content: None, args: softmax, words: vec!["none.npz: no such file"] },
        Case { file: ".", content: None, args: softmax, words: vec!["expected .safetensors or .npz"] },
        case("a.npz", Vec::new(), softmax, &["a.npz: is empty"]),
        case("a.safetensors", Vec::new(), softmax, &["a.safetensors: is empty"]),
        case("a.npz", text(), softmax, &["a.npz: is no .npz file"]),
        case("a.safetensors", text(), softmax, &["a.safetensors", "no .safetensors file"]),
        case("a.csv", text(), softmax, &["a.csv: unknown extension .csv", ".safetensors or .npz"]),
        case("a.npz", cut(good(), 5), softmax, &["a.npz", "damaged"]),
        case("a.npz", cut(good(), 9), softmax, &["a.npz", "damaged"]),
        case("a.safetensors", cut(safetensors(header, &[0; 16]), 9), softmax, &["a.safetensors", "truncated"]),
        case("a.safetensors", cut(safetensors(header, &[0; 16]), 5), softmax, &["a.safetensors", "truncated"]),
    ]);
}

/// Each of these claims something that is not there, or twice.
#[test]
fn headers_that_lie() {
    let softmax = "--loss softmax-ce";
    let place = |name: &str, ty: &str, shape: &str, begin: u64, end: u64| {
        format!(r#""{name}":{{"dtype":"{ty}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
    };
    let file = |places: &[String], data: usize| safetensors(&format!("{{{}}}", places.join(",")), &vec![0; data]);
    let targets = place("targets", "I64", "[1]", 8, 16);
    let labels = || ("targets", npy("'<i8'", "False", "(1,)", &[0; 8]));
    let logits = |descr, order, shape, data: &[u8]| npz_of(&[("logits", npy(descr, order, shape, data)), labels()]);
    let mut claims_all = u64::MAX.to_le_bytes().to_vec();
    claims_all.extend_from_slice(b"{}");
    let mut claims_much = (1_u64 << 40).to_le_bytes().to_vec();
    claims_much.extend_from_slice(&[b' '; 1000]);
    let huge = "[4294967296,1073741824]";
    check(&[
        case("a.safetensors", claims_all, softmax, &["header should have 18446744073709551615 bytes"]),
        case("a.safetensors", claims_much, softmax, &["header should have 1099511627776 bytes"]),
        case(
            "a.safetensors",
            file(&[place("logits", "F32", huge, 0, 1 << 62), targets.clone()], 16),
            softmax,
            &["'logits'"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "F32", "[1,2]", 0, 8), place("logits", "F32", "[1,2]", 8, 16)], 16),
            softmax,
            &["'logits' appears twice"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "F32", "[1,2]", 0, 8), place("targets", "I64", "[1]", 4, 12)], 12),
            softmax,
            &["'targets'", "overlaps"],
        ),
        case(
            "a.safetensors",
            file(&[place("logits", "F64", "[1,1]", 0, 8), targets], 16),
            softmax,
            &["'logits' is f64"],
        ),
        case(
            "a.npz",
            logits("'<f4'", "False", "(1, 99999999999)", &[0; 8]),
            softmax,
            &["'logits'", "would take 399999999996 bytes"],
        ),
        case(
            "a.npz",
            logits("'<f4'", "False", "(9999999999, 9999999999)", &[0; 8]),
            softmax,
            &["'logits'", "impossible shape"],
        ),
        case("a.npz", logits("'<f4'", "False", "(1, 3)", &[0; 8]), softmax, &["'logits' ends after 8 of 12 bytes"]),
        case("a.npz", logits("'<f4'", "False", "(1, 1)", &[0; 8]), softmax, &["'logits' holds more than the 4 bytes"]),
        case("a.npz", logits("'|O'", "False", "(1, 2)", b"cos\nsystem\n"), softmax, &["'logits'", "Python objects"]),
        case("a.npz", logits("[('x', '<f4')]", "False", "(1, 2)", &[0; 8]), softmax, &["'logits'", "structured"]),
        case("a.npz", logits("'<c8'", "False", "(1, 1)", &[0; 8]), softmax, &["'logits'", "<c8"]),
        case("a.npz", bomb(), softmax, &["'logits'", "would take"]),
    ]);
}

/// A gibibyte of zeros in a megabyte.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("logits.npy", zip::write::SimpleFileOptions::default()).expect("a new entry");
    writer.write_all(&npy("'<f4'", "False", "(262144, 1024)", &[])).expect("memory");
    let zeros = vec![0; 1 << 22];
    (0..256).for_each(|_| writer.write_all(&zeros).expect("memory"));
    writer.finish().expect("memory").into_inner()
}

/// With so little address space, nothing can have been taken on a header's word.
#[cfg(target_os = "linux")]
#[test]
fn lies_cost_no_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut lying = (1_u64 << 33).to_le_bytes().to_vec();
    lying.extend_from_slice(b"{}");
    std::fs::write(directory.path().join("a.safetensors"), lying).expect("writable");
    std::fs::write(directory.path().join("a.npz"), bomb()).expect("writable");
    for file in ["a.safetensors", "a.npz"] {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "ulimit -v 400000; exec \"$0\" run \"$1\" --loss softmax-ce"]);
        let ended = common::ended(shell.arg(env!("CARGO_BIN_EXE_gpu-loss")).arg(file).current_dir(directory.path()));
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{file}: {}", ended.stderr);
    }
}

#[test]
fn outputs_that_cannot_be() {
    let refused = |args, words: &[&'static str]| case("a.npz", good(), args, words);
    check(&[
        refused("--loss softmax-ce --output missing/out.npz", &["missing/out.npz", "cannot be written: no such file"]),
        refused("--loss softmax-ce --output a.npz/out.npz", &["a.npz/out.npz", "cannot be written"]),
        refused("--loss softmax-ce --output out.txt", &["out.txt: unknown extension .txt"]),
        refused("--loss softmax-ce --output out", &["out: no extension"]),
    ]);
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.npz"), good()).expect("writable");
    std::fs::create_dir(directory.path().join("d.npz")).expect("writable");
    let ended = run(directory.path(), "run a.npz --loss softmax-ce --output d.npz");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), "gpu-loss: d.npz: is a directory\n"));
}

/// Big-endian and Fortran order are NumPy's own; what they hold counts, not how.
#[test]
fn byte_and_index_order_do_not_matter() {
    let values: [f32; 6] = [0.1, 0.2, 0.3, -1.0, 2.0, 4.0];
    let little = |order: [usize; 6]| order.iter().flat_map(|at| values[*at].to_le_bytes()).collect::<Vec<u8>>();
    let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let labels = || ("targets", npy("'>i4'", "False", "(2,)", &[0, 0, 0, 2, 0, 0, 0, 1]));
    let directory = tempfile::tempdir().expect("a directory");
    let loss = |logits: Vec<u8>| {
        std::fs::write(directory.path().join("a.npz"), npz_of(&[("logits", logits), labels()])).expect("writable");
        let ended = run(directory.path(), "run a.npz --loss softmax-ce");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().next().expect("a loss").to_string()
    };
    let plain = loss(npy("'<f4'", "False", "(2, 3)", &little([0, 1, 2, 3, 4, 5])));
    assert_eq!(loss(npy("'<f4'", "True", "(2, 3)", &little([0, 3, 1, 4, 2, 5]))), plain);
    assert_eq!(loss(npy("'>f4'", "False", "(2, 3)", &big)), plain);
}
