//! Outputs that cannot be written.

use crate::check::{case, check, good};
use crate::common::run;

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
