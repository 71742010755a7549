//! The table on the terminal: a row a shape, a column a peer.

use std::fmt::Write as _;

use crate::turns::Figure;

/// Medians in ms, those of peers with their ratio to gpu-loss; below, who they are and why some have no time.
pub fn table(figures: &[Figure]) -> String {
    let mut peers: Vec<&str> = Vec::new();
    let mut about = String::new();
    for figure in figures {
        if !peers.contains(&figure.peer) {
            peers.push(figure.peer);
            // Writing into a string cannot fail.
            let _ = writeln!(about, "{}: {}", figure.peer, figure.about);
        }
    }
    let mut text = format!("{:>9} {:>8}", "rows", "classes");
    peers.iter().for_each(|peer| text = format!("{text} {peer:>18}"));
    for shape in figures.chunk_by(|a, b| (a.rows, a.classes) == (b.rows, b.classes)) {
        let _ = write!(text, "\n{:>9} {:>8}", shape[0].rows, shape[0].classes);
        for peer in &peers {
            let figure = shape.iter().find(|figure| figure.peer == *peer);
            let cell = match figure.and_then(|figure| figure.median_ms.zip(figure.vs)) {
                Some((ms, _)) if *peer == crate::GPU_LOSS => format!("{ms:.1}"),
                Some((ms, vs)) => format!("{ms:.1} ({vs:.2}×)"),
                None => "failed".into(),
            };
            let _ = write!(text, " {cell:>18}");
        }
    }
    text += "\n\nMedians in ms, loss and gradient, f32, in turns; in brackets how many times as long as gpu-loss.\n";
    text += &about;
    for Figure { peer, rows, classes, failed, .. } in figures {
        if let Some(why) = failed {
            let _ = writeln!(text, "{peer} failed on {rows} × {classes}: {why}");
        }
    }
    text
}
