//! One shape: everyone loads it, is checked, warms up, and then takes turns.

use std::time::Duration;

use serde::Serialize;

use crate::batch::Batch;
use crate::peer::Peer;

/// Untimed steps after the one that is checked: just-in-time compilers and tuners come to rest.
const WARM_UP: usize = 2;
/// Between turns, for the threads of the one before to go to sleep.
const PAUSE: Duration = Duration::from_millis(20);

/// How one peer did on one shape. The keys of the JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub peer: &'static str,
    /// Its version, and what it ran on.
    pub about: String,
    pub rows: usize,
    pub classes: usize,
    pub dtype: &'static str,
    pub mode: &'static str,
    pub rounds: usize,
    pub median_ms: Option<f64>,
    pub min_ms: Option<f64>,
    /// Its median over that of gpu-loss.
    pub vs: Option<f64>,
    /// Why there are no times.
    pub failed: Option<String>,
}

/// Measures all peers, gpu-loss first among them, on one shape.
pub fn measure(
    peers: &mut [Box<dyn Peer>],
    elements: usize,
    classes: usize,
    rounds: usize,
) -> Result<Vec<Figure>, String> {
    let batch = Batch::random(elements, classes)?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    batch.write(directory.path()).map_err(|error| error.to_string())?;
    let mut readings: Vec<Result<Vec<f64>, String>> = Vec::new();
    for peer in peers.iter_mut() {
        eprintln!("{} × {classes}: {}", batch.rows, peer.name());
        readings.push(prepare(peer.as_mut(), &batch, directory.path()));
    }
    for _ in 0..rounds {
        for (peer, reading) in peers.iter_mut().zip(&mut readings) {
            let Ok(times) = reading else { continue };
            std::thread::sleep(PAUSE);
            match peer.time() {
                Ok(ms) => times.push(ms),
                Err(why) => *reading = Err(why),
            }
        }
    }
    peers.iter_mut().for_each(|peer| peer.unload());
    let ours = readings.first().and_then(|first| first.as_ref().ok()).and_then(|times| median(times));
    let figures = peers.iter().zip(readings).map(|(peer, reading)| {
        let times = reading.as_deref().unwrap_or_default();
        let median_ms = median(times);
        Figure {
            peer: peer.name(),
            about: peer.about(),
            rows: batch.rows,
            classes,
            dtype: "f32",
            mode: "loss+grad",
            rounds: times.len(),
            median_ms,
            min_ms: times.iter().copied().reduce(f64::min),
            vs: median_ms.zip(ours).map(|(ms, ours)| ms / ours),
            failed: reading.err(),
        }
    });
    Ok(figures.collect())
}

/// Nothing is timed that does not compute rightly.
fn prepare(peer: &mut dyn Peer, batch: &Batch, directory: &std::path::Path) -> Result<Vec<f64>, String> {
    peer.load(batch, directory)?;
    let (loss, grad) = peer.result()?;
    batch.check(loss, &grad)?;
    for _ in 0..WARM_UP {
        peer.time()?;
    }
    Ok(Vec::new())
}

fn median(times: &[f64]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(sorted[low], sorted[high]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Computes the reference's gradient, or something else, in so many ms.
    struct Fake(f32, f64);

    impl Peer for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn about(&self) -> String {
            "fake".into()
        }

        fn load(&mut self, _: &Batch, directory: &Path) -> Result<(), String> {
            assert!(directory.join("scores").exists() && directory.join("labels").exists());
            Ok(())
        }

        /// One class: the loss is 0, and so is the gradient.
        fn result(&mut self) -> Result<(f32, Vec<f32>), String> {
            Ok((self.0, vec![0.0; 100]))
        }

        fn time(&mut self) -> Result<f64, String> {
            self.1 += 1.0;
            Ok(self.1)
        }

        fn unload(&mut self) {}
    }

    #[test]
    fn turns_are_told_as_ratios_and_a_wrong_peer_is_not_timed() {
        let mut peers: Vec<Box<dyn Peer>> =
            vec![Box::new(Fake(0.0, 0.0)), Box::new(Fake(0.0, 100.0)), Box::new(Fake(1.0, 0.0))];
        let figures = measure(&mut peers, 100, 1, 3).unwrap();
        // Two steps warm up; the third, fourth and fifth count.
        let told: Vec<_> = figures.iter().map(|f| (f.rounds, f.median_ms, f.min_ms, f.vs)).collect();
        assert_eq!(told[0], (3, Some(4.0), Some(3.0), Some(1.0)));
        assert_eq!(told[1], (3, Some(104.0), Some(103.0), Some(26.0)));
        assert_eq!(told[2], (0, None, None, None));
        assert!(figures[2].failed.as_deref().is_some_and(|why| why.contains("a loss of 1")));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!([median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])], [None, Some(2.0), Some(2.5)]);
    }
}
