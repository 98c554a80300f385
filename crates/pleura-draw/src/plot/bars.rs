//! Counts as stacked horizontal bars.

use maud::html;

use super::axis::{Axis, Ruler, Ticks, frame};
use super::style::{FONT, INK, SOFT, in_a_row, px, shorten, text, text_width};
use super::svg::{Plot, document};

/// Fill and text colours of the parts of a bar, distinct in hue and in grey print.
const FILLS: [(&str, &str); 7] = [
    ("#0072B2", "#ffffff"),
    ("#E69F00", "#1c2430"),
    ("#00543d", "#ffffff"),
    ("#CC79A7", "#1c2430"),
    ("#9fd3f2", "#1c2430"),
    ("#8f3f00", "#ffffff"),
    ("#b9bfc7", "#1c2430"),
];

/// One bar; a heading if `parts` is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bar {
    /// The label of the row.
    pub label: String,
    /// One count per part, in the order of the parts' names.
    pub parts: Vec<u64>,
}

/// Draws one stacked bar per row. A legend names the parts; counts stand in the parts that have room.
pub fn bars(title: &str, unit: &str, parts: &[String], rows: &[Bar]) -> Plot {
    const ROW: f64 = 24.0;
    let labels: Vec<String> = rows.iter().map(|row| shorten(&row.label, 30)).collect();
    let label_width = labels.iter().map(|l| text_width(l, FONT)).fold(40.0, f64::max);
    let (left, top) = (label_width + 24.0, 26.0);
    let right = left + 560.0;
    let bottom = top + ROW * rows.len() as f64 + 4.0;
    let totals = rows.iter().map(|row| row.parts.iter().sum::<u64>() as f64);
    let x = Ruler::new(
        &Axis::new(unit).from_zero().ticks(Ticks::Whole),
        totals.chain([0.0]),
        left,
        right,
    );
    let mut y = Ruler::new(&Axis::new("").range(0.0, 1.0), std::iter::empty(), bottom, top);
    y.ticks.clear();
    let names: Vec<String> = parts.iter().map(|name| shorten(name, 40)).collect();
    let (begins, legend_end) = in_a_row(left, 18.0, names.iter().map(String::as_str));
    let body = html! {
        @for (i, (name, at)) in names.iter().zip(&begins).enumerate() {
            rect x=(px(*at)) y="3" width="12" height="12" rx="2" fill=(FILLS[i % FILLS.len()].0) {}
            (text(at + 18.0, 13.0, "start", SOFT, name))
        }
        (frame(&x, &y, unit, ""))
        @for (i, (row, label)) in rows.iter().zip(&labels).enumerate() {
            @let at = top + ROW * i as f64;
            @if row.parts.is_empty() {
                text x="0" y=(px(at + 17.0)) fill=(INK) font-weight="600" { (label) }
            } @else {
                (text(left - 10.0, at + 17.0, "end", INK, label))
                @for (part, from, to) in spans(&row.parts) {
                    @if let (Some(from), Some(to)) = (x.at(from), x.at(to)) {
                        @let (fill, ink) = FILLS[part % FILLS.len()];
                        rect x=(px(from)) y=(px(at + 3.0)) width=(px(to - from)) height="18" fill=(fill) stroke="#fff" stroke-width="0.8" {}
                        @let count = row.parts[part].to_string();
                        @if to - from > text_width(&count, FONT) + 8.0 && row.parts.iter().filter(|c| **c > 0).count() > 1 {
                            (text(f64::midpoint(from, to), at + 16.5, "middle", ink, &count))
                        }
                    }
                }
                @let total = row.parts.iter().sum::<u64>();
                @if let Some(end) = x.at(total as f64) { (text(end + 7.0, at + 17.0, "start", INK, &total.to_string())) }
            }
        }
    };
    let said: Vec<String> = rows
        .iter()
        .filter(|row| !row.parts.is_empty())
        .map(|row| {
            let counted: Vec<String> = parts
                .iter()
                .zip(&row.parts)
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            format!("{}: {}", row.label, counted.join(", "))
        })
        .collect();
    document(
        (right + 60.0).max(legend_end),
        bottom + 42.0,
        title,
        &said.join("; "),
        &body,
    )
}

/// (part, start, end) of every part that is not empty.
fn spans(parts: &[u64]) -> Vec<(usize, f64, f64)> {
    let mut from = 0;
    let mut spans = Vec::new();
    for (part, &count) in parts.iter().enumerate() {
        if count > 0 {
            spans.push((part, from as f64, (from + count) as f64));
        }
        from += count;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_and_empty_ones_are_left_out() {
        assert_eq!(spans(&[3, 0, 4]), [(0, 0.0, 3.0), (2, 3.0, 7.0)]);
    }

    #[test]
    fn totals_stand_at_the_end() {
        let rows = [Bar {
            label: "train".into(),
            parts: vec![30, 12],
        }];
        let svg = bars("films", "films", &["NIH".into(), "Cohen".into()], &rows).svg;
        for expected in [">30<", ">12<", ">42<", ">NIH<", ">Cohen<"] {
            assert!(svg.contains(expected), "{expected} is not in {svg}");
        }
    }
}
