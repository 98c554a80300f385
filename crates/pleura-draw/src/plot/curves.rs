//! Lines over a common horizontal axis: training curves, learning rates, repeated runs.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::{Axis, Ruler, frame};
use super::style::{FONT, SOFT, SeriesStyle, dash, px, series_style, shorten, text, text_width};
use super::svg::{Plot, document};

/// The weight of a series' line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// Thin and pale, without markers or a label: single steps, single seeds.
    Faint,
    /// An ordinary line with markers.
    #[default]
    Plain,
}

/// One line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The label at the line's end.
    pub name: String,
    /// (x, y) from left to right; a non-finite value breaks the line.
    pub points: Vec<(f64, f64)>,
    /// The index of colour, dash and marker; series of one meaning share it.
    pub style: usize,
    /// The weight of the line.
    pub weight: Weight,
}

impl Series {
    /// Returns a plain line.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>, style: usize) -> Self {
        Self {
            name: name.into(),
            points,
            style,
            weight: Weight::Plain,
        }
    }

    /// Makes the line thin and pale.
    #[must_use]
    pub fn faint(mut self) -> Self {
        self.weight = Weight::Faint;
        self
    }
}

/// A plot of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// The title: the accessible name, not printed in the picture.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The lines, drawn in this order.
    pub series: Vec<Series>,
    /// Vertical rules and their labels.
    pub marks: Vec<(f64, String)>,
    /// Width and height of the whole picture in pixels.
    pub size: (f64, f64),
}

impl Curves {
    /// Returns an empty plot of the default size.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            x,
            y,
            series: Vec::new(),
            marks: Vec::new(),
            size: (470.0, 270.0),
        }
    }
}

/// Draws lines, each labelled at its right end.
pub fn curves(plot: &Curves) -> Plot {
    let labels: Vec<String> = plot.series.iter().map(|s| shorten(&s.name, 28)).collect();
    let named = |s: &Series| s.weight == Weight::Plain && !s.name.is_empty();
    let room = plot
        .series
        .iter()
        .zip(&labels)
        .filter(|(s, _)| named(s))
        .map(|(_, l)| text_width(l, FONT) + 14.0)
        .fold(16.0, f64::max);
    let (width, height) = plot.size;
    let (left, right, top, bottom) = (
        54.0,
        width - room,
        if plot.marks.is_empty() { 28.0 } else { 42.0 },
        height - 44.0,
    );
    let every =
        |pick: fn(&(f64, f64)) -> f64| plot.series.iter().flat_map(move |s| s.points.iter().map(pick));
    let x = Ruler::new(&plot.x, every(|p| p.0), left, right);
    let y = Ruler::new(&plot.y, every(|p| p.1), bottom, top);

    let ends: Vec<(usize, f64, f64)> = plot
        .series
        .iter()
        .enumerate()
        .filter(|(_, s)| named(s))
        .filter_map(|(i, s)| {
            s.points
                .iter()
                .rev()
                .find_map(|&(px, py)| Some((i, x.at(px)?, y.at(py)?)))
        })
        .collect();
    let heights = spread(
        &ends.iter().map(|e| e.2).collect::<Vec<_>>(),
        FONT + 3.0,
        top,
        bottom,
    );

    let body = html! {
        (frame(&x, &y, &plot.x.label, &plot.y.label))
        @for (value, label) in &plot.marks {
            @if let Some(at) = x.at(*value) {
                line x1=(px(at)) y1=(px(top - 4.0)) x2=(px(at)) y2=(px(bottom)) stroke=(SOFT) stroke-dasharray="2 3" {}
                (text(at.clamp(left + 0.5 * text_width(label, FONT), width - 0.5 * text_width(label, FONT)), top - 8.0, "middle", SOFT, label))
            }
        }
        @for series in &plot.series { (line(series, &x, &y)) }
        @for ((index, end_x, end_y), at) in ends.iter().zip(&heights) {
            @let style = series_style(plot.series[*index].style);
            @if (end_y - at).abs() > 3.0 {
                line x1=(px(end_x + 4.0)) y1=(px(*end_y)) x2=(px(right + 8.0)) y2=(px(*at)) stroke=(style.colour) stroke-width="0.8" {}
            }
            (text(right + 10.0, at + 4.0, "start", style.text, &labels[*index]))
        }
    };
    let names: Vec<&str> = plot
        .series
        .iter()
        .filter(|s| named(s))
        .map(|s| s.name.as_str())
        .collect();
    let description = format!(
        "{} over {}. Lines: {}.",
        plot.y.label,
        plot.x.label,
        names.join("; ")
    );
    document(width, height, &plot.title, &description, &body)
}

fn line(series: &Series, x: &Ruler, y: &Ruler) -> Markup {
    let style = series_style(series.style);
    let at = |&(px, py): &(f64, f64)| Some((x.at(px)?, y.at(py)?));
    let path = path(series.points.iter().map(at));
    match series.weight {
        Weight::Faint => html! {
            path d=(path) fill="none" stroke=(style.colour) stroke-width="1" stroke-opacity="0.35" stroke-linejoin="round" {}
        },
        Weight::Plain => html! {
            path d=(path) fill="none" stroke=(style.colour) stroke-width="2" stroke-linejoin="round" stroke-dasharray=[dash(style.dash)] {}
            (markers(series, style, &at))
        },
    }
}

/// Markers at every point, or at about ten of many points.
fn markers(series: &Series, style: SeriesStyle, at: &impl Fn(&(f64, f64)) -> Option<(f64, f64)>) -> Markup {
    let every = series.points.len().div_ceil(24).max(1);
    let every = if every > 1 {
        series.points.len().div_ceil(10)
    } else {
        1
    };
    let last = series.points.len().saturating_sub(1);
    html! {
        // Counted from the end, so that the last point always has a marker.
        @for (_, point) in series.points.iter().enumerate().filter(|(i, _)| (last - i).is_multiple_of(every)) {
            @if let Some((x, y)) = at(point) { (style.marker(x, y, 3.4)) }
        }
    }
}

/// An SVG path through the points; a missing point lifts the pen.
pub(super) fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut d = String::new();
    let mut pen_down = false;
    for point in points {
        if let Some((x, y)) = point {
            let _ = write!(d, "{}{} {}", if pen_down { 'L' } else { 'M' }, px(x), px(y));
        }
        pen_down = point.is_some();
    }
    d
}

/// Moves labels until neighbours are `gap` apart, close to `wanted` and inside `top..bottom` if they fit.
fn spread(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // Neighbours that touch move as one group around the mean of their wanted positions.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for &i in &order {
        groups.push((wanted[i], 1));
        while let [.., (above, n), (below, m)] = groups[..] {
            let needed = 0.5 * gap * (n + m) as f64;
            if below - above >= needed {
                break;
            }
            groups.truncate(groups.len() - 2);
            groups.push(((above * n as f64 + below * m as f64) / (n + m) as f64, n + m));
        }
    }
    let mut placed = vec![0.0; wanted.len()];
    let mut next = order.iter();
    for (centre, count) in groups {
        let half = 0.5 * gap * (count - 1) as f64;
        let centre = centre.min(bottom - half).max(top + half);
        for (k, &i) in next.by_ref().take(count).enumerate() {
            placed[i] = centre - half + gap * k as f64;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap() {
        let placed = spread(&[50.0, 52.0, 51.0, 200.0], 15.0, 0.0, 300.0);
        assert_eq!(placed, [36.0, 66.0, 51.0, 200.0]);
        let crowded = spread(&[299.0, 300.0], 15.0, 0.0, 300.0);
        assert_eq!(crowded, [285.0, 300.0]);
    }

    #[test]
    fn a_lost_value_breaks_the_line() {
        let points = [Some((0.0, 1.0)), Some((1.0, 2.0)), None, Some((3.0, 4.126))];
        assert_eq!(path(points.into_iter()), "M0 1L1 2M3 4.13");
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut plot = Curves::new("<b>", Axis::new("\"x\""), Axis::new("y"));
        plot.series.push(Series::new(
            "</svg><script>alert(1)</script>",
            vec![(0.0, 1.0), (1.0, f64::NAN)],
            0,
        ));
        let svg = curves(&plot).svg;
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;b&gt;"));
    }
}
