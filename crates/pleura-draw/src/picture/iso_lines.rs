//! Lines around the fewest pixels that hold a share of the relevance.

use super::canvas::Rgb;
use super::contour::{ClosedLine, contours};
use super::smooth::{finite, smooth};
use super::stroke::Pen;

/// Options of lines around the strongest pixels of each sign: the fewest that hold a share of that sign's
/// total.
#[derive(Debug, Clone, PartialEq)]
pub struct Contours {
    /// Shares above 0 and below 1; none for no lines.
    pub shares: Vec<f32>,
    /// Standard deviation of the Gaussian that smooths the values first, in prepared pixels; without it,
    /// lines are as rough as the values. A larger smoothing of the heatmap itself takes precedence.
    pub smoothing: f32,
}

impl Default for Contours {
    fn default() -> Self {
        Self {
            shares: Vec::new(),
            smoothing: 4.0,
        }
    }
}

impl Contours {
    /// The default smoothing for a map of this side: a 56th of the side, 4 pixels of 224.
    pub fn usual_smoothing(size: usize) -> f32 {
        (size as f32 / 28.0).round() / 2.0
    }

    /// Returns the lines of values `[size, size]`, in prepared pixels. Non-finite values count as zero.
    pub fn lines(&self, values: &[f32], size: usize) -> Vec<IsoLine> {
        if self.shares.is_empty() || size == 0 || size.checked_mul(size) != Some(values.len()) {
            return Vec::new();
        }
        iso_lines(&smooth(&finite(values), size, self.smoothing), size, &self.shares)
    }

    /// The note that explains the lines on a picture.
    pub fn words(&self) -> String {
        let shares: Vec<String> = self
            .shares
            .iter()
            .map(|share| format!("{} %", (1000.0 * share).round() / 10.0))
            .collect();
        let smoothed = if self.smoothing > 0.0 {
            format!(", after a Gaussian of {} map pixels", self.smoothing)
        } else {
            String::new()
        };
        format!(
            "Lines enclose the fewest pixels that hold {} of all evidence for (solid) and against (dashed){smoothed}.",
            shares.join(", ")
        )
    }
}

/// Closed lines at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct IsoLine {
    /// The share of its sign's total inside the lines.
    pub share: f32,
    /// True if it encloses values above zero, false if below.
    pub positive: bool,
    /// The value on the line.
    pub level: f32,
    /// Closed lines, in prepared pixels.
    pub lines: Vec<ClosedLine>,
}

/// The colour of lines around evidence for the class.
pub(super) const FOR: Rgb = [255, 214, 196];
/// The colour of lines around evidence against the class.
pub(super) const AGAINST: Rgb = [196, 226, 255];
/// Lines around evidence against are dashed, so they do not depend on colour alone.
const DASH: [f64; 2] = [6.0, 4.0];

impl IsoLine {
    pub(super) fn pen(&self) -> Pen {
        pen(self.positive)
    }
}

pub(super) fn pen(positive: bool) -> Pen {
    Pen {
        width: 1.6,
        colour: if positive { FOR } else { AGAINST },
        dash: (!positive).then_some(DASH),
    }
}

/// Lines of both signs at each share. `values` are `[size, size]` and finite.
pub(super) fn iso_lines(values: &[f32], size: usize, shares: &[f32]) -> Vec<IsoLine> {
    let mut lines = Vec::new();
    for positive in [true, false] {
        let signed: Vec<f32> = values
            .iter()
            .map(|&value| if positive { value } else { -value })
            .collect();
        let mut sorted: Vec<f32> = signed.iter().copied().filter(|&value| value > 0.0).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for &share in shares {
            if let Some(level) = level(&sorted, share) {
                lines.push(IsoLine {
                    share,
                    positive,
                    level: if positive { level } else { -level },
                    lines: contours(&signed, size, size, level),
                });
            }
        }
    }
    lines
}

/// The value at which the sum of the largest values reaches `share` of the total. `sorted` is positive,
/// descending.
fn level(sorted: &[f32], share: f32) -> Option<f32> {
    let total: f64 = sorted.iter().map(|&value| f64::from(value)).sum();
    let goal = total * f64::from(share);
    let mut sum = 0.0;
    sorted.iter().copied().find(|&value| {
        sum += f64::from(value);
        sum >= goal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_where_the_share_is_reached() {
        let sorted = [4.0, 3.0, 2.0, 1.0];
        assert_eq!(level(&sorted, 0.39), Some(4.0));
        assert_eq!(level(&sorted, 0.5), Some(3.0));
        assert_eq!(level(&sorted, 0.95), Some(1.0));
        assert_eq!(level(&[], 0.5), None);
    }

    #[test]
    fn each_sign_has_its_lines() {
        let mut values = vec![0.0; 100];
        values[22] = 3.0;
        values[23] = 1.0;
        values[77] = -5.0;
        let lines = iso_lines(&values, 10, &[0.5]);
        let found: Vec<_> = lines.iter().map(|line| (line.positive, line.level)).collect();
        assert_eq!(found, [(true, 3.0), (false, -5.0)]);
        let contours = Contours {
            shares: vec![0.5, 0.9],
            smoothing: 1.0,
        };
        let lines = contours.lines(&values, 10);
        assert_eq!(lines.len(), 4);
        for line in &lines {
            assert_eq!(line.lines.len(), 1, "{line:?}");
            let middle = line.lines[0]
                .iter()
                .fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
            let count = line.lines[0].len() as f64;
            let middle = middle.map(|sum| sum / count);
            let place = if line.positive { [2.75, 2.5] } else { [7.5, 7.5] };
            assert!(
                (middle[0] - place[0]).hypot(middle[1] - place[1]) < 0.6,
                "{middle:?}"
            );
        }
        assert!(contours.words().contains("50 %, 90 %"));
        assert!(Contours::default().lines(&values, 10).is_empty());
    }
}
