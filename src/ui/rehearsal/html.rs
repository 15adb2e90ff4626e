//! A rehearsal as one self-contained page: lanes to look at, a table that says the same in words.
//!
//! Nothing is fetched; the page's own policy forbids it. Without its script every step is still
//! there: as a button with a name, and as a row of the table.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::layout::{
    MOST_LANES, STANDINGS, clock, ending, escape, label, mark_label, outcome, place, role, rows,
    share, standing, ticks,
};
use crate::rehearse::{Bar, Lane, LaneKind, Standing, Story};
use crate::ui::progress::duration;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Draws the page.
pub fn html(story: &Story) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let title = escape(&format!(
        "Rehearsal of {}: {}",
        story.cluster,
        verdict(story)
    ));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, story);
    page.push_str("<main>\n");
    chart(&mut page, story);
    wrong(&mut page, story);
    steps(&mut page, story);
    git(&mut page, story);
    page.push_str("</main>\n");
    foot(&mut page, story);
    add(
        &mut page,
        format_args!("<script>{SCRIPT}</script>\n</body>\n</html>\n"),
    );
    page
}

/// Says how it went, and for how long.
pub(super) fn verdict(story: &Story) -> String {
    let length = duration(story.length / 1000);
    match (story.converged, story.runs.len()) {
        (true, 1) => format!("it works, in {length}"),
        (true, runs) => format!("it works after {runs} runs, in {length}"),
        (false, _) => format!("it does not get there, in {length}"),
    }
}

fn head(page: &mut String, story: &Story) {
    let class = if story.converged { "good" } else { "bad" };
    let machines = story.lanes.iter().filter(|lane| is_machine(lane)).count();
    let facts = [
        ("machines", machines.to_string()),
        ("steps", story.bars().len().to_string()),
        ("runs", story.runs.len().to_string()),
        ("faults", story.marks.len().to_string()),
        ("simulated time", duration(story.length / 1000)),
    ];
    add(
        page,
        format_args!(
            "<header>\n<p class=\"brow\">homelab rehearse</p>\n<h1>Bootstrap of {}</h1>\n\
         <p class=\"verdict {class}\"><span aria-hidden=\"true\">{}</span> {}</p>\n",
            escape(&story.cluster),
            if story.converged { "✓" } else { "✕" },
            escape(&sentence(&verdict(story)))
        ),
    );
    if let Some(error) = &story.error {
        add(
            page,
            format_args!("<p class=\"error\">{}</p>\n", escape(error)),
        );
    }
    page.push_str("<dl class=\"facts\">");
    for (name, value) in facts {
        add(
            page,
            format_args!("<div><dt>{name}</dt><dd>{value}</dd></div>"),
        );
    }
    page.push_str("</dl>\n</header>\n");
}

fn chart(page: &mut String, story: &Story) {
    page.push_str(
        "<section aria-labelledby=\"timeline\">\n<h2 id=\"timeline\">Timeline</h2>\n\
         <p class=\"hint\">Every step is a bar: point at it, tap it, or move with the arrow keys. \
         <a href=\"#steps\">The same as a table</a> is below.</p>\n<div class=\"chart\">\n\
         <div class=\"axis\" aria-hidden=\"true\"><div class=\"scale\">",
    );
    for (at, name) in ticks(story.length) {
        let place = share(at, story.length);
        add(
            page,
            format_args!("<span style=\"--at:{place:.3}\">{name}</span>"),
        );
    }
    page.push_str("</div></div>\n<ul class=\"lanes\">\n");
    marks(page, story);
    for lane in story.lanes.iter().take(MOST_LANES) {
        draw_lane(page, lane, story.length);
    }
    page.push_str("</ul>\n");
    let left = story.lanes.len().saturating_sub(MOST_LANES);
    if left > 0 {
        add(
            page,
            format_args!("<p class=\"hint\">{left} more are in the table only.</p>\n"),
        );
    }
    legend(page, story);
    page.push_str("</div>\n<div id=\"detail\" class=\"detail\" aria-live=\"polite\" hidden></div>\n</section>\n");
}

/// What went wrong has a lane of its own, and a line through all the others.
fn marks(page: &mut String, story: &Story) {
    if story.marks.is_empty() {
        return;
    }
    page.push_str(
        "<li class=\"lane wrong\"><h3>faults <small>what went wrong</small></h3><div \
         class=\"track\" style=\"--rows:1\">",
    );
    for (number, mark) in (1..).zip(&story.marks) {
        let at = share(mark.at, story.length).min(100.0);
        if let Some(until) = mark.until {
            let to = share(until, story.length).min(100.0);
            add(
                page,
                format_args!(
                    "<span class=\"spell\" style=\"--from:{at:.3};--width:{:.3}\"></span>",
                    to - at
                ),
            );
        }
        add(
            page,
            format_args!(
                "<button type=\"button\" class=\"mark\" data-row=\"mark-{number}\" \
             style=\"--at:{at:.3}\" aria-label=\"{}\"></button>",
                escape(&mark_label(mark))
            ),
        );
    }
    page.push_str("</div></li>\n");
}

fn draw_lane(page: &mut String, lane: &Lane, length: u64) {
    let placed = place(lane, length);
    let bars = rows(&placed);
    add(
        page,
        format_args!(
            "<li class=\"lane\"><h3>{} <small>{}</small></h3><div class=\"track{}\" \
         style=\"--rows:{}\">",
            escape(&lane.name),
            role(lane.kind),
            if lane.bands.is_empty() {
                ""
            } else {
                " machine"
            },
            bars.max(1)
        ),
    );
    bands(page, lane, length);
    for placed in &placed {
        let bar = placed.bar;
        add(
            page,
            format_args!(
                "<button type=\"button\" class=\"bar {}\" data-row=\"step-{}\" \
             style=\"--from:{:.3};--width:{:.3};--row:{}\" aria-label=\"{}\">\
             <span aria-hidden=\"true\">{}</span></button>",
                ending(bar),
                bar.number,
                placed.from,
                placed.width,
                placed.row,
                escape(&label(bar)),
                escape(&bar.step)
            ),
        );
    }
    for moment in &lane.moments {
        add(
            page,
            format_args!(
                "<span class=\"dot\" style=\"--at:{:.3}\" title=\"{} at {}\"></span>",
                share(moment.at, length).min(100.0),
                escape(&moment.what),
                clock(moment.at)
            ),
        );
    }
    page.push_str("</div></li>\n");
}

fn bands(page: &mut String, lane: &Lane, length: u64) {
    if lane.bands.is_empty() {
        return;
    }
    let said: Vec<String> = lane
        .bands
        .iter()
        .map(|band| format!("{} from {}", standing(band.standing).1, clock(band.from)))
        .collect();
    let said = escape(&format!("{}: {}", lane.name, said.join(", ")));
    add(
        page,
        format_args!("<div class=\"bands\" role=\"img\" aria-label=\"{said}\">"),
    );
    for band in &lane.bands {
        let (class, word) = standing(band.standing);
        let (from, to) = (share(band.from, length), share(band.to, length));
        add(
            page,
            format_args!(
                "<span class=\"band {class}\" style=\"--from:{from:.3};--width:{:.3}\" \
             title=\"{} {word}, {} to {}\"></span>",
                to - from,
                escape(&lane.name),
                clock(band.from),
                clock(band.to)
            ),
        );
    }
    page.push_str("</div>");
}

fn legend(page: &mut String, story: &Story) {
    let is_seen = |wanted: &Standing| {
        let mut bands = story.lanes.iter().flat_map(|lane| &lane.bands);
        bands.any(|band| band.standing == *wanted)
    };
    page.push_str("<ul class=\"legend\" aria-label=\"What the colours mean\">");
    for state in STANDINGS.iter().filter(|state| is_seen(state)) {
        let (class, word) = standing(*state);
        add(
            page,
            format_args!("<li><span class=\"band {class}\"></span>{word}</li>"),
        );
    }
    for (class, word) in [
        ("done", "step"),
        ("slow", "slower than normal"),
        ("skipped", "not needed"),
        ("failed", "failed"),
        ("cut", "cut off"),
    ] {
        if story.bars().iter().any(|bar| ending(bar) == class) {
            add(
                page,
                format_args!("<li><span class=\"bar {class}\"></span>{word}</li>"),
            );
        }
    }
    page.push_str("</ul>\n");
}

fn wrong(page: &mut String, story: &Story) {
    if story.marks.is_empty() {
        return;
    }
    page.push_str(
        "<section aria-labelledby=\"wrong\">\n<h2 id=\"wrong\">What went wrong</h2>\n<ol class=\"wrongs\">\n",
    );
    for (number, mark) in (1..).zip(&story.marks) {
        add(
            page,
            format_args!(
                "<li id=\"mark-{number}\">{}</li>\n",
                escape(&sentence(&mark_label(mark)))
            ),
        );
    }
    page.push_str("</ol>\n</section>\n");
}

fn steps(page: &mut String, story: &Story) {
    page.push_str(
        "<section aria-labelledby=\"steps\">\n<h2 id=\"steps\">Every step</h2>\n<div class=\"scroll\" \
         role=\"region\" aria-labelledby=\"steps\" tabindex=\"0\">\n<table>\n<thead><tr>\
         <th scope=\"col\">at</th><th scope=\"col\">took</th><th scope=\"col\">step</th>\
         <th scope=\"col\">how it ended, and what was seen meanwhile</th></tr></thead>\n",
    );
    for (number, run) in (1..).zip(&story.runs) {
        if story.runs.len() > 1 {
            add(
                page,
                format_args!(
                    "<tbody class=\"run\"><tr><th scope=\"rowgroup\" colspan=\"4\">Run {number}, from {} \
                 to {}: {}</th></tr></tbody>\n",
                    clock(run.from),
                    clock(run.to),
                    escape(&run.end)
                ),
            );
        }
        page.push_str("<tbody>\n");
        for bar in story.bars().into_iter().filter(|bar| bar.run == number) {
            row(page, bar);
        }
        page.push_str("</tbody>\n");
    }
    page.push_str("</table>\n</div>\n</section>\n");
}

fn row(page: &mut String, bar: &Bar) {
    add(
        page,
        format_args!(
            "<tr id=\"step-{}\" class=\"{}\"><td>{}</td><td>{}</td><th scope=\"row\">{}</th><td><p \
         class=\"what\">{}</p><p class=\"end\">{}</p>",
            bar.number,
            ending(bar),
            clock(bar.from),
            duration(bar.seconds()),
            escape(&bar.step),
            escape(&sentence(&bar.what)),
            escape(&sentence(&outcome(bar)))
        ),
    );
    if let Some(first) = bar.waits.first() {
        add(
            page,
            format_args!(
                "<p class=\"wait\">Waited until {} (normal: up to {}): {}.</p><ul class=\"seen\">",
                escape(&first.what),
                duration(first.normal),
                escape(&first.because)
            ),
        );
        for wait in &bar.waits {
            add(
                page,
                format_args!(
                    "<li><time>{}</time> {}</li>",
                    clock(wait.at),
                    escape(&wait.seen)
                ),
            );
        }
        page.push_str("</ul>");
    }
    page.push_str("</td></tr>\n");
}

fn git(page: &mut String, story: &Story) {
    let Some(lane) = story.lanes.iter().find(|lane| lane.kind == LaneKind::Git) else {
        return;
    };
    page.push_str(
        "<section aria-labelledby=\"git\">\n<h2 id=\"git\">What Git brought</h2>\n<ol class=\"brought\">\n",
    );
    for moment in &lane.moments {
        add(
            page,
            format_args!(
                "<li><time>{}</time> {}</li>\n",
                clock(moment.at),
                escape(&moment.what)
            ),
        );
    }
    page.push_str("</ol>\n</section>\n");
}

fn foot(page: &mut String, story: &Story) {
    add(
        page,
        format_args!(
            "<footer>\n<p>Simulated machines, the real engine, the real protocols; no disk was written and \
         no image pulled. The same story again:</p>\n<pre><code>{}</code></pre>\n</footer>\n",
            escape(&story.replay)
        ),
    );
}

fn is_machine(lane: &Lane) -> bool {
    matches!(lane.kind, LaneKind::ControlPlane | LaneKind::Worker)
}

/// Begins with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Writing to a string does not fail.
fn add(page: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(arguments);
}
