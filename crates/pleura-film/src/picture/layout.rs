//! The panel around a heatmap: what is said above, beside and below it.

use super::canvas::{FAINT, FRAME, GROUND, INK, Picture};
use super::diverging::Diverging;
use super::heatmap::Caption;
use super::outline::Outline;
use super::text::{TextSize, text_width, wrapped};

const MARGIN: usize = 14;
/// The legend's bar and the room for its words.
const BAR_WIDTH: usize = 18;
const LEGEND_WIDTH: usize = 132;

/// Printed on every picture.
const WARNING: &str = "Research use only. Not a medical device.";

/// What the legend tells.
pub(super) struct Legend<'a> {
    pub(super) colours: Diverging,
    /// The value at the bar's ends.
    pub(super) limit: f32,
    /// Whether greater values were cut to it.
    pub(super) clipped: bool,
    pub(super) outlines: &'a [Outline<'a>],
}

/// Puts a film with its overlay into a panel.
pub(super) fn panel(film: &Picture, caption: &Caption, legend: &Legend<'_>, notes: &[String]) -> Picture {
    // Below this width words would break at every syllable.
    let width = (film.width + LEGEND_WIDTH + 3 * MARGIN).max(420);
    let text_room = width - 2 * MARGIN;
    let head = [
        (
            wrapped(&caption.title, text_room, TextSize::Medium),
            TextSize::Medium,
            INK,
        ),
        (
            wrapped(&caption.subtitle(), text_room, TextSize::Medium),
            TextSize::Medium,
            INK,
        ),
        (
            wrapped(&caption.method, text_room, TextSize::Small),
            TextSize::Small,
            FAINT,
        ),
    ];
    let foot: Vec<String> = notes
        .iter()
        .map(String::as_str)
        .chain([WARNING])
        .flat_map(|note| wrapped(note, text_room, TextSize::Small))
        .collect();
    let height_of = |lines: usize, size: TextSize| lines * size.line();
    let head_height: usize = head
        .iter()
        .map(|(lines, size, _)| height_of(lines.len(), *size))
        .sum();
    let legend_height = 180 + legend.outlines.len() * 2 * TextSize::Small.line();
    let body_height = film.height.max(legend_height);
    let foot_height = height_of(foot.len(), TextSize::Small);
    let height = head_height + body_height + foot_height + 4 * MARGIN;

    let mut panel = Picture::new(width, height, GROUND);
    let mut top = MARGIN;
    for (lines, size, colour) in &head {
        for line in lines {
            panel.text(MARGIN, top, line, *size, *colour);
            top += size.line();
        }
    }
    top += MARGIN;
    panel.paste(film, MARGIN, top);
    panel.border(MARGIN - 1, top - 1, film.width + 2, film.height + 2, FRAME);
    draw_legend(
        &mut panel,
        legend,
        film.width + 2 * MARGIN,
        top,
        film.height.max(180),
    );
    top += body_height + MARGIN;
    for (index, line) in foot.iter().enumerate() {
        let colour = if index + 1 == foot.len() { INK } else { FAINT };
        panel.text(MARGIN, top, line, TextSize::Small, colour);
        top += TextSize::Small.line();
    }
    panel
}

fn draw_legend(panel: &mut Picture, legend: &Legend<'_>, left: usize, top: usize, height: usize) {
    let line = TextSize::Small.line();
    panel.text(left, top, "for", TextSize::Small, INK);
    let outlines_height = legend.outlines.len() * 2 * line;
    let bar_top = top + line + 6;
    let bar_height = height
        .saturating_sub(2 * line + 16 + outlines_height)
        .clamp(80, 420);

    for y in 0..bar_height {
        let value = 1.0 - 2.0 * y as f32 / (bar_height - 1) as f32;
        for x in 0..BAR_WIDTH {
            // The scale as it looks on dark, middle and bright film.
            let ground = [40, 120, 200][3 * x / BAR_WIDTH];
            panel.fill(left + x, bar_top + y, 1, 1, [ground; 3]);
            legend.colours.lay(panel, left + x, bar_top + y, value);
        }
    }
    panel.border(left - 1, bar_top - 1, BAR_WIDTH + 2, bar_height + 2, FRAME);

    let ticks: &[f32] = if bar_height >= 160 {
        &[1.0, 0.5, 0.0, -0.5, -1.0]
    } else {
        &[1.0, 0.0, -1.0]
    };
    for &tick in ticks {
        let y = bar_top + ((1.0 - tick) / 2.0 * (bar_height - 1) as f32).round() as usize;
        panel.fill(left + BAR_WIDTH + 1, y, 5, 1, INK);
        let mut label = number(tick * legend.limit);
        if legend.clipped && tick.abs() == 1.0 {
            label.insert_str(0, if tick > 0.0 { ">" } else { "<" });
        }
        panel.text(
            left + BAR_WIDTH + 10,
            y.saturating_sub(8),
            &label,
            TextSize::Small,
            INK,
        );
    }
    let mut below = bar_top + bar_height + 6;
    panel.text(left, below, "against", TextSize::Small, INK);
    below += line + 8;
    for outline in legend.outlines {
        panel.fill(left, below + 7, BAR_WIDTH, 2, outline.colour);
        let room = LEGEND_WIDTH - BAR_WIDTH - 10;
        for label in wrapped(&outline.label, room, TextSize::Small).iter().take(2) {
            debug_assert!(text_width(label, TextSize::Small) <= room);
            panel.text(left + BAR_WIDTH + 10, below, label, TextSize::Small, INK);
            below += line;
        }
    }
}

/// A number with two significant digits, short enough for a tick.
fn number(value: f32) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0".to_string()
    } else if (0.001..1000.0).contains(&magnitude) {
        let digits = (1 - magnitude.log10().floor() as i32).max(0) as usize;
        format!("{value:+.digits$}")
    } else {
        format!("{value:+.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short_and_signed() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.012_34), "+0.012");
        assert_eq!(number(-3.456), "-3.5");
        assert_eq!(number(120.0), "+120");
        assert_eq!(number(1.2e-5), "+1.2e-5");
    }
}
