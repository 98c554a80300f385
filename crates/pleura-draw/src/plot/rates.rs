//! ROC and precision–recall curves, each finding against the rest.

use maud::{Markup, html};

use super::axis::{Axis, Ruler, Ticks, frame};
use super::curves::path;
use super::style::{FONT, INK, SOFT, dash, px, series_style, shorten, text, text_width};
use super::svg::{Plot, document};

/// The most curves in one square; with more, each gets a small square.
const TOGETHER: usize = 6;

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub struct RateCurve {
    /// The finding.
    pub name: String,
    /// (horizontal rate, vertical rate), both in [0, 1], in the order they are joined.
    pub points: Vec<(f64, f64)>,
    /// The note in the legend, such as `AUC 0.97 [0.93, 0.99]`.
    pub note: String,
    /// The finding's prevalence: the height of the chance line in a precision–recall plot.
    pub prevalence: Option<f64>,
}

/// Draws ROC curves: sensitivity against 1 − specificity, with the chance diagonal.
pub fn roc(title: &str, curves: &[RateCurve]) -> Plot {
    rates(title, curves, Square::Roc)
}

/// Draws precision–recall curves, each with its chance line at the finding's prevalence.
pub fn precision_recall(title: &str, curves: &[RateCurve]) -> Plot {
    rates(title, curves, Square::PrecisionRecall)
}

#[derive(Clone, Copy)]
enum Square {
    Roc,
    PrecisionRecall,
}

impl Square {
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Roc => ("1 − specificity", "sensitivity"),
            Self::PrecisionRecall => ("recall (sensitivity)", "precision"),
        }
    }
}

fn rates(title: &str, curves: &[RateCurve], square: Square) -> Plot {
    if curves.len() > TOGETHER {
        small_squares(title, curves, square)
    } else {
        one_square(title, curves, square)
    }
}

fn description(curves: &[RateCurve]) -> String {
    curves
        .iter()
        .map(|c| format!("{}: {}", c.name, c.note))
        .collect::<Vec<_>>()
        .join("; ")
}

fn one_square(title: &str, curves: &[RateCurve], square: Square) -> Plot {
    const SIDE: f64 = 300.0;
    const ROW: f64 = 19.0;
    let legend: Vec<String> = curves.iter().map(|c| shorten(&c.name, 26)).collect();
    let names = legend
        .iter()
        .map(|name| text_width(name, FONT))
        .fold(60.0, f64::max);
    let (left, top) = (54.0, 28.0);
    let (right, bottom) = (left + SIDE, top + SIDE);
    let notes = curves
        .iter()
        .map(|c| text_width(&c.note, FONT))
        .fold(0.0, f64::max);
    let width = (right + 24.0).max(left + 34.0 + names + 14.0 + notes + 8.0);
    let first_row = bottom + 62.0;
    let height = first_row + ROW * curves.len() as f64 - 4.0;
    let (x_label, y_label) = square.labels();
    let unit = |label: &str| Axis::new(label).range(0.0, 1.0).ticks(Ticks::Percent);
    let (x, y) = (
        Ruler::new(&unit(x_label), std::iter::empty(), left, right),
        Ruler::new(&unit(y_label), std::iter::empty(), bottom, top),
    );
    let body = html! {
        (frame(&x, &y, x_label, y_label))
        @for (i, curve) in curves.iter().enumerate() { (guessing(curve, i, square, &x, &y)) }
        @for (i, curve) in curves.iter().enumerate() { (drawn(curve, i, &x, &y)) }
        @for (i, (curve, name)) in curves.iter().zip(&legend).enumerate() {
            @let row = first_row + ROW * i as f64;
            (series_style(i).sample(left, row - 4.0, false))
            (text(left + 34.0, row, "start", INK, name))
            (text(left + 34.0 + names + 14.0, row, "start", SOFT, &curve.note))
        }
    };
    document(width, height, title, &description(curves), &body)
}

fn small_squares(title: &str, curves: &[RateCurve], square: Square) -> Plot {
    const SIDE: f64 = 138.0;
    const COLUMNS: usize = 5;
    let (cell_width, cell_height) = (SIDE + 46.0, SIDE + 74.0);
    let rows = curves.len().div_ceil(COLUMNS);
    let (x_label, y_label) = square.labels();
    let width = cell_width * COLUMNS as f64 + 8.0;
    let height = cell_height * rows as f64 + 22.0;
    let body = html! {
        (text(0.0, 12.0, "start", SOFT, &format!("{y_label} (up) against {x_label} (right), both from 0 to 100 %")))
        @for (i, curve) in curves.iter().enumerate() {
            @let left = 8.0 + cell_width * (i % COLUMNS) as f64;
            @let top = 54.0 + cell_height * (i / COLUMNS) as f64;
            (small_square(curve, square, left, top, SIDE))
        }
    };
    document(width, height, title, &description(curves), &body)
}

fn small_square(curve: &RateCurve, square: Square, left: f64, top: f64, side: f64) -> Markup {
    let unit = Axis::new("").range(0.0, 1.0).ticks(Ticks::Percent);
    let x = Ruler::new(&unit, std::iter::empty(), left, left + side);
    let y = Ruler::new(&unit, std::iter::empty(), top + side, top);
    html! {
        rect x=(px(left)) y=(px(top)) width=(px(side)) height=(px(side)) fill="none" stroke="#cfd5dc" {}
        (guessing(curve, 0, square, &x, &y))
        (drawn(curve, 0, &x, &y))
        text x=(px(left)) y=(px(top - 7.0)) fill=(INK) font-weight="600" { (shorten(&curve.name, 22)) }
        text x=(px(left)) y=(px(top + side + 16.0)) fill=(SOFT) font-size="11" { (curve.note) }
    }
}

/// The chance line.
fn guessing(curve: &RateCurve, index: usize, square: Square, x: &Ruler, y: &Ruler) -> Markup {
    let (from, to, colour) = match square {
        Square::Roc => ((0.0, 0.0), (1.0, 1.0), "#aab2bc"),
        Square::PrecisionRecall => {
            let Some(prevalence) = curve.prevalence else {
                return html! {};
            };
            ((0.0, prevalence), (1.0, prevalence), series_style(index).colour)
        }
    };
    let at = |(h, v): (f64, f64)| Some((x.at(h)?, y.at(v)?));
    html! {
        path d=(path([at(from), at(to)].into_iter())) fill="none" stroke=(colour) stroke-width="1" stroke-dasharray="3 4" stroke-opacity="0.8" {}
    }
}

fn drawn(curve: &RateCurve, index: usize, x: &Ruler, y: &Ruler) -> Markup {
    let style = series_style(index);
    let points = curve.points.iter().map(|&(h, v)| Some((x.at(h)?, y.at(v)?)));
    html! {
        path d=(path(points)) fill="none" stroke=(style.colour) stroke-width="2" stroke-linejoin="round" stroke-dasharray=[dash(style.dash)] {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str) -> RateCurve {
        RateCurve {
            name: name.into(),
            points: vec![(0.0, 0.0), (0.0, 0.8), (1.0, 1.0)],
            note: "AUC 0.90".into(),
            prevalence: Some(0.25),
        }
    }

    #[test]
    fn corners_of_the_square_are_corners_of_the_plot() {
        let svg = roc("ROC", &[curve("COVID-19")]).svg;
        assert!(svg.contains("d=\"M54 328L54 88L354 28\""), "{svg}");
    }

    #[test]
    fn many_findings_get_a_square_each() {
        let many: Vec<RateCurve> = (0..15).map(|i| curve(&format!("finding {i}"))).collect();
        let svg = precision_recall("PR", &many).svg;
        assert_eq!(
            svg.matches("<rect").count(),
            16,
            "fifteen squares and the background"
        );
        assert!(svg.contains("finding 14"));
    }
}
