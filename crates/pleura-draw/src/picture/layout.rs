//! The panel around a heatmap: caption above, legend beside, notes below.

use pleura_core::NOTICE;

use super::canvas::{FAINT, FRAME, GROUND, INK, Picture};
use super::caption::Caption;
use super::diverging::Diverging;
use super::iso_lines;
use super::outline::Outline;
use super::text::{TextSize, wrapped};

const MARGIN: usize = 14;
/// The width of the legend's bar.
const BAR_WIDTH: usize = 18;
const LEGEND_WIDTH: usize = 172;
/// The least height at which the legend's labels do not touch.
const LEGEND_HEIGHT: usize = 300;

/// The content of the legend.
pub(super) struct Legend<'a> {
    pub(super) colours: Diverging,
    /// Brightness of the film's white under the colours, 0..=1.
    pub(super) white: f32,
    /// The value at the bar's ends.
    pub(super) limit: f32,
    /// True if larger values were clipped to it.
    pub(super) clipped: bool,
    /// The unit of the values.
    pub(super) unit: &'a str,
    /// True if there are lines of equal relevance.
    pub(super) contours: bool,
    pub(super) outlines: &'a [Outline<'a>],
}

/// A framed film with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// The whole panel.
    pub picture: Picture,
    /// The row at which the film begins, to align films on a sheet.
    pub film_top: usize,
}

impl From<Picture> for Panel {
    /// A picture without frame and text.
    fn from(picture: Picture) -> Self {
        Self { picture, film_top: 0 }
    }
}

/// Puts a film into a panel, with a legend if given.
pub(super) fn panel(
    film: &Picture,
    caption: &Caption,
    legend: Option<&Legend<'_>>,
    notes: &[String],
) -> Panel {
    let beside = legend.map_or(0, |_| LEGEND_WIDTH + MARGIN);
    // A narrower panel would break the text too often.
    let width = (film.width + beside + 2 * MARGIN).max(420);
    let text_room = width - 2 * MARGIN;
    let (medium, small) = (TextSize::Medium, TextSize::Small);
    let head = [
        (wrapped(&caption.title, text_room, medium), medium, INK),
        (wrapped(&caption.subtitle(), text_room, medium), medium, INK),
        (wrapped(&caption.method, text_room, small), small, FAINT),
    ];
    let foot: Vec<String> = notes
        .iter()
        .map(String::as_str)
        .chain([NOTICE])
        .flat_map(|note| wrapped(note, text_room, small))
        .collect();
    let head_height: usize = head
        .iter()
        .map(|(lines, size, _)| lines.len() * size.line())
        .sum();
    let legend_height = legend.map_or(0, |legend| LEGEND_HEIGHT.max(legend.below() + 180));
    let body_height = film.height.max(legend_height);
    let height = head_height + body_height + foot.len() * small.line() + 4 * MARGIN;

    let mut panel = Picture::new(width, height, GROUND);
    let mut top = MARGIN;
    for (lines, size, colour) in &head {
        for line in lines {
            panel.text(MARGIN, top, line, *size, *colour);
            top += size.line();
        }
    }
    top += MARGIN;
    let film_top = top;
    panel.paste(film, MARGIN, top);
    panel.border(MARGIN - 1, top - 1, film.width + 2, film.height + 2, FRAME);
    if let Some(legend) = legend {
        legend.draw(&mut panel, film.width + 2 * MARGIN, top, body_height);
    }
    top += body_height + MARGIN;
    for (index, line) in foot.iter().enumerate() {
        let colour = if index + 1 == foot.len() { INK } else { FAINT };
        panel.text(MARGIN, top, line, small, colour);
        top += small.line();
    }
    Panel {
        picture: panel,
        film_top,
    }
}

/// The height of a line of the legend.
const LINE: usize = TextSize::Small.line();

impl Legend<'_> {
    /// The lines that name the unit of the ticks, and the divisor from values to ticks.
    fn unit(&self) -> (Vec<String>, f32) {
        let (divisor, factor) = readable(self.limit);
        let words = match (self.unit, factor.as_str()) {
            ("", "") => "no unit".to_owned(),
            ("", factor) => format!("unit: {factor}"),
            (unit, "") => format!("unit: {unit}"),
            (unit, factor) => format!("unit: {factor} {unit}"),
        };
        (wrapped(&words, LEGEND_WIDTH, TextSize::Small), divisor)
    }

    /// The height below the bar.
    fn below(&self) -> usize {
        let marks = self.outlines.len() + if self.contours { 2 } else { 0 };
        (1 + self.unit().0.len() + marks) * LINE + 8 + if marks > 0 { 8 } else { 0 }
    }

    fn draw(&self, panel: &mut Picture, left: usize, top: usize, height: usize) {
        let small = TextSize::Small;
        panel.text(left, top, "evidence for", small, INK);
        let bar_top = top + LINE + 6;
        let bar_height = height.saturating_sub(LINE + 12 + self.below()).clamp(80, 420);
        for y in 0..bar_height {
            let value = 1.0 - 2.0 * y as f32 / (bar_height - 1) as f32;
            for x in 0..BAR_WIDTH {
                // The colours over dark, medium and bright film.
                let ground = [30.0, 128.0, 230.0][3 * x / BAR_WIDTH] * self.white;
                panel.fill(left + x, bar_top + y, 1, 1, [ground as u8; 3]);
                self.colours.lay(panel, left + x, bar_top + y, value);
            }
        }
        panel.border(left - 1, bar_top - 1, BAR_WIDTH + 2, bar_height + 2, FRAME);

        let (unit, divisor) = self.unit();
        let ticks: &[f32] = if bar_height >= 160 {
            &[1.0, 0.5, 0.0, -0.5, -1.0]
        } else {
            &[1.0, 0.0, -1.0]
        };
        for &tick in ticks {
            let y = bar_top + ((1.0 - tick) / 2.0 * (bar_height - 1) as f32).round() as usize;
            panel.fill(left + BAR_WIDTH + 1, y, 5, 1, INK);
            let mut label = number(tick * self.limit / divisor);
            if self.clipped && tick.abs() == 1.0 {
                label.push_str(if tick > 0.0 { " or more" } else { " or less" });
            }
            panel.text(left + BAR_WIDTH + 10, y.saturating_sub(8), &label, small, INK);
        }
        let mut below = bar_top + bar_height + 6;
        panel.text(left, below, "evidence against", small, INK);
        below += LINE;
        for line in &unit {
            panel.text(left, below, line, small, FAINT);
            below += LINE;
        }
        below += 8;
        let words = left + BAR_WIDTH + 10;
        if self.contours {
            for (colour, label, broken) in [
                (iso_lines::FOR, "lines: for", false),
                (iso_lines::AGAINST, "lines: against", true),
            ] {
                for x in (0..BAR_WIDTH).filter(|x| !broken || x % 10 < 6) {
                    panel.fill(left + x, below + 7, 1, 2, colour);
                }
                panel.text(words, below, label, small, INK);
                below += LINE;
            }
        }
        for outline in self.outlines {
            panel.fill(left, below + 7, BAR_WIDTH, 2, outline.colour);
            let room = LEGEND_WIDTH - BAR_WIDTH - 10;
            if let Some(label) = wrapped(&outline.label, room, small).first() {
                panel.text(words, below, label, small, INK);
            }
            below += LINE;
        }
    }
}

/// The power of a thousand that turns a scale's end into a number between 0.1 and 100, and its name: 0.00026
/// is shown as 0.26 in units of 0.001.
fn readable(limit: f32) -> (f32, String) {
    let thousands = ((limit.log10() + 1.0) / 3.0).floor().clamp(-12.0, 12.0) as i32;
    let words = match thousands {
        0 => String::new(),
        -1 => "0.001".to_owned(),
        _ => format!("1e{}", 3 * thousands),
    };
    (10.0_f32.powi(3 * thousands), words)
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

    #[test]
    fn small_scales_get_a_unit_that_makes_their_ticks_readable() {
        let told = |limit: f32| {
            let (divisor, words) = readable(limit);
            (number(limit / divisor), words)
        };
        assert_eq!(told(2.5), ("+2.5".to_owned(), String::new()));
        assert_eq!(told(0.051), ("+51".to_owned(), "0.001".to_owned()));
        assert_eq!(told(0.000_26), ("+0.26".to_owned(), "0.001".to_owned()));
        assert_eq!(told(3e-6), ("+3.0".to_owned(), "1e-6".to_owned()));
        assert_eq!(told(2600.0), ("+2.6".to_owned(), "1e3".to_owned()));
    }
}
