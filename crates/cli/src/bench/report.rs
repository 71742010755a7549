//! The report: one page with charts and tables.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::charts::charts;
use super::escape::escaped;
use super::html::{figure, page};
use super::section::{Line, Section};
use super::svg;
use super::table::Document;

/// The page for what was measured on each adapter.
pub(crate) fn report(sections: &[Section]) -> String {
    let mut body = String::from("<header>\n<h1>gpu-loss bench</h1>\n");
    // Writing into a string cannot fail.
    let _ = writeln!(body, "<p class=\"dim\">Written {}, gpu-loss {}</p>", today(), env!("CARGO_PKG_VERSION"));
    let _ = writeln!(body, "<p><code>{}</code></p>", escaped(&command_line()));
    body += "<p>Each shape was checked against a float64 reference, then timed on device memory in turns with the best \
             copy of the same number of bytes that was found on the adapter. Times are medians; a rate is the least that \
             must move (scores once in, gradient once out, targets, losses) over the time.</p>\n</header>\n";
    for section in sections {
        let _ = writeln!(body, "<section>\n<h2>{}</h2>", escaped(&section.title));
        let _ = writeln!(body, "<p class=\"dim\">Timed {}.</p>\n<div class=\"charts\">", section.clock);
        charts(&section.lines).iter().for_each(|(_, chart)| body += &figure(chart));
        body += "</div>\n";
        table(&mut body, section);
        checked(&mut body, section);
        body += "</section>\n";
    }
    page("gpu-loss bench", &body)
}

/// The charts of each adapter as pictures of their own, by their file names.
pub(crate) fn pictures(sections: &[Section]) -> Vec<(String, String)> {
    let mut pictures = Vec::new();
    for (at, section) in sections.iter().enumerate() {
        // A file's backend is anybody's text.
        let backend: String = section.backend.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        for (name, chart) in charts(&section.lines) {
            pictures.extend(svg::document(&chart).map(|picture| (format!("{at}-{backend}-{name}.svg"), picture)));
        }
    }
    pictures
}

fn table(body: &mut String, section: &Section) {
    let has_shader_copy = section.lines.iter().any(|line| line.of_shader_copy.is_some());
    let last = if has_shader_copy { "<th class=\"n\">of shader copy</th>" } else { "" };
    let _ = writeln!(
        body,
        "<h3>All figures</h3>\n{SCROLL}aria-label=\"All figures\">\n<table>\n<thead><tr><th>loss</th><th>targets</th>\
         <th class=\"n\">rows</th><th class=\"n\">classes</th><th>type</th><th>mode</th><th>strategy</th>\
         <th class=\"n\">median ms</th><th class=\"n\">min ms</th><th class=\"n\">GB/s</th>\
         <th class=\"n\">copy GB/s</th><th class=\"n\">of copy</th>{last}</tr></thead>\n<tbody>"
    );
    for Line { figures, chosen, of_shader_copy, .. } in &section.lines {
        let Document { loss, targets, dtype, mode, strategy, .. } = figures;
        let class = if *chosen { "" } else { " class=\"forced\"" };
        let _ = write!(body, "<tr{class}>");
        [loss, &**targets].iter().for_each(|word| cell(body, "", word));
        [figures.rows, figures.classes].iter().for_each(|count| cell(body, " class=\"n\"", &count.to_string()));
        [dtype, mode, strategy].iter().for_each(|word| cell(body, "", word));
        let times = [(figures.median_ms, 3), (figures.min_ms, 3)];
        let rates = [(figures.gbps, 1), (figures.copy_gbps, 1), (figures.of_copy, 2)];
        let last = of_shader_copy.map(|share| (share, 2));
        for (figure, digits) in times.into_iter().chain(rates).chain(last) {
            cell(body, " class=\"n\"", &format!("{figure:.digits$}"));
        }
        let _ = writeln!(body, "</tr>");
    }
    *body += "</tbody>\n</table>\n</div>\n";
    if section.lines.iter().any(|line| !line.chosen) {
        *body += "<p class=\"dim\">Pale rows are forced strategies, behind the one that the library chooses.</p>\n";
    }
    if !section.left_out.is_empty() {
        *body += "<details>\n<summary>Not measured</summary>\n<ul>\n";
        for what in &section.left_out {
            let _ = writeln!(body, "<li>{}</li>", escaped(what));
        }
        *body += "</ul>\n</details>\n";
    }
}

/// Around a table that is wider than a phone: reached by the keyboard too.
const SCROLL: &str = "<p class=\"wide\">The table goes on to the right: scroll it sideways.</p>\n\
                      <div class=\"scroll\" tabindex=\"0\" role=\"region\" ";

fn checked(body: &mut String, section: &Section) {
    if section.bars.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<h3>Against the bars</h3>\n{SCROLL}aria-label=\"Against the bars\">\n<table>\n<thead><tr><th>verdict</th>\
         <th class=\"n\">figure</th><th>bar</th><th>what</th></tr></thead>\n<tbody>"
    );
    for ([verdict, figure, limit, what], kept) in &section.bars {
        let _ = write!(body, "<tr>");
        cell(body, if *kept { "" } else { " class=\"bad\"" }, verdict);
        cell(body, " class=\"n\"", figure);
        cell(body, "", limit);
        cell(body, "", what);
        let _ = writeln!(body, "</tr>");
    }
    *body += "</tbody>\n</table>\n</div>\n";
}

fn cell(body: &mut String, class: &str, text: &str) {
    let _ = write!(body, "<td{class}>{}</td>", escaped(text));
}

/// The program's arguments, as they were given.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        if argument.is_empty() || argument.contains(char::is_whitespace) { format!("'{argument}'") } else { argument }
    });
    std::iter::once("gpu-loss".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The date in Greenwich.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date so many days after 1970-01-01.
fn date(days: u64) -> String {
    // Years begin in March here, so that leap days come last; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let days = [0, 58, 59, 11_016, 11_017, 20_000, 20_513];
        let dates = ["1970-01-01", "1970-02-28", "1970-03-01", "2000-02-29", "2000-03-01", "2024-10-04", "2026-03-01"];
        assert_eq!(days.map(date), dates);
    }
}
