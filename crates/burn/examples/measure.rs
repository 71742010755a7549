//! Time and peak memory of a loss and its gradient: Burn's own, and the fused one.
//!
//! ```sh
//! cargo run --release --example measure              # 256 × 32,000 and 2,048 × 8,192
//! cargo run --release --example measure -- 512 50257 # rows and classes of your own
//! ```
//!
//! Times are medians of rounds that both take in turns, so that what else the machine does meets both. Memory is measured in a
//! process of its own for each loss, the logits included: what Burn's allocator has in use before the loss, between its halves
//! and behind them, the most of these; and what it reserves in all, which counts what exists within a half as well, and what
//! the allocator keeps for itself.

use std::process::Command;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Int, Tensor};

const ROUNDS: usize = 7;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [what, rows, classes] = arguments.as_slice() {
        let (rows, classes) = (rows.parse()?, classes.parse()?);
        return if what == "times" { times(rows, classes) } else { peak(what == "fused", rows, classes) };
    }
    let shapes = match arguments.as_slice() {
        [rows, classes] => vec![(rows.parse()?, classes.parse()?)],
        _ => vec![(256, 32_000), (2_048, 8_192)],
    };
    for (rows, classes) in shapes {
        println!("{rows} × {classes}, logits of {:.1} MiB", mib(logits_bytes(rows, classes)));
        for what in ["times", "burn", "fused"] {
            let arguments = [what.to_owned(), rows.to_string(), usize::to_string(&classes)];
            if !Command::new(std::env::current_exe()?).args(arguments).status()?.success() {
                return Err(format!("{what} failed").into());
            }
        }
    }
    Ok(())
}

fn logits_bytes(rows: usize, classes: usize) -> u64 {
    (rows * classes * 4) as u64
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Both losses on one device, and targets for them.
struct Losses {
    plain: Device,
    own: gpu_loss_burn::CrossEntropyLoss,
    burns: burn::nn::loss::CrossEntropyLoss,
    targets: Tensor<1, Int>,
    shape: [usize; 2],
}

impl Losses {
    fn new(rows: usize, classes: usize) -> Result<Self> {
        let plain = gpu_loss_burn::device()?;
        let device = plain.clone().autodiff();
        device.seed(1);
        let labels: Vec<i32> = (0..rows).map(|row| (row * 7919 % classes) as i32).collect();
        Ok(Losses {
            plain,
            own: gpu_loss_burn::CrossEntropyLossConfig::new().init(&device),
            burns: burn::nn::loss::CrossEntropyLossConfig::new().init(&device),
            targets: Tensor::from_ints(labels.as_slice(), &device),
            shape: [rows, classes],
        })
    }

    /// Milliseconds of one round, and the loss.
    fn round(&self, fused: bool) -> Result<(f64, f32)> {
        let (device, logits) = self.logits()?;
        let start = Instant::now();
        let loss = self.forward(fused, logits);
        let grads = loss.backward();
        device.sync()?;
        let time = start.elapsed().as_secs_f64() * 1e3;
        drop(grads);
        Ok((time, loss.into_scalar::<f32>()))
    }

    /// The most bytes in use, as seen between the halves of a round, and the loss.
    fn in_use(&self, fused: bool) -> Result<(u64, f32)> {
        let now = || self.plain.memory_pool_usage().map(|usage| usage.bytes_in_use).ok_or("no usage");
        let (device, logits) = self.logits()?;
        let before = now()?;
        let loss = self.forward(fused, logits);
        device.sync()?;
        let between = now()?;
        let grads = loss.backward();
        device.sync()?;
        let behind = now()?;
        drop(grads);
        Ok((before.max(between).max(behind), loss.into_scalar::<f32>()))
    }

    /// As a layer makes them: nobody else holds them. The logits themselves are not part of what is timed.
    fn logits(&self) -> Result<(Device, Tensor<2>)> {
        let device = self.plain.clone().autodiff();
        let logits = Tensor::<2>::random(self.shape, Distribution::Normal(0.0, 2.0), &device).require_grad();
        device.sync()?;
        Ok((device, logits))
    }

    fn forward(&self, fused: bool, logits: Tensor<2>) -> Tensor<1> {
        let targets = self.targets.clone();
        if fused { self.own.forward(logits, targets) } else { self.burns.forward(logits, targets) }
    }
}

fn times(rows: usize, classes: usize) -> Result<()> {
    let losses = Losses::new(rows, classes)?;
    let (mut burns, mut fused) = (vec![], vec![]);
    // The first of each builds kernels, and does not count.
    for round in 0..=ROUNDS {
        let (one, two) = (losses.round(false)?.0, losses.round(true)?.0);
        if round > 0 {
            burns.push(one);
            fused.push(two);
        }
    }
    for list in [&mut burns, &mut fused] {
        list.sort_by(f64::total_cmp);
    }
    let (median, fastest) = (|list: &[f64]| list[ROUNDS / 2], |list: &[f64]| list[0]);
    println!(
        "  burn {:.1} ms (fastest {:.1}), fused {:.1} ms (fastest {:.1}): {:.1} times",
        median(&burns),
        fastest(&burns),
        median(&fused),
        fastest(&fused),
        median(&burns) / median(&fused),
    );
    Ok(())
}

fn peak(fused: bool, rows: usize, classes: usize) -> Result<()> {
    let losses = Losses::new(rows, classes)?;
    let (mut most, mut reserved, mut value) = (0, 0, 0.0);
    for _ in 0..3 {
        let (in_use, loss) = losses.in_use(fused)?;
        (most, value) = (most.max(in_use), loss);
        reserved = reserved.max(losses.plain.memory_pool_usage().ok_or("no usage")?.bytes_reserved);
    }
    let times = |bytes: u64| bytes as f64 / logits_bytes(rows, classes) as f64;
    println!(
        "  {:>5}: {:.1} MiB in use ({:.3} times the logits), {:.1} MiB reserved ({:.2} times); loss {value:.5}",
        if fused { "fused" } else { "burn" },
        mib(most),
        times(most),
        mib(reserved),
        times(reserved),
    );
    Ok(())
}
