//! The memory of this process, looked at now and then.

/// Resident KiB, look by look.
#[derive(Debug, Default)]
pub(super) struct Memory {
    looks: Vec<u64>,
}

/// Growth within this is no leak: heaps and the driver's caches come and go.
const TOLERATED_SHARE: f64 = 0.15;
const TOLERATED_KIB: u64 = 48 << 10;

impl Memory {
    pub(super) fn look(&mut self) {
        trim();
        self.looks.extend(resident());
    }

    /// The median of a part of the looks.
    fn median(&self, from: usize, to: usize) -> Option<u64> {
        let mut part = self.looks.get(from..to)?.to_vec();
        part.sort_unstable();
        part.get(part.len() / 2).copied()
    }

    /// The second quarter, when kernels are built and caches full, and the last.
    fn settled_and_last(&self) -> Option<(u64, u64)> {
        let all = self.looks.len();
        Some((self.median(all / 4, all / 2)?, self.median(all - all / 4, all)?))
    }

    /// Says if memory grew.
    pub(super) fn growth(&self) -> Option<String> {
        let (settled, last) = self.settled_and_last()?;
        let most = settled + (settled as f64 * TOLERATED_SHARE) as u64 + TOLERATED_KIB;
        (last > most).then(|| format!("memory grew from {} to {} MiB", settled >> 10, last >> 10))
    }

    pub(super) fn describe(&self) -> String {
        let Some((settled, last)) = self.settled_and_last() else {
            return "memory unknown here".to_owned();
        };
        let first = self.looks.first().copied().unwrap_or_default();
        let peak = self.looks.iter().max().copied().unwrap_or_default();
        format!(
            "memory {} MiB at the start, {} in the second quarter, {} in the last, {} at most",
            first >> 10,
            settled >> 10,
            last >> 10,
            peak >> 10
        )
    }
}

/// Has the heap hand back what nothing holds. A driver's compiler takes hundreds of MiB for a kernel; what it frees would
/// stay with the process, and look like a leak.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library, for which there is no safe name")]
fn trim() {
    // SAFETY: it may be called at any time, from any thread.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

/// Resident KiB of this process, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn a_leak_is_told_from_warming_up() {
        let warmed = Memory { looks: (0..100).map(|look| 400_000 + 1000 * look.min(20)).collect() };
        assert_eq!(warmed.growth(), None);
        let leaking = Memory { looks: (0..100).map(|look| 400_000 + 3000 * look).collect() };
        assert!(leaking.growth().is_some());
    }
}
