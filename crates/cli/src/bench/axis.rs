//! An axis of a chart: where values lie, and the round numbers beside it.

/// An axis from values to the drawing.
pub(crate) struct Axis {
    pub(crate) log: bool,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

impl Axis {
    pub(crate) fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if self.log { v.max(1e-12).log10() } else { v };
        let (from, to) = (place(self.from), place(self.to));
        let part = if to > from { (place(value) - from) / (to - from) } else { 0.5 };
        self.begin + part * (self.end - self.begin)
    }

    /// Round numbers along the axis, at least three: on a logarithmic one as coarse as that allows.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        if !self.log {
            return self.even();
        }
        let decades = (self.from.log10().floor() as i32)..=(self.to.log10().ceil() as i32);
        let steps: [&[f64]; 3] = [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]];
        let by = |steps: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
            all.filter(|value| (self.from..=self.to).contains(value)).collect()
        };
        steps.into_iter().map(by).find(|ticks| ticks.len() >= 4).unwrap_or_else(|| self.even())
    }

    /// Steps of 1, 2 or 5 times a power of ten, three to nine of them.
    fn even(&self) -> Vec<f64> {
        let least = (self.to - self.from) / 8.0;
        let decade = 10_f64.powf(least.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * decade).find(|s| *s >= least).unwrap_or(least);
        let first = (self.from / step).ceil();
        (0..10).map(|i| (first + f64::from(i)) * step).filter(|value| *value <= self.to).collect()
    }
}

/// A number in few signs: 1.2k, 16.8M, 0.05.
pub(crate) fn short(value: f64) -> String {
    let (scaled, unit) = scaled(value);
    let digits = match scaled {
        20.0.. => 0,
        1.0.. | 0.0 => 1,
        _ => 5,
    };
    trimmed(scaled, digits) + unit
}

/// A number of a tick: three digits that count, so that no two of an axis look alike.
pub(crate) fn tick(value: f64) -> String {
    let (scaled, unit) = scaled(value);
    let digits = if scaled > 0.0 { (2 - scaled.log10().floor() as i32).clamp(0, 9) } else { 0 };
    trimmed(scaled, digits as usize) + unit
}

fn scaled(value: f64) -> (f64, &'static str) {
    match value {
        1e9.. => (value / 1e9, "G"),
        1e6.. => (value / 1e6, "M"),
        1e3.. => (value / 1e3, "k"),
        _ => (value, ""),
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts = [10.0, 1000.0, 4096.0, 50_257.0, 128_256.0, 16_777_216.0, 0.05, 0.0, 200.0].map(short);
        assert_eq!(texts, ["10", "1k", "4.1k", "50k", "128k", "16.8M", "0.05", "0", "200"]);
        assert_eq!([20.5, 0.2, 1500.0, 7.0, 0.0].map(tick), ["20.5", "0.2", "1.5k", "7", "0"]);
    }

    #[test]
    fn an_axis_however_short_or_long_has_three_to_fourteen_ticks_that_differ() {
        for log in [false, true] {
            for ratio in [1.02, 1.3, 2.0, 3.0, 10.0, 30.0, 1e3, 9e3, 1e5, 1e8] {
                for low in [0.0, 0.0007, 0.13, 0.9, 17.3, 4.1e3] {
                    let (from, to) =
                        if log { (f64::max(low, 0.01), f64::max(low, 0.01) * ratio) } else { (0.0, ratio + low) };
                    let ticks = Axis { log, from, to, begin: 0.0, end: 1.0 }.ticks();
                    assert!((3..=14).contains(&ticks.len()), "{log} {from}..{to}: {ticks:?}");
                    assert!(ticks.iter().all(|t| (from..=to).contains(t)), "{from}..{to}: {ticks:?}");
                    let mut texts: Vec<String> = ticks.into_iter().map(tick).collect();
                    texts.dedup();
                    assert!(texts.len() >= 3, "{log} {from}..{to}: {texts:?}");
                }
            }
        }
    }
}
