//! The page of a report around its charts and tables.

use std::fmt::Write as _;

use super::colours::dark;
use super::escape::escaped;
use super::plot::{Chart, key};

/// A page that needs nothing but itself.
pub(crate) fn page(title: &str, body: &str) -> String {
    let (title, dark) = (escaped(title), dark());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title}</title>\n<style>\n{COLOURS}{dark}{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A chart with its caption and legend.
pub(crate) fn figure(chart: &Chart) -> String {
    let title = escaped(&chart.title);
    let mut text = format!("<figure>\n<figcaption>{title}</figcaption>\n");
    let drawing = chart.drawing().unwrap_or_default();
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

/// The page's colours on light and on dark; paper is light. Charts have theirs in their drawings.
const COLOURS: &str = "\
:root{--page:#fff;--ink:#1c1d21;--dim:#5d6068;--rule:#dcdee3;--bad:#b3261e;--shade:#00000038}
@media screen and (prefers-color-scheme:dark){:root{--page:#15171b;--ink:#e8e9ec;--dim:#a2a6ae;--rule:#33363d;
--bad:#ff8a80;--shade:#000000d0}}
";

/// Everything but colours. A table that goes on beyond an edge has a shadow there, which its own ground covers at the
/// end of the way: many screens show no bar before they are touched.
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
.charts{display:grid;grid-template-columns:minmax(0,1fr);gap:1.5rem;margin:1.5rem 0}
@media print,(min-width:56rem){.charts{grid-template-columns:repeat(2,minmax(0,1fr))}
.charts figure:last-child:nth-child(odd){grid-column:1/-1;width:calc(50% - .75rem);justify-self:center}}
figure{margin:0;min-width:0}
figcaption{font-weight:600}
figure>svg{display:block;width:100%;height:auto}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;margin:.2rem 0 0;padding:0;font-size:.85rem}
.legend svg{width:28px;height:12px;margin-right:.4rem;vertical-align:middle}
.wide{display:none;color:var(--dim);font-size:.85rem}
.scroll{overflow-x:auto;scrollbar-width:auto;scrollbar-color:var(--dim) var(--rule);background:
linear-gradient(to right,var(--page) 30%,transparent) left/3rem 100% local no-repeat,
linear-gradient(to left,var(--page) 30%,transparent) right/3rem 100% local no-repeat,
linear-gradient(to right,var(--shade),transparent) left/.9rem 100% scroll no-repeat,
linear-gradient(to left,var(--shade),transparent) right/.9rem 100% scroll no-repeat}
.scroll:focus-visible{outline:2px solid var(--dim)}
@media(max-width:68rem){.wide{display:block}}
table{border-collapse:collapse;font-size:.85rem;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem .2rem 0;text-align:left;white-space:nowrap;border-bottom:1px solid var(--rule)}
.n{text-align:right}
.forced td{color:var(--dim)}
.bad{color:var(--bad);font-weight:600}
@media print{main{max-width:none;padding:0}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}
.scroll{overflow:visible;background:none}
.wide{display:none}table{font-size:7pt}th,td{padding-right:4pt}}
";
