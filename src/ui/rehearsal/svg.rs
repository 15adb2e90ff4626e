//! A rehearsal as one picture: the same lanes as the page, with their names drawn in.

use std::fmt::Write as _;

use super::html::verdict;
use super::layout::{
    MOST_LANES, Placed, clock, ending, escape, label, mark_label, place, role, rows, share,
    standing, ticks,
};
use crate::rehearse::{Lane, Story};

const STYLE: &str = include_str!("picture.css");
const WIDTH: f64 = 1200.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 112.0;
const ROW: f64 = 22.0;
const BAND: f64 = 12.0;
const GAP: f64 = 18.0;
/// A letter's width, to tell whether a name fits.
const LETTER: f64 = 6.7;

/// Draws the picture.
pub fn svg(story: &Story) -> String {
    let lanes: Vec<(&Lane, Vec<Placed<'_>>)> = story
        .lanes
        .iter()
        .take(MOST_LANES)
        .map(|lane| (lane, place(lane, story.length)))
        .collect();
    let faults = if story.marks.is_empty() {
        0.0
    } else {
        ROW + GAP
    };
    let heights: f64 = lanes
        .iter()
        .map(|(lane, placed)| height(lane, placed) + GAP)
        .sum();
    let bottom = TOP + faults + heights;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" \
         height=\"{0}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">Rehearsal of {1}: \
         {2}</title>\n<style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" \
         rx=\"14\"/>\n<text class=\"head\" x=\"30\" y=\"48\">Bootstrap of {1}, rehearsed</text>\n<text \
         class=\"{3}\" x=\"30\" y=\"74\">{2}</text>\n",
        bottom + 14.0,
        escape(&story.cluster),
        escape(&verdict(story)),
        if story.converged { "good" } else { "bad" },
    );
    axis(&mut picture, story, bottom - 6.0);
    let mut top = TOP;
    if !story.marks.is_empty() {
        name(&mut picture, "faults", "what went wrong", top, ROW);
        marks(&mut picture, story, top, bottom - 6.0);
        top += faults;
    }
    for (lane, placed) in &lanes {
        draw_lane(&mut picture, lane, placed, story.length, top);
        top += height(lane, placed) + GAP;
    }
    picture.push_str("</svg>\n");
    picture
}

fn x(share: f64) -> f64 {
    LEFT + share * (WIDTH - LEFT - RIGHT) / 100.0
}

fn height(lane: &Lane, placed: &[Placed<'_>]) -> f64 {
    let bands = if lane.bands.is_empty() {
        0.0
    } else {
        BAND + 4.0
    };
    #[expect(clippy::cast_precision_loss, reason = "rows are few")]
    let rows = rows(placed) as f64;
    (bands + rows * ROW).max(ROW)
}

fn axis(picture: &mut String, story: &Story, bottom: f64) {
    for (at, name) in ticks(story.length) {
        let x = x(share(at, story.length));
        add(
            picture,
            format_args!(
                "<path class=\"grid\" d=\"M{x:.1} 92V{bottom:.1}\"/><text class=\"soft\" x=\"{:.1}\" \
             y=\"100\">{name}</text>\n",
                x + 5.0
            ),
        );
    }
}

fn name(picture: &mut String, name: &str, role: &str, top: f64, height: f64) {
    let middle = top + height / 2.0;
    add(
        picture,
        format_args!(
            "<text class=\"lane\" x=\"30\" y=\"{:.1}\">{}</text><text class=\"soft\" x=\"30\" \
         y=\"{:.1}\">{}</text>\n",
            middle - 1.0,
            escape(name),
            middle + 13.0,
            escape(role)
        ),
    );
}

fn draw_lane(picture: &mut String, lane: &Lane, placed: &[Placed<'_>], length: u64, top: f64) {
    name(
        picture,
        &lane.name,
        role(lane.kind),
        top,
        height(lane, placed),
    );
    for band in &lane.bands {
        let (class, word) = standing(band.standing);
        let (from, to) = (x(share(band.from, length)), x(share(band.to, length)));
        add(
            picture,
            format_args!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
             height=\"{BAND}\"><title>{} {word}, {} to {}</title></rect>\n",
                to - from,
                escape(&lane.name),
                clock(band.from),
                clock(band.to)
            ),
        );
    }
    let rows_top = if lane.bands.is_empty() {
        top
    } else {
        top + BAND + 4.0
    };
    for placed in placed {
        bar(picture, placed, rows_top);
    }
    let middle = if lane.bands.is_empty() {
        top + ROW / 2.0
    } else {
        top + BAND / 2.0
    };
    for moment in &lane.moments {
        add(
            picture,
            format_args!(
                "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4.5\"><title>{} at \
             {}</title></circle>\n",
                x(share(moment.at, length)),
                escape(&moment.what),
                clock(moment.at)
            ),
        );
    }
}

fn bar(picture: &mut String, placed: &Placed<'_>, top: f64) {
    #[expect(clippy::cast_precision_loss, reason = "rows are few, names short")]
    let (y, needs) = (
        top + placed.row as f64 * ROW,
        placed.bar.step.len() as f64 * LETTER + 12.0,
    );
    let (from, to) = (x(placed.from), x(placed.from + placed.width));
    let class = ending(placed.bar);
    add(
        picture,
        format_args!(
            "<g><rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" \
         rx=\"4\"/><title>{}</title>",
            to - from - 1.0,
            ROW - 3.0,
            escape(&label(placed.bar))
        ),
    );
    if to - from >= needs {
        add(
            picture,
            format_args!(
                "<text class=\"in-{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                from + 6.0,
                y + 13.5,
                escape(&placed.bar.step)
            ),
        );
    }
    picture.push_str("</g>\n");
}

fn marks(picture: &mut String, story: &Story, top: f64, bottom: f64) {
    let middle = top + ROW / 2.0;
    for mark in &story.marks {
        let at = x(share(mark.at, story.length).min(100.0));
        if let Some(until) = mark.until {
            let to = x(share(until, story.length).min(100.0));
            add(
                picture,
                format_args!(
                    "<rect class=\"spell\" x=\"{at:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"8\" rx=\"4\"/>\n",
                    middle - 4.0,
                    to - at
                ),
            );
        }
        add(
            picture,
            format_args!(
                "<path class=\"through\" d=\"M{at:.1} {middle:.1}V{bottom:.1}\"/><path class=\"mark\" \
             d=\"M{at:.1} {:.1}l8 8l-8 8l-8-8z\"><title>{}</title></path>\n",
                middle - 8.0,
                escape(&mark_label(mark))
            ),
        );
    }
}

/// Writing to a string does not fail.
fn add(picture: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = picture.write_fmt(arguments);
}
