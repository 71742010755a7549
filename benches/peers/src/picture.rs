//! The figures as a chart: a line a peer.

use crate::plot::{Chart, Series};
use crate::svg;
use crate::turns::Figure;

/// Times over the number of classes; none if nothing was timed.
pub fn picture(figures: &[Figure]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for figure in figures {
        if !names.contains(&figure.peer) {
            names.push(figure.peer);
        }
    }
    let series = names.iter().map(|name| {
        let own = || figures.iter().filter(|figure| figure.peer == *name);
        // A line that is not everywhere says so.
        let failed: Vec<String> =
            own().filter(|figure| figure.median_ms.is_none()).map(|figure| figure.classes.to_string()).collect();
        let but = if failed.is_empty() { String::new() } else { format!(" (failed at {})", failed.join(", ")) };
        Series {
            name: format!("{name}{but}"),
            points: own().filter_map(|figure| Some((figure.classes as f64, figure.median_ms?))).collect(),
            is_measure: false,
        }
    });
    let most = figures.iter().map(|figure| figure.rows * figure.classes).max()?;
    svg::document(&Chart {
        title: format!("Loss and gradient of {:.1} million f32 scores", most as f64 * 1e-6),
        x_label: "classes",
        y_label: "ms",
        log: true,
        series: series.collect(),
    })
}
