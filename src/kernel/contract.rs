//! `shaders/README.md` is the contract of the pieces: this holds every piece to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the page promises of each piece.
fn promised(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut promised = BTreeMap::<String, BTreeSet<String>>::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("Pieces: ")) {
        let (pieces, names) = line.split_once("Define: ").unwrap_or((line, ""));
        for piece in quoted(pieces) {
            promised.entry(piece.to_owned()).or_default().extend(quoted(names).into_iter().map(str::to_owned));
        }
    }
    promised
}

/// The names that a piece declares at module scope.
fn declared(source: &str) -> BTreeSet<&str> {
    let identifier = |text: &'_ str| text.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::len);
    source
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '}']))
        .filter_map(|line| {
            let at = ["fn ", "const ", "override ", "struct ", "alias ", "> "].iter().find_map(|key| {
                line.find(key).map(|at| at + key.len()).filter(|_| *key != "> " || line.contains("var<"))
            })?;
            let rest = &line[at..];
            identifier(rest).map(|length| &rest[..length])
        })
        .collect()
}

fn pieces(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of shaders") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => pieces(&path, found),
            false if path.extension().is_some_and(|e| e == "wgsl") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn every_piece_keeps_the_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut promised = promised(&std::fs::read_to_string(root.join("README.md")).expect("the contract"));
    let mut found = Vec::new();
    pieces(&root, &mut found);
    assert!(found.len() > 50, "{} pieces", found.len());
    for path in found {
        let name = path.strip_prefix(&root).expect("below").with_extension("").to_string_lossy().replace('\\', "/");
        let source = std::fs::read_to_string(&path).expect("a piece");
        let names = promised.remove(&name).unwrap_or_else(|| panic!("shaders/README.md does not name {name}"));
        let defines = declared(&source);
        for promise in names {
            assert!(defines.contains(promise.as_str()), "{name} does not define {promise}, which its family promises");
        }
    }
    assert!(promised.is_empty(), "named in shaders/README.md, but absent: {:?}", promised.keys());
}

#[test]
fn a_missing_name_is_seen() {
    let page = "Pieces: `a/b`. Define: `f`, `G`.";
    let promised = promised(page);
    assert!(promised["a/b"].iter().all(|name| !declared("fn other() {}\n").contains(name.as_str())));
    assert_eq!(
        declared("fn f() {\n    let x = 1;\n}\nconst G = 1;\n@group(0) @binding(1) var<storage, read> s: S;\n").len(),
        3
    );
}
