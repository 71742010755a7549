//! What gpu-loss must come to beside its peers, on the CPU that a software adapter and PyTorch share.

use std::fmt;

use crate::turns::Figure;
use crate::{BURN, COMPILED, EAGER};

/// How many times as long as gpu-loss a peer must take, at every number of classes.
const LEAST: [(&str, f64); 3] = [(COMPILED, 1.0), (EAGER, 2.0), (BURN, 15.0)];

/// A ratio against its bar.
pub struct Bar {
    peer: &'static str,
    classes: usize,
    vs: f64,
    least: f64,
}

impl Bar {
    pub fn is_kept(&self) -> bool {
        self.vs >= self.least
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bar { peer, classes, vs, least } = self;
        let verdict = if self.is_kept() { "ok" } else { "FAILED" };
        write!(f, "  {verdict:<6} {vs:>7.2} ≥ {least:<3} {peer} at {classes} classes: time against gpu-loss")
    }
}

/// A peer that failed has no bar. If gpu-loss fails, none is kept.
pub fn bars(figures: &[Figure]) -> Vec<Bar> {
    let bar = |figure: &Figure| {
        let (_, least) = LEAST.into_iter().find(|(peer, _)| *peer == figure.peer)?;
        figure.median_ms?;
        let Figure { peer, classes, vs, .. } = *figure;
        Some(Bar { peer, classes, vs: vs.unwrap_or(f64::NAN), least })
    };
    figures.iter().filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_meets_its_own_bar() {
        let figure = |peer, vs: Option<f64>| Figure {
            peer,
            about: String::new(),
            rows: 1,
            classes: 1000,
            dtype: "f32",
            mode: "loss+grad",
            rounds: 1,
            median_ms: Some(1.0),
            min_ms: Some(1.0),
            vs,
            failed: None,
        };
        let failed = Figure { median_ms: None, ..figure(EAGER, None) };
        let bars = bars(&[figure(COMPILED, Some(1.1)), figure(BURN, Some(14.0)), failed, figure(EAGER, None)]);
        assert_eq!(bars.iter().map(Bar::is_kept).collect::<Vec<_>>(), [true, false, false]);
        assert!(bars[1].to_string().contains("FAILED   14.00 ≥ 15  Burn at 1000"), "{}", bars[1]);
    }
}
