//! The recipe from Python, where PyTorch is at hand: loss and gradient against `torch.autograd`.

mod common;

use std::path::Path;
use std::process::Command;

#[test]
fn the_recipe_from_python_keeps_the_promise() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        common::skip("the_recipe_from_python_keeps_the_promise", &format!("{python} has no torch and safetensors"));
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/compare.py");
    let ended = common::ended(Command::new(python).arg(script).arg(env!("CARGO_BIN_EXE_gpu-loss")));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.matches("of the promised errors").count(), 4, "{}", ended.stdout);
}
