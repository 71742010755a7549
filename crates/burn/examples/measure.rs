//! Time and peak memory of a loss and its gradient: Burn's own, and the fused one.
//!
//! ```sh
//! cargo run --release --example measure              # 256 × 32,000 and 2,048 × 8,192
//! cargo run --release --example measure -- 512 50257 # rows and classes of your own
//! ```
//!
//! The peak is what Burn's allocator reserves beyond the logits' own bytes, in a process of its own for each loss.

use std::time::Instant;

use burn::tensor::{Distribution, Int, Tensor};

const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [which, rows, classes] = arguments.as_slice() {
        return measure(which == "fused", rows.parse()?, classes.parse()?);
    }
    let shapes = match arguments.as_slice() {
        [rows, classes] => vec![(rows.parse()?, classes.parse()?)],
        _ => vec![(256, 32_000), (2_048, 8_192)],
    };
    for (rows, classes) in shapes {
        for which in ["burn", "fused"] {
            let program = std::env::current_exe()?;
            let arguments = [which.to_owned(), rows.to_string(), usize::to_string(&classes)];
            if !std::process::Command::new(program).args(arguments).status()?.success() {
                return Err(format!("{which} failed").into());
            }
        }
    }
    Ok(())
}

fn measure(fused: bool, rows: usize, classes: usize) -> Result<(), Box<dyn std::error::Error>> {
    let plain = gpu_loss_burn::device()?;
    let device = plain.clone().autodiff();
    device.seed(1);
    let labels: Vec<i32> = (0..rows).map(|row| (row * 7919 % classes) as i32).collect();
    let targets = Tensor::<1, Int>::from_ints(labels.as_slice(), &device);
    let own = gpu_loss_burn::CrossEntropyLossConfig::new().init(&device);
    let burns = burn::nn::loss::CrossEntropyLossConfig::new().init(&device);
    let logits_bytes = (rows * classes * 4) as f64;
    let (mut times, mut peak, mut value) = (vec![], 0.0_f64, 0.0);
    for _ in 0..ROUNDS {
        // As a layer makes them: nobody else holds them. The logits themselves are not part of what is measured.
        let logits = Tensor::<2>::random([rows, classes], Distribution::Normal(0.0, 2.0), &device).require_grad();
        device.sync()?;
        let start = Instant::now();
        let loss = if fused { own.forward(logits, targets.clone()) } else { burns.forward(logits, targets.clone()) };
        let grads = loss.backward();
        device.sync()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        value = loss.into_scalar::<f32>();
        drop(grads);
        let usage = plain.memory_pool_usage().ok_or("no usage")?;
        peak = peak.max(usage.bytes_reserved as f64);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{:>5} {rows} × {classes}: median {:.1} ms, fastest {:.1} ms; reserved {:.2} times the logits ({:.1} MiB); loss {value:.5}",
        if fused { "fused" } else { "burn" },
        times[ROUNDS / 2],
        times[0],
        peak / logits_bytes,
        peak / f64::from(1 << 20),
    );
    Ok(())
}
