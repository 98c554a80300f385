//! The figures of an audit's checks.

use pleura_run::audit::{Check, Figure};

use pleura_draw::plot::{self, Axis, Bar, IntervalRow, Plot};

/// The plot of a check's figure, if the check has one.
pub fn check_plot(check: &Check) -> Option<Plot> {
    let plot = match check.figure.as_ref()? {
        Figure::Null {
            axis,
            observed,
            interval,
            chance,
            null,
        } => {
            let (median, middle) = permuted(null, *chance);
            let rows = [
                row("observed", *observed, *interval, 0),
                row("permuted labels", median, middle, 1),
            ];
            let axis = Axis::new(axis.as_str()).range(0.0, 1.0);
            plot::intervals(&check.asks, &axis, &rows, Some(*chance), &[])
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
                .map(|(label, parts)| Bar {
                    label: label.clone(),
                    parts: parts.iter().map(|&films| films as u64).collect(),
                })
                .collect();
            plot::bars(&check.asks, "films", columns, &bars)
        }
        Figure::Intervals { axis, lines } => {
            let rows: Vec<IntervalRow> = lines
                .iter()
                .map(|(label, value, interval)| row(label, *value, *interval, 0))
                .collect();
            let axis = Axis::new(axis.as_str()).range(0.0, 1.0);
            plot::intervals(&check.asks, &axis, &rows, None, &[])
        }
    };
    Some(plot)
}

/// The median and the middle 95 % of sorted values under permuted labels; `chance` if there are none.
pub(crate) fn permuted(null: &[f64], chance: f64) -> (f64, (f64, f64)) {
    let at = |share: f64| {
        let place = (share * null.len() as f64) as usize;
        null.get(place).copied().unwrap_or(chance)
    };
    (at(0.5), (at(0.025), at(0.975)))
}

fn row(label: &str, value: f64, interval: (f64, f64), style: usize) -> IntervalRow {
    IntervalRow {
        label: label.to_owned(),
        value: Some(value),
        interval: Some(interval),
        text: format!("{value:.3} ({:.3} to {:.3})", interval.0, interval.1),
        style,
    }
}
