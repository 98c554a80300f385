//! Closed contour lines of a grid of values.

use std::collections::HashMap;

/// A closed line as points (x, y). Pixel `i` covers `i..i + 1`; the last point joins the first.
pub type ClosedLine = Vec<[f64; 2]>;

/// Returns the closed lines around all regions where `values`, `[height, width]`, reach `level`.
///
/// Marching squares with linear interpolation between pixel centres (Lorensen & Cline 1987, in two
/// dimensions). Regions at the border are closed along it. In a saddle cell, the mean of the four pixels
/// decides if the two high ones are connected. Returns no lines if `values` are not `width × height`.
pub fn contours(values: &[f32], width: usize, height: usize, level: f32) -> Vec<ClosedLine> {
    if width == 0 || height == 0 || width.checked_mul(height) != Some(values.len()) {
        return Vec::new();
    }
    let grid = Grid {
        values,
        width,
        height,
        level: f64::from(level),
    };
    let mut next: HashMap<Edge, Edge> = HashMap::new();
    let mut begins = Vec::new();
    for y in 0..=height {
        for x in 0..=width {
            for (from, to) in grid.cell(x, y).into_iter().flatten() {
                next.insert(from, to);
                begins.push(from);
            }
        }
    }
    // Every crossed edge is entered once and left once, so each walk returns to its start.
    let mut lines = Vec::new();
    for begin in begins {
        let (mut line, mut at) = (ClosedLine::new(), begin);
        while let Some(to) = next.remove(&at) {
            line.push(grid.crossing(at));
            at = to;
        }
        if line.len() > 2 {
            lines.push(line);
        }
    }
    lines
}

/// An edge of the grid from a point to its right or lower neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Edge {
    x: usize,
    y: usize,
    down: bool,
}

/// Pixel centres with a ring of points around them; point `(x, y)` is pixel `(x − 1, y − 1)`.
struct Grid<'a> {
    values: &'a [f32],
    width: usize,
    height: usize,
    level: f64,
}

impl Grid<'_> {
    /// A point's value above the level. On the ring it is the neighbour's, negated, so lines run along the
    /// border.
    fn height(&self, x: usize, y: usize) -> f64 {
        let (column, row) = (x.clamp(1, self.width) - 1, y.clamp(1, self.height) - 1);
        let value = f64::from(self.values[row * self.width + column]);
        let above = if value.is_finite() {
            value - self.level
        } else {
            -1.0
        };
        let on_ring = x == 0 || y == 0 || x > self.width || y > self.height;
        if on_ring { -above.abs() } else { above }
    }

    fn inside(&self, x: usize, y: usize) -> bool {
        let on_ring = x == 0 || y == 0 || x > self.width || y > self.height;
        !on_ring && self.height(x, y) >= 0.0
    }

    /// The line segments in the cell right of and below a point, from edge to edge, with the inside on the
    /// same side.
    fn cell(&self, x: usize, y: usize) -> [Option<(Edge, Edge)>; 2] {
        let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
        let case = corners
            .iter()
            .enumerate()
            .map(|(bit, &(x, y))| usize::from(self.inside(x, y)) << bit)
            .sum::<usize>();
        let top = Edge { x, y, down: false };
        let left = Edge { x, y, down: true };
        let bottom = Edge {
            x,
            y: y + 1,
            down: false,
        };
        let right = Edge {
            x: x + 1,
            y,
            down: true,
        };
        let touch = || corners.iter().map(|&(x, y)| self.height(x, y)).sum::<f64>() >= 0.0;
        let one = |from, to| [Some((from, to)), None];
        match case {
            1 => one(left, top),
            2 => one(top, right),
            3 => one(left, right),
            4 => one(right, bottom),
            5 if touch() => [Some((right, top)), Some((left, bottom))],
            5 => [Some((left, top)), Some((right, bottom))],
            6 => one(top, bottom),
            7 => one(left, bottom),
            8 => one(bottom, left),
            9 => one(bottom, top),
            10 if touch() => [Some((top, left)), Some((bottom, right))],
            10 => [Some((top, right)), Some((bottom, left))],
            11 => one(bottom, right),
            12 => one(right, left),
            13 => one(right, top),
            14 => one(top, left),
            _ => [None, None],
        }
    }

    /// The point at which a line crosses an edge.
    fn crossing(&self, edge: Edge) -> [f64; 2] {
        let other = (edge.x + usize::from(!edge.down), edge.y + usize::from(edge.down));
        let (from, to) = (self.height(edge.x, edge.y), self.height(other.0, other.1));
        let share = if from == to { 0.5 } else { from / (from - to) };
        let share = share.clamp(0.0, 1.0);
        let (x, y) = (edge.x as f64 - 0.5, edge.y as f64 - 0.5);
        let point = if edge.down { [x, y + share] } else { [x + share, y] };
        [
            point[0].clamp(0.0, self.width as f64),
            point[1].clamp(0.0, self.height as f64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(line: &ClosedLine) -> f64 {
        let next = line.iter().cycle().skip(1);
        line.iter()
            .zip(next)
            .map(|(a, b)| a[0] * b[1] - a[1] * b[0])
            .sum::<f64>()
            / 2.0
    }

    #[test]
    fn a_disc_has_one_line_of_its_area() {
        let (width, height, radius) = (60, 50, 15.0_f32);
        let values: Vec<f32> = (0..width * height)
            .map(|at| radius - (((at % width) as f32 - 29.5).hypot((at / width) as f32 - 24.5)))
            .collect();
        let lines = contours(&values, width, height, 0.0);
        assert_eq!(lines.len(), 1);
        let exact = std::f64::consts::PI * 15.0 * 15.0;
        assert!((area(&lines[0]).abs() - exact).abs() < 0.01 * exact);
        for [x, y] in &lines[0] {
            let distance = (x - 30.0).hypot(y - 25.0);
            assert!((distance - 15.0).abs() < 0.1, "{x} {y}");
        }
    }

    #[test]
    fn what_reaches_the_border_is_closed_along_it() {
        let lines = contours(&[1.0; 12], 4, 3, 0.5);
        assert_eq!(lines.len(), 1);
        // The whole picture, less its four corners' triangles of an eighth of a pixel.
        assert!((area(&lines[0]).abs() - (12.0 - 4.0 * 0.125)).abs() < 1e-9);
        assert!(contours(&[0.0; 12], 4, 3, 0.5).is_empty());
        assert!(contours(&[1.0; 11], 4, 3, 0.5).is_empty());
    }

    #[test]
    fn a_hole_and_a_chessboard_give_closed_lines() {
        let mut ring = vec![1.0; 25];
        ring[12] = 0.0;
        assert_eq!(contours(&ring, 5, 5, 0.5).len(), 2);
        let board: Vec<f32> = (0..16).map(|at| ((at % 4 + at / 4) % 2) as f32).collect();
        // Eight islands, or one body with two lakes.
        for (level, count) in [(0.6, 8), (0.4, 3)] {
            assert_eq!(contours(&board, 4, 4, level).len(), count, "{level}");
        }
    }
}
