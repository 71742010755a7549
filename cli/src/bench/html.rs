//! The page of a report around its charts and tables.

/// Text between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // No control character has a place in a page.
            c if c.is_control() && c != '\n' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A page that needs nothing but itself.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Colours that stay apart for colour-blind readers, on light and on dark; paper is light.
const STYLE: &str = "\
:root{--page:#fff;--ink:#1c1d21;--dim:#5d6068;--rule:#dcdee3;--bad:#b3261e;
--c0:#0b62a8;--c1:#c2560a;--c2:#00795a;--c3:#9c3a83;--c4:#7a6100;--c5:#55585f}
@media screen and (prefers-color-scheme:dark){:root{--page:#15171b;--ink:#e8e9ec;--dim:#a2a6ae;--rule:#33363d;
--bad:#ff8a80;--c0:#6db8f2;--c1:#f5a15b;--c2:#4fcf9f;--c3:#e597cf;--c4:#dcc34a;--c5:#b4b8c0}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1.5rem 1rem}
h1,h2{line-height:1.25;margin:0 0 .5rem}
section{margin-top:2.5rem}
p{margin:.4rem 0;max-width:46rem}
code{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.dim{color:var(--dim)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem;margin:1.5rem 0}
figure{margin:0;min-width:0}
figcaption{font-weight:600}
figure>svg{display:block;width:100%;height:auto}
svg text{fill:var(--dim);font:11px system-ui,sans-serif}
svg .end{text-anchor:end}
svg .middle{text-anchor:middle}
.grid{stroke:var(--rule);fill:none}
.axis{stroke:var(--dim);fill:none}
.line{stroke:currentColor;stroke-width:2;fill:none}
.mark{fill:currentColor;stroke:var(--page)}
.measure .line{stroke-dasharray:5 4}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}
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
