//! The figures of an audit.

use pleura_audit::{Check, Figure};
use pleura_report::plot::{self, Axis, Bar, IntervalRow};

/// The figure of a check as SVG, if it has one.
pub(super) fn draw(check: &Check) -> Option<String> {
    let svg = match check.figure.as_ref()? {
        Figure::Null {
            axis,
            observed,
            interval,
            chance,
            null,
        } => {
            let at = |share: f64| null.get((share * null.len() as f64) as usize).copied();
            let rows = [
                row("observed", *observed, *interval, 0),
                row(
                    "with classes dealt out at random",
                    at(0.5).unwrap_or(*chance),
                    (at(0.025).unwrap_or(*chance), at(0.975).unwrap_or(*chance)),
                    1,
                ),
            ];
            plot::intervals(
                &check.asks,
                &Axis::new(axis.as_str()).range(0.0, 1.0),
                &rows,
                Some(*chance),
                &[],
            )
        }
        Figure::Counts {
            rows,
            columns,
            counts,
            ..
        } => {
            let bars: Vec<Bar> = rows
                .iter()
                .zip(counts)
                .map(|(label, counts)| Bar {
                    label: label.clone(),
                    parts: counts.iter().map(|count| *count as u64).collect(),
                })
                .collect();
            plot::bars(&check.asks, "films", columns, &bars)
        }
        Figure::Intervals { axis, lines } => {
            let rows: Vec<IntervalRow> = lines
                .iter()
                .map(|(label, value, interval)| row(label, *value, *interval, 0))
                .collect();
            plot::intervals(
                &check.asks,
                &Axis::new(axis.as_str()).range(0.0, 1.0),
                &rows,
                None,
                &[],
            )
        }
    };
    Some(svg)
}

fn row(label: &str, value: f64, interval: (f64, f64), look: usize) -> IntervalRow {
    IntervalRow {
        label: label.to_owned(),
        value: Some(value),
        interval: Some(interval),
        text: format!("{value:.3} ({:.3} to {:.3})", interval.0, interval.1),
        look,
    }
}
