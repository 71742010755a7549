//! `gpu-loss bench` on a batch so small that only what it writes counts, not how fast it is.

mod common;

use std::path::Path;

use common::{Ended, run};
use serde_json::Value;

const TINY: &str = "--elements 4096 --quick";
const KEYS: [&str; 20] = [
    "loss",
    "targets",
    "rows",
    "classes",
    "dtype",
    "mode",
    "strategy",
    "profile",
    "backend",
    "adapter",
    "driver",
    "timer",
    "median_ms",
    "min_ms",
    "bytes",
    "gbps",
    "copy_gbps",
    "of_copy",
    "moved_bytes",
    "first_call_ms",
];

fn parsed(path: &Path) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&std::fs::read(path).expect("written")).expect("JSON");
    document.as_array().expect("an array").clone()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} of {row}"))
}

fn count(row: &Value, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_else(|| panic!("{key} of {row}"))
}

fn figure(row: &Value, key: &str) -> f64 {
    let value = row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"));
    assert!(value.is_finite() && value > 0.0, "{key} of {row}");
    value
}

#[test]
fn the_json_has_the_keys_and_types_of_the_contract_on_every_backend() {
    for backend in common::backends() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = directory.path().join("bench.json");
        std::fs::write(&at, "an old one").expect("writable");
        let args = format!("--backend {backend} bench {TINY} --classes 10,100 --json bench.json");
        let ended = run(directory.path(), &args);
        // On a pipe there is no progress to be seen.
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{backend}");
        assert_eq!(std::fs::read_dir(directory.path()).expect("readable").count(), 1, "no temporary file is left");
        let rows = parsed(&at);
        for row in &rows {
            let mut keys: Vec<&str> = row.as_object().expect("an object").keys().map(String::as_str).collect();
            let mut contract = KEYS;
            keys.sort_unstable();
            contract.sort_unstable();
            assert_eq!(keys, contract);
            assert_eq!(text(row, "backend"), backend);
            for key in ["loss", "targets", "strategy", "adapter", "driver"] {
                assert!(!text(row, key).is_empty(), "{key} of {row}");
            }
            assert!(["loss+grad", "loss", "grad"].contains(&text(row, "mode")), "{row}");
            assert!(["gpu", "wall"].contains(&text(row, "timer")), "{row}");
            let (median, least) = (figure(row, "median_ms"), figure(row, "min_ms"));
            assert!(least <= median, "{row}");
            assert!(count(row, "moved_bytes") >= count(row, "bytes"), "{row}");
            let gbps = count(row, "bytes") as f64 / median * 1e-6;
            assert!((figure(row, "gbps") / gbps - 1.0).abs() < 1e-9, "{row}");
            assert!((figure(row, "of_copy") * figure(row, "copy_gbps") / gbps - 1.0).abs() < 1e-9, "{row}");
            assert!([10, 100].contains(&count(row, "classes")), "{row}");
            assert_eq!(count(row, "rows"), 4096 / count(row, "classes"), "{row}");
        }
        let of = |loss: &str, targets: &str, mode: &str| -> Vec<&Value> {
            let same = |row: &&Value| {
                [&row["loss"], &row["targets"], &row["mode"]].iter().zip([loss, targets, mode]).all(|(a, b)| **a == b)
            };
            rows.iter().filter(same).collect()
        };
        let adapters =
            run(directory.path(), &format!("adapters --backend {backend}")).stdout.matches("  type ").count();
        // Two numbers of classes in three types.
        assert_eq!(of("softmax-ce", "classes", "loss+grad").len(), 6 * adapters);
        for (loss, targets, mode) in [
            ("softmax-ce", "lists", "loss+grad"),
            ("softmax-ce", "probabilities", "loss+grad"),
            ("sigmoid-ce", "probabilities", "loss+grad"),
            ("softmax-ce", "classes", "loss"),
            ("softmax-ce", "classes", "grad"),
        ] {
            assert_eq!(of(loss, targets, mode).len(), adapters, "{loss} {targets} {mode}");
        }
        // 409 rows of 10 in f32: scores, gradient, labels of 8 bytes, one loss.
        let plain = of("softmax-ce", "classes", "loss+grad");
        let bytes: Vec<u64> =
            plain.iter().filter(|r| r["dtype"] == "f32" && r["classes"] == 10).map(|r| count(r, "bytes")).collect();
        assert_eq!(bytes, vec![2 * 409 * 40 + 409 * 8 + 4; adapters]);
        let table = ended.stdout.lines().filter(|line| line.starts_with("  s")).count();
        assert_eq!(table, rows.len(), "{}", ended.stdout);
    }
}

#[test]
fn the_report_is_one_page_and_the_check_tells_by_the_exit_code() {
    let backend = common::backends()[0];
    let directory = tempfile::tempdir().expect("a directory");
    let filters = "--classes 100,1000 --dtype f32,bf16 --loss softmax-ce,bce";
    let args = format!("--backend {backend} bench {TINY} {filters} --json all.json --report new/report --check");
    let ended = run(directory.path(), &args);
    let lines = |word: &str| ended.stdout.lines().filter(|line| line.trim_start().starts_with(word)).count();
    assert!(ended.stdout.contains("of shader"), "{}", ended.stdout);
    let (kept, failed) = (lines("ok "), lines("FAILED "));
    assert!(kept + failed >= 5, "{}", ended.stdout);
    match failed {
        0 => assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "")),
        _ => {
            assert_eq!(ended.code, Some(1));
            assert_eq!(ended.stderr, format!("gpu-loss: {failed} of {} figures miss their bars\n", kept + failed));
        }
    }
    // The files are there either way: the figures are true.
    let rows = parsed(&directory.path().join("all.json"));
    let strategies: std::collections::BTreeSet<&str> = rows.iter().map(|row| text(row, "strategy")).collect();
    assert!(strategies.len() > 1 && rows.iter().any(|row| row["loss"] == "bce"), "{strategies:?}");
    let page = std::fs::read_to_string(directory.path().join("new/report/index.html")).expect("a page");
    well_formed(&page);
    for words in ["<svg ", "prefers-color-scheme:dark", "@media print", "width=device-width", "Strategies: ", filters] {
        assert!(page.contains(words), "no {words}");
    }
    for foreign in ["http", "<script", "<link", "<img", "src=", "url(", "@import", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<tr").count(), rows.len() + kept + failed + 2 * page.matches("<section>").count());
    for chart in ["share", "rate", "growth", "strategies"] {
        let at = directory.path().join(format!("new/report/0-{backend}-{chart}.svg"));
        let picture = std::fs::read_to_string(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
        well_formed(&format!("<!doctype html>{picture}"));
        assert_eq!(picture.matches("http").count(), 1, "the name space alone");
        assert!(picture.contains("prefers-color-scheme:dark") && picture.contains("class=\"mark\""), "{chart}");
        // librsvg and others know no CSS variables: all would be black there.
        assert!(!picture.contains("var(") && !picture.contains("currentColor"), "{chart}");
    }
    // From the figures alone the same pictures come again.
    let again = run(directory.path(), "bench --from all.json --report again");
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert_eq!(again.stdout, "report: again/index.html\n");
    let names = |at: &str| -> Vec<String> {
        let entries = std::fs::read_dir(directory.path().join(at)).expect("readable");
        let mut names: Vec<String> =
            entries.map(|e| e.expect("there").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    };
    assert_eq!(names("again"), names("new/report"));
    for name in names("again").iter().filter(|name| name.ends_with(".svg")) {
        let [first, second] = ["new/report", "again"].map(|at| std::fs::read(directory.path().join(at).join(name)));
        assert!(first.expect("there") == second.expect("there"), "{name}");
    }
}

/// Figures as `--json` writes them: of each number of classes, type and strategy, the first strategy chosen.
fn recorded(adapters: &[&str], classes: &[u64], strategies: impl Fn(u64) -> Vec<&'static str>) -> String {
    let mut rows = Vec::new();
    for adapter in adapters {
        for (count, size) in classes.iter().flat_map(|count| [(count, 1 << 20), (count, 1 << 18)]) {
            for dtype in ["f32", "bf16"] {
                for (at, strategy) in strategies(*count).into_iter().enumerate() {
                    let median_ms = 2.0 + at as f64 + *count as f64 * 1e-5;
                    let bytes = size * 8;
                    let gbps = bytes as f64 / median_ms * 1e-6;
                    rows.push(serde_json::json!({
                        "loss": "softmax-ce", "targets": "classes", "rows": size / count, "classes": count,
                        "dtype": dtype, "mode": "loss+grad", "strategy": strategy, "backend": "metal",
                        "adapter": adapter, "driver": "a <driver>", "timer": "gpu", "median_ms": median_ms,
                        "min_ms": median_ms, "bytes": bytes, "gbps": gbps, "copy_gbps": 40.0, "of_copy": gbps / 40.0,
                        "of later versions": 1,
                    }));
                }
            }
        }
    }
    serde_json::to_string(&rows).expect("JSON")
}

/// What the marks of a picture tell, by the line's name.
fn marks(picture: &str) -> std::collections::BTreeMap<String, Vec<String>> {
    let mut marks = std::collections::BTreeMap::<String, Vec<String>>::new();
    for told in picture.split("<title>").skip(1).map(|rest| rest.split("</title>").next().expect("its end")) {
        let (name, rest) = told.split_once(": ").expect("a name");
        let size = rest.split(" at ").nth(1).and_then(|size| size.split(' ').next()).expect("a size");
        marks.entry(name.to_owned()).or_default().push(size.to_owned());
    }
    marks
}

#[test]
fn every_line_of_a_report_has_a_point_at_each_size_that_was_measured_and_both_axes_have_numbers() {
    let directory = tempfile::tempdir().expect("a directory");
    // workgroup-row serves long rows alone.
    let serve =
        |count| if count < 4096 { vec!["thread-row", "split-row"] } else { vec!["thread-row", "workgroup-row"] };
    let figures = recorded(&["Apple M3", "Apple M3", "other"], &[10, 1000, 32_000, 50_257], serve);
    std::fs::write(directory.path().join("old.json"), figures).expect("writable");
    let ended = run(directory.path(), "bench --from old.json --report report");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "report: report/index.html\n");
    let picture = |name: &str| std::fs::read_to_string(directory.path().join("report").join(name)).expect("a picture");
    // Two adapters of one name are two.
    for adapter in 0..3 {
        let of = |name: &str| picture(&format!("{adapter}-metal-{name}.svg"));
        let all = ["10", "1000", "32000", "50257"];
        for (name, lines) in [("share", 2), ("rate", 3)] {
            let marks = marks(&of(name));
            assert_eq!(marks.len(), lines, "{name}: {marks:?}");
            assert!(marks.values().all(|sizes| sizes == &all), "{name}: {marks:?}");
        }
        let strategies = marks(&of("strategies"));
        assert_eq!(strategies["thread-row"], all);
        assert_eq!(strategies["split-row"], all[..2]);
        assert_eq!(strategies["workgroup-row"], all[2..]);
        let growth = marks(&of("growth"));
        assert_eq!(growth.len(), 5, "a line a number of classes, and the copy: {growth:?}");
        assert!(growth.values().all(|sizes| sizes.len() == 2), "{growth:?}");
        for name in ["share", "rate", "growth", "strategies"] {
            let text = of(name);
            assert!(text.matches("<text text-anchor=\"end\"").count() >= 3, "{name}: numbers beside the values");
            assert!(text.contains("v5\"/>\n<text text-anchor=\"middle\""), "{name}: numbers below the sizes");
            assert!(!text.contains("var("), "{name}");
        }
    }
    let page = std::fs::read_to_string(directory.path().join("report/index.html")).expect("a page");
    well_formed(&page);
    assert_eq!(page.matches("<section>").count(), 3);
    assert!(page.contains("a &lt;driver&gt;"));
    // On a phone: a table that can be scrolled says so, and the keyboard reaches it.
    assert_eq!(page.matches("scroll it sideways").count(), 3);
    assert_eq!(page.matches("class=\"scroll\" tabindex=\"0\" role=\"region\"").count(), 3);
}

#[test]
fn figures_that_cannot_be_drawn_exit_2_and_leave_no_report() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = recorded(&["one"], &[10], |_| vec!["thread-row"]);
    let files = [
        ("good.json", good.as_str()),
        ("none.json", "[]"),
        ("text.json", "loss 3.2"),
        ("keys.json", r#"[{"loss": "softmax-ce"}]"#),
        ("zero.json", &good.replace("\"median_ms\":2.0001", "\"median_ms\":0")),
    ];
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).expect("writable");
    }
    for (args, words) in [
        ("--from good.json", &["--report"][..]),
        ("--from missing.json --report report", &["missing.json", "no such file"]),
        ("--from none.json --report report", &["none.json", "holds no figures"]),
        ("--from text.json --report report", &["text.json", "no figures of bench --json"]),
        ("--from keys.json --report report", &["keys.json", "targets"]),
        ("--from zero.json --report report", &["zero.json", "figure 1", "median_ms is 0"]),
        ("--from good.json --report report --check", &["--from", "--check"]),
        ("--from good.json --report report --quick", &["--from", "--quick"]),
        ("--from good.json --report report --elements 64", &["--from", "--elements"]),
        ("--from good.json --report report --backend vulkan", &["--from", "--backend"]),
    ] {
        refused(&run(directory.path(), &format!("bench {args}")), words);
    }
    assert!(!directory.path().join("report").exists());
}

/// Every tag is closed, in order, and every ampersand is one of the few names.
fn well_formed(page: &str) {
    let mut open = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a type");
    while let Some(begin) = rest.find('<') {
        let (between, from) = rest.split_at(begin);
        assert!(!between.contains('>'), "{between}");
        for entity in between.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|name| entity.starts_with(name)), "&{entity}");
        }
        let end = from.find('>').expect("the end of a tag");
        let tag = &from[1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        let name = |tag: &str| tag.split([' ', '/']).next().unwrap_or_default().to_owned();
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed.to_owned()), "</{closed}>"),
            None if tag.ends_with('/') => {}
            None => open.push(name(tag)),
        }
        rest = &from[end + 1..];
        // A style sheet has its own signs.
        if open.last().is_some_and(|name| name == "style") {
            rest = &rest[rest.find("</style>").expect("its end")..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// One line that holds all these words, nothing on standard output, exit code 2.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "no '{word}' in: {}", ended.stderr);
    }
}

#[test]
fn filters_and_files_that_mean_nothing_exit_2() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("file"), "mine").expect("writable");
    for (args, words) in [
        ("--classes ten", &["ten", "--classes"][..]),
        ("--classes 10,0", &["0", "--classes"]),
        ("--classes 5000 --elements 4096", &["--classes 5000", "4096"]),
        ("--elements 0", &["--elements"]),
        ("--elements 5", &["--elements is 5"]),
        ("--dtype f64", &["f64", "f32", "bf16"]),
        ("--loss hinge", &["hinge", "softmax-ce"]),
        ("--strategy cubic", &["cubic", "all", "thread-row"]),
        ("--json", &["--json"]),
        ("--json missing/bench.json", &["missing/bench.json", "no such file or directory"]),
        ("--json .", &["is a directory"]),
        ("--report file", &["file", "the directory cannot be made"]),
        ("--rounds 3", &["--rounds"]),
    ] {
        refused(&run(directory.path(), &format!("bench --quick {args}")), words);
    }
    assert_eq!(std::fs::read(directory.path().join("file")).expect("there"), b"mine");
    if common::backends().contains(&"gl") {
        // GL has no subgroups.
        let args = format!("--backend gl bench {TINY} --classes 10 --strategy subgroup-row --json gl.json");
        refused(&run(directory.path(), &args), &["no shape is left", "subgroup-row cannot serve it"]);
    }
    let ended = run(directory.path(), "--adapter nosuch bench --quick --json gl.json --report report");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.stderr);
    assert!(!directory.path().join("gl.json").exists() && !directory.path().join("report").exists());
}
