//! The page of a report around its charts and tables.

use std::fmt::Write as _;

use super::escape::escaped;
use super::plot::{Chart, key};
use super::svg::{COLOURS, LINES};

/// A page that needs nothing but itself.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title}</title>\n<style>\n{COLOURS}{LINES}{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A chart with its caption and legend.
pub(crate) fn figure(chart: &Chart) -> String {
    let title = escaped(&chart.title);
    let mut text = format!("<figure>\n<figcaption>{title}</figcaption>\n");
    let Some(drawing) = chart.drawing() else {
        return text + "<p>Nothing of this was measured.</p>\n</figure>\n";
    };
    let (width, height) = Chart::SIZE;
    // Writing into a string cannot fail.
    let _ = writeln!(text, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">");
    text += &drawing;
    text += "</svg>\n<ul class=\"legend\">\n";
    for (index, series) in chart.legend() {
        let (key, name) = (key(series, index), escaped(&series.name));
        let _ = writeln!(text, "<li><svg viewBox=\"0 0 28 12\" aria-hidden=\"true\">{key}</svg>{name}</li>");
    }
    text + "</ul>\n</figure>\n"
}

/// Everything but colours and lines of charts.
const STYLE: &str = "\
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1.5rem 1rem}
h1,h2,h3{line-height:1.25;margin:0 0 .5rem}
h3{margin-top:1.5rem}
section{margin-top:2.5rem}
p{margin:.4rem 0;max-width:46rem}
code{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.dim{color:var(--dim)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem;margin:1.5rem 0}
figure{margin:0;min-width:0}
figcaption{font-weight:600}
figure>svg{display:block;width:100%;height:auto}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;margin:.2rem 0 0;padding:0;font-size:.85rem}
.legend svg{width:28px;height:12px;margin-right:.4rem;vertical-align:middle}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem .2rem 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--rule)}
.n{text-align:right}
.forced td{color:var(--dim)}
.bad{color:var(--bad);font-weight:600}
@media print{main{max-width:none;padding:0}figure,tr{break-inside:avoid}.scroll{overflow:visible}
table{font-size:7pt}th,td{padding-right:4pt}}
";
