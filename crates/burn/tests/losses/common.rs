//! What the tests share: a device, numbers, and the comparison with the float64 reference.

use burn::tensor::{DType, Device, Tensor, TensorData};
use gpu_loss::reference::Reference;

/// The device that all tests share, with autodiff.
pub fn device() -> Device {
    gpu_loss_burn::device().expect("a wgpu device").autodiff()
}

/// Numbers that are the same in every run (xorshift).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 24) as f32
    }

    /// Scores as a network gives them: most near 0, some far off.
    pub fn scores(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| (self.unit() + self.unit() + self.unit() - 1.5) * if self.one_in(20) { 30.0 } else { 4.0 })
            .collect()
    }
}

pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// A tensor of this type. What f16 cannot hold is rounded on the host, so that reference and device see the same numbers.
pub fn tensor<const D: usize>(values: &[f32], shape: [usize; D], dtype: DType, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape).convert_dtype(dtype), (device, dtype))
}

/// Whether a loss and a gradient keep what SEMANTICS promises of them. `scale` is the most that a row's gradient is
/// multiplied by: where terms cancel, no f32 arithmetic keeps more digits than they have.
pub fn keeps(what: &str, losses: &[f32], grad: &[f32], expected: &Reference, reduced: bool, dtype: DType, scale: f64) {
    let wanted: Vec<f64> = if reduced { vec![expected.loss] } else { expected.losses.iter().copied().collect() };
    assert_eq!(losses.len(), wanted.len(), "{what}: losses");
    for (at, (got, want)) in losses.iter().zip(&wanted).enumerate() {
        let got = f64::from(*got);
        let same = got == *want || (got.is_nan() && want.is_nan());
        assert!(same || (got - want).abs() <= 2e-6 + 1e-5 * want.abs(), "{what}: loss {at} is {got}, expected {want}");
    }
    let largest = expected.grad.iter().filter(|g| g.is_finite()).fold(0.0_f64, |most, g| most.max(g.abs()));
    let (relative, floor) = match dtype {
        DType::F16 => (1e-3, 0.5_f64.powi(25)),
        DType::BF16 => (4e-3, 1.2e-38),
        _ => (2e-5, 1.2e-38),
    };
    assert_eq!(grad.len(), expected.grad.len(), "{what}: gradient");
    for (at, (got, want)) in grad.iter().zip(&expected.grad).enumerate() {
        let got = f64::from(*got);
        let limit = relative * want.abs() + 1e-6 * largest + 4e-7 * scale + floor;
        let same = got == *want || (got.is_nan() && want.is_nan());
        assert!(same || (got - want).abs() <= limit, "{what}: gradient {at} is {got}, expected {want}");
    }
}

/// Runs a test in a process of its own, with this in its environment, and tells whether it is that process. What other
/// tests reserve meanwhile does not count there, and what they share is not changed.
pub fn alone(test: &str, environment: (&str, &str)) -> bool {
    const ALONE: &str = "GPU_LOSS_BURN_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program");
    let mut command = std::process::Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(ALONE, "1").env(environment.0, environment.1);
    assert!(command.status().expect("it runs").success(), "{test} fails");
    false
}
