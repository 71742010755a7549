//! PyTorch's test vectors through the program, on every adapter: files in, files out.

mod common;

use std::path::Path;
use std::sync::Mutex;

use common::{floats, longs, npz, run};
use safetensors::{Dtype, SafeTensors};

/// A stored array, widened.
struct Wide {
    dtype: Dtype,
    shape: Vec<usize>,
    values: Vec<f64>,
}

fn wide(file: &SafeTensors<'_>, name: &str) -> Option<Wide> {
    let view = file.tensor(name).ok()?;
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Dtype::U32 => data.as_chunks().0.iter().map(|b| f64::from(u32::from_le_bytes(*b))).collect(),
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f64()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f64()).collect(),
        other => panic!("{name} is {other:?}"),
    };
    Some(Wide { dtype: view.dtype(), shape: view.shape().to_vec(), values })
}

/// The first element that is farther off than allowed.
fn compare(got: &Wide, want: &Wide, limit: impl Fn(f64) -> f64) -> Result<(), String> {
    if got.shape != want.shape {
        return Err(format!("has shape {:?}, expected {:?}", got.shape, want.shape));
    }
    for (at, (got, want)) in got.values.iter().zip(&want.values).enumerate() {
        let same = got == want || (got.is_nan() && want.is_nan());
        if !same && (got - want).abs().partial_cmp(&limit(*want)).is_none_or(std::cmp::Ordering::is_gt) {
            return Err(format!("at {at} is {got}, expected {want}"));
        }
    }
    Ok(())
}

fn loss_limit(want: f64) -> f64 {
    2e-6 + 1e-5 * want.abs()
}

/// Compares an output file with a vector's expected one.
fn check(output: &Path, expected: &Path) -> Result<(), String> {
    let read = |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let (got, want) = (read(output)?, read(expected)?);
    let got = SafeTensors::deserialize(&got).map_err(|e| e.to_string())?;
    let want = SafeTensors::deserialize(&want).map_err(|e| e.to_string())?;
    for name in ["loss", "losses", "lse", "log_prob", "entropy", "rank"] {
        let Some(want) = wide(&want, name) else { continue };
        let got = wide(&got, name).ok_or_else(|| format!("no '{name}' in the output"))?;
        assert_eq!(got.dtype, if name == "rank" { Dtype::U32 } else { Dtype::F32 }, "{name}");
        let exact = |_: f64| 0.0;
        let limit: &dyn Fn(f64) -> f64 = if name == "rank" { &exact } else { &loss_limit };
        compare(&got, &want, limit).map_err(|e| format!("{name} {e}"))?;
    }
    // Where terms cancel, as much as they allow.
    let cancelled = wide(&want, "grad__atol").map_or_else(Vec::new, |allowed| allowed.values);
    let (got, want) = (wide(&got, "grad").ok_or("no 'grad'")?, wide(&want, "grad").ok_or("no 'grad' expected")?);
    let largest = want.values.iter().filter(|g| g.is_finite()).fold(0.0_f64, |m, g| m.max(g.abs()));
    let (relative, floor) = match got.dtype {
        // Half a subnormal step.
        Dtype::F16 => (1e-3, 0.5_f64.powi(25)),
        Dtype::BF16 => (4e-3, 0.0),
        _ => (2e-5, 0.0),
    };
    // PyTorch takes p_y − 1 in float64: in confident rows its own digits end there.
    let most = cancelled.iter().copied().fold(0.0_f64, f64::max);
    compare(&got, &want, |g| relative * g.abs() + 1e-6 * largest + floor + 1e-14 + most)
        .map_err(|e| format!("grad {e}"))
}

/// A vector's options, as the command line has them, and its file's type of scores.
fn options(path: &Path) -> (Vec<String>, Dtype) {
    let bytes = std::fs::read(path).expect("readable");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("metadata");
    let text = &metadata.metadata().as_ref().expect("metadata")["options"];
    let options: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).expect("JSON");
    let args = options.iter().map(|(key, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        format!("--{}={value}", key.replace('_', "-"))
    });
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let scores = file.tensor("logits").or_else(|_| file.tensor("probabilities")).expect("scores");
    (args.collect(), scores.dtype())
}

#[test]
fn the_program_computes_every_vector_on_every_adapter() {
    let mut inputs: Vec<_> = std::fs::read_dir(common::vectors())
        .expect("tests/vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .filter(|path| !path.to_string_lossy().ends_with(".expected.safetensors"))
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 77, "{} vectors", inputs.len());
    let backends = common::backends();
    let jobs: Vec<_> = backends.iter().flat_map(|backend| inputs.iter().map(move |input| (*backend, input))).collect();
    let (next, faults) = (Mutex::new(jobs.iter()), Mutex::new(Vec::new()));
    let directory = tempfile::tempdir().expect("a directory");
    // Each process spends most of its time on its own pipelines.
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let (next, faults) = (&next, &faults);
            let output = directory.path().join(format!("{worker}.safetensors"));
            scope.spawn(move || {
                let job = || next.lock().expect("no panic").next();
                while let Some((backend, input)) = job() {
                    let (args, dtype) = options(input);
                    let mut command = common::program();
                    command.args(["--backend", backend, "run"]).arg(input).args(args).arg("--output").arg(&output);
                    let ended = common::ended(&mut command);
                    let result = match ended.code {
                        Some(0) => check(&output, &input.with_extension("expected.safetensors")),
                        code => Err(format!("exit {code:?}: {}", ended.stderr)),
                    };
                    let result = result.and_then(|()| {
                        let bytes = std::fs::read(&output).map_err(|e| e.to_string())?;
                        let file = SafeTensors::deserialize(&bytes).map_err(|e| e.to_string())?;
                        let stored = file.tensor("grad").map_err(|e| e.to_string())?.dtype();
                        if stored == dtype { Ok(()) } else { Err(format!("grad is {stored:?}, scores {dtype:?}")) }
                    });
                    if let Err(fault) = result {
                        let name = input.file_stem().unwrap_or_default().to_string_lossy();
                        faults.lock().expect("no panic").push(format!("{backend} {name}: {fault}"));
                    }
                    let _ = std::fs::remove_file(&output);
                }
            });
        }
    });
    let faults = faults.into_inner().expect("no panic");
    assert!(faults.is_empty(), "{} of {} runs failed:\n{}", faults.len(), jobs.len(), faults.join("\n"));
}

/// The data of an array in an `.npz`, after checking its header.
fn entry(path: &Path, name: &str, descr: &str, shape: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("an output")).expect("an archive");
    let mut bytes = Vec::new();
    std::io::copy(&mut archive.by_name(&format!("{name}.npy")).expect(name), &mut bytes).expect("readable");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(start % 64, 0);
    let header = String::from_utf8(bytes[10..start].to_vec()).expect("text");
    assert!(header.contains(&format!("'descr': '{descr}'")), "{name}: {header}");
    assert!(header.contains(&format!("'shape': {shape}")), "{name}: {header}");
    bytes.split_off(start)
}

/// Two classes with equal scores: a loss of ln 2 and a gradient of ±1/4 over two rows.
#[test]
fn npz_goes_in_and_out_in_both_types() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let labels = || longs("targets", &[2], &[1, 0]);
    std::fs::write(path("f32.npz"), npz(&[floats("logits", &[2, 2], &[0.5; 4]), labels()])).expect("writable");
    let half: Vec<u8> = [half::f16::from_f32(0.5); 4].iter().flat_map(|v| v.to_le_bytes()).collect();
    let half = common::Array { name: "logits", descr: "<f2", shape: vec![2, 2], bytes: half };
    std::fs::write(path("f16.npz"), npz(&[half, labels()])).expect("writable");
    for backend in common::backends() {
        for (name, descr, size) in [("f32", "<f4", 4), ("f16", "<f2", 2)] {
            let ended = run(
                directory.path(),
                &format!("--backend {backend} run {name}.npz --loss softmax-ce -o out-{name}.npz"),
            );
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            let out = path(&format!("out-{name}.npz"));
            let single = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("4 bytes"));
            let loss = single(&entry(&out, "loss", "<f4", "()"));
            assert!((f64::from(loss) - 2.0_f64.ln()).abs() <= loss_limit(2.0_f64.ln()), "{loss}");
            for name in ["losses", "lse"] {
                let values = entry(&out, name, "<f4", "(2,)");
                let want = if name == "lse" { 0.5 + 2.0_f64.ln() } else { 2.0_f64.ln() };
                assert_eq!(values.len(), 8);
                for value in values.chunks(4).map(single) {
                    assert!((f64::from(value) - want).abs() <= loss_limit(want), "{name} {value}");
                }
            }
            let grad = entry(&out, "grad", descr, "(2, 2)");
            let read = |b: &[u8]| match size {
                4 => single(b),
                _ => half::f16::from_le_bytes([b[0], b[1]]).to_f32(),
            };
            let values: Vec<f32> = grad.chunks(size).map(read).collect();
            assert_eq!(values, [0.25, -0.25, -0.25, 0.25], "{backend} {name}");
        }
    }
}
