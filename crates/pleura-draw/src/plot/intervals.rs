//! Forest plots: values with intervals, one per row, on a common axis.

use maud::{Markup, html};

use super::axis::{Axis, Ruler, frame};
use super::style::{FONT, INK, SOFT, in_a_row, px, series_style, shorten, text, text_width};
use super::svg::{Plot, document};

/// One row; a heading if `value` and `interval` are missing and `text` is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntervalRow {
    /// The label of the row.
    pub label: String,
    /// The value, if it is defined.
    pub value: Option<f64>,
    /// Lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
    /// The numbers printed at the right.
    pub text: String,
    /// The index of colour and marker; rows of one method share it.
    pub style: usize,
}

impl IntervalRow {
    /// Returns a heading for the rows below it.
    pub fn heading(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    fn is_heading(&self) -> bool {
        self.value.is_none() && self.interval.is_none() && self.text.is_empty()
    }
}

/// Draws a forest plot: a marker at each value, a line over its interval, numbers at the right, and a dashed
/// rule at `reference` (chance, or no difference) if given. `legend` names the styles in use.
pub fn intervals(
    title: &str,
    axis: &Axis,
    rows: &[IntervalRow],
    reference: Option<f64>,
    legend: &[(usize, String)],
) -> Plot {
    const ROW: f64 = 22.0;
    let labels: Vec<String> = rows.iter().map(|row| shorten(&row.label, 44)).collect();
    let indent = if rows.iter().any(IntervalRow::is_heading) {
        12.0
    } else {
        0.0
    };
    let label_width = labels.iter().map(|l| text_width(l, FONT)).fold(60.0, f64::max) + indent;
    let figures = rows
        .iter()
        .map(|row| text_width(&row.text, FONT))
        .fold(0.0, f64::max);
    let (left, top) = (label_width + 44.0, 8.0);
    let right = left + 330.0;
    let bottom = top + ROW * rows.len() as f64 + 4.0;
    let legend_top = bottom + 60.0;
    let height = if legend.is_empty() {
        bottom + 42.0
    } else {
        legend_top + 4.0
    };
    let values = rows.iter().flat_map(|row| {
        let ends = row
            .interval
            .map_or([None, None], |(low, high)| [Some(low), Some(high)]);
        [row.value].into_iter().chain(ends).flatten()
    });
    let x = Ruler::new(axis, values.chain(reference), left, right);
    // Rows take the place of ticks on the vertical ruler.
    let mut y = Ruler::new(&Axis::new("").range(0.0, 1.0), std::iter::empty(), bottom, top);
    y.ticks.clear();
    let (begins, legend_end) = in_a_row(left, 30.0, legend.iter().map(|(_, name)| name.as_str()));
    let body = html! {
        @for (value, _) in &x.ticks {
            @if let Some(at) = x.at(*value) {
                line x1=(px(at)) y1=(px(top)) x2=(px(at)) y2=(px(bottom)) stroke="#e2e6eb" {}
            }
        }
        (frame(&x, &y, &axis.label, ""))
        @if let Some(at) = reference.and_then(|value| x.at(value)) {
            line x1=(px(at)) y1=(px(top)) x2=(px(at)) y2=(px(bottom)) stroke=(SOFT) stroke-dasharray="4 3" {}
        }
        @for (i, (row, label)) in rows.iter().zip(&labels).enumerate() {
            @let at = top + ROW * (i as f64 + 0.5);
            @if row.is_heading() {
                text x="0" y=(px(at + 4.0)) fill=(INK) font-weight="600" { (label) }
            } @else {
                (text(indent, at + 4.0, "start", INK, label))
                (measured(row, &x, at))
                (text(right + 16.0, at + 4.0, "start", INK, &row.text))
            }
        }
        @for ((index, name), at) in legend.iter().zip(&begins) {
            (series_style(*index).marker(at + 6.0, legend_top - 4.0, 4.2))
            (text(at + 17.0, legend_top, "start", SOFT, name))
        }
    };
    let width = (right + 16.0 + figures + 8.0).max(legend_end);
    let said: Vec<String> = rows
        .iter()
        .filter(|r| !r.is_heading())
        .map(|r| format!("{}: {}", r.label, r.text))
        .collect();
    document(width, height, title, &said.join("; "), &body)
}

fn measured(row: &IntervalRow, x: &Ruler, at: f64) -> Markup {
    let style = series_style(row.style);
    let ends = row
        .interval
        .and_then(|(low, high)| Some((x.at(low)?, x.at(high)?)));
    html! {
        @if let Some((low, high)) = ends {
            line x1=(px(low)) y1=(px(at)) x2=(px(high)) y2=(px(at)) stroke=(style.colour) stroke-width="2" {}
            @for end in [low, high] {
                line x1=(px(end)) y1=(px(at - 4.0)) x2=(px(end)) y2=(px(at + 4.0)) stroke=(style.colour) stroke-width="1.4" {}
            }
        }
        @if let Some(value) = row.value.and_then(|value| x.at(value)) { (style.marker(value, at, 4.6)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_values_have_no_marker() {
        let axis = Axis::new("share of films").range(0.0, 1.0);
        let rows = [
            IntervalRow {
                label: "sensitivity".into(),
                value: Some(0.5),
                interval: Some((0.25, 0.75)),
                text: "0.50 [0.25, 0.75]".into(),
                style: 0,
            },
            IntervalRow {
                label: "precision".into(),
                value: None,
                interval: None,
                text: "undefined".into(),
                style: 0,
            },
        ];
        let svg = intervals("metrics", &axis, &rows, None, &[]).svg;
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("undefined"));
    }
}
