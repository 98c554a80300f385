//! Axes: scales from values to pixels, ticks and their labels.

use maud::{Markup, html};

use super::style::{AXIS, FONT, GRID, SOFT, px, text};

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal differences have equal lengths.
    #[default]
    Linear,
    /// Equal ratios have equal lengths; values at or below zero are not drawn.
    Log,
}

/// The format of tick labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ticks {
    /// Decimal numbers, or powers of ten for very small or large values.
    #[default]
    Number,
    /// Whole numbers only, as for epochs.
    Whole,
    /// Percent of one.
    Percent,
}

/// One axis of a plot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// The quantity and its unit.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// The format of tick labels.
    pub ticks: Ticks,
    /// The lowest and highest value shown; `None` follows the data.
    pub range: Option<(f64, f64)>,
    /// True if a linear axis that follows the data must include zero.
    pub from_zero: bool,
}

impl Axis {
    /// Returns a linear axis that follows the data.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// Shows exactly this range.
    #[must_use]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Starts at zero for any data.
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// Sets the format of tick labels.
    #[must_use]
    pub fn ticks(mut self, ticks: Ticks) -> Self {
        self.ticks = ticks;
        self
    }

    /// Sets the scale.
    #[must_use]
    pub fn scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }
}

/// An axis in pixels: `start` is the position of the lowest value, `end` of the highest.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Ruler {
    /// Lays `axis` over `start..end`, wide enough for the finite `values`.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let usable = |v: &f64| v.is_finite() && (axis.scale == Scale::Linear || *v > 0.0);
        let (mut low, mut high) = values
            .filter(usable)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                (l.min(v), h.max(v))
            });
        if low > high {
            (low, high) = if axis.scale == Scale::Log {
                (0.1, 1.0)
            } else {
                (0.0, 1.0)
            };
        }
        let wanted = ((end - start).abs() / if axis.ticks == Ticks::Whole { 45.0 } else { 52.0 })
            .round()
            .max(2.0);
        let ticks = match axis.scale {
            Scale::Log => {
                (low, high) = axis.range.unwrap_or_else(|| decades(low, high));
                log_ticks(low, high)
            }
            Scale::Linear => {
                let fixed = axis.range.is_some();
                (low, high) = axis
                    .range
                    .unwrap_or((if axis.from_zero { low.min(0.0) } else { low }, high));
                if high - low <= 1e-12 * high.abs().max(low.abs()) {
                    let room = if high == 0.0 { 1.0 } else { 0.5 * high.abs() };
                    (low, high) = (
                        if axis.from_zero { low.min(0.0) } else { low - room },
                        high + room,
                    );
                }
                let mut step = nice_step((high - low) / wanted);
                if axis.ticks == Ticks::Whole {
                    step = step.max(1.0).round();
                }
                if !fixed {
                    (low, high) = (
                        (low / step + 1e-9).floor() * step,
                        (high / step - 1e-9).ceil() * step,
                    );
                }
                linear_ticks(low, high, step, axis.ticks)
            }
        };
        Self {
            scale: axis.scale,
            low,
            high,
            start,
            end,
            ticks,
        }
    }

    /// The position of `value` in pixels; `None` if it cannot be drawn. Values beyond the range stand at its
    /// ends.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => (value / self.low).ln() / (self.high / self.low).ln(),
            Scale::Log => return None,
        };
        Some(self.start + share.clamp(0.0, 1.0) * (self.end - self.start))
    }
}

/// Grid, ticks and labels around the rectangle that two rulers span.
pub(super) fn frame(x: &Ruler, y: &Ruler, x_label: &str, y_label: &str) -> Markup {
    let (left, right, top, bottom) = (x.start, x.end, y.end, y.start);
    html! {
        @for (value, label) in &y.ticks {
            @if let Some(at) = y.at(*value) {
                line x1=(px(left)) y1=(px(at)) x2=(px(right)) y2=(px(at)) stroke=(GRID) {}
                (text(left - 7.0, at + 4.0, "end", SOFT, label))
            }
        }
        line x1=(px(left)) y1=(px(bottom)) x2=(px(right)) y2=(px(bottom)) stroke=(AXIS) {}
        @for (value, label) in &x.ticks {
            @if let Some(at) = x.at(*value) {
                line x1=(px(at)) y1=(px(bottom)) x2=(px(at)) y2=(px(bottom + 4.0)) stroke=(AXIS) {}
                (text(at, bottom + 17.0, "middle", SOFT, label))
            }
        }
        (text(f64::midpoint(left, right), bottom + 35.0, "middle", SOFT, x_label))
        // Horizontal, above the axis: easier to read than rotated text.
        (text(0.0, top - FONT, "start", SOFT, y_label))
    }
}

/// The smallest round step not below `raw`: 1, 2, 2.5 or 5 times a power of ten.
fn nice_step(raw: f64) -> f64 {
    let magnitude = 10f64.powf(raw.log10().floor());
    let lead = raw / magnitude;
    let rounded = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|&nice| lead <= nice * (1.0 + 1e-9))
        .unwrap_or(10.0);
    rounded * magnitude
}

fn linear_ticks(low: f64, high: f64, step: f64, style: Ticks) -> Vec<(f64, String)> {
    let (first, last) = (
        (low / step - 1e-9).ceil() as i64,
        (high / step + 1e-9).floor() as i64,
    );
    let largest = low.abs().max(high.abs());
    (first..=last)
        .map(|i| {
            let value = i as f64 * step;
            let label = match style {
                Ticks::Percent => format!("{} %", decimals(100.0 * value, 100.0 * step)),
                Ticks::Number if !(1e-3..1e5).contains(&largest) => scientific(value),
                Ticks::Number | Ticks::Whole => decimals(value, step),
            };
            (value, label)
        })
        .collect()
}

/// `value` with enough decimals to distinguish multiples of `step`.
fn decimals(value: f64, step: f64) -> String {
    let places = (0..8).find(|&p| {
        let scaled = step * 10f64.powi(p);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let text = format!("{value:.*}", places.unwrap_or(8) as usize);
    text.replace('-', "−")
}

/// The whole powers of ten around a range, at least one decade of it.
fn decades(low: f64, high: f64) -> (f64, f64) {
    let (mut first, mut last) = ((low.log10() + 1e-9).floor(), (high.log10() - 1e-9).ceil());
    if last <= first {
        (first, last) = (first - 1.0, first + 1.0);
    }
    (10f64.powf(first), 10f64.powf(last))
}

fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.log10().round() as i32, high.log10().round() as i32);
    let every = ((last - first) / 6).max(1) as usize;
    (first..=last)
        .step_by(every)
        .map(|power| (10f64.powi(power), format!("10{}", superscript(power))))
        .collect()
}

/// `2.5×10⁻⁴`
pub(super) fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let power = (value.abs().log10() + 1e-12).floor() as i32;
    let mantissa = format!("{:.2}", value / 10f64.powi(power));
    let mantissa = mantissa
        .trim_end_matches('0')
        .trim_end_matches('.')
        .replace('-', "−");
    if mantissa == "1" {
        format!("10{}", superscript(power))
    } else {
        format!("{mantissa}×10{}", superscript(power))
    }
}

fn superscript(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = power.unsigned_abs().to_string();
    let raised = digits.bytes().map(|b| DIGITS[usize::from(b - b'0')]);
    if power < 0 {
        std::iter::once('⁻').chain(raised).collect()
    } else {
        raised.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64], length: f64) -> Vec<String> {
        Ruler::new(axis, values.iter().copied(), 0.0, length)
            .ticks
            .into_iter()
            .map(|(_, label)| label)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_data() {
        assert_eq!(
            labels(&Axis::new("loss").from_zero(), &[0.13, 0.97], 260.0),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(
                &Axis::new("share").range(0.0, 1.0).ticks(Ticks::Percent),
                &[],
                210.0
            ),
            ["0 %", "25 %", "50 %", "75 %", "100 %"]
        );
        assert_eq!(
            labels(&Axis::new("epochs").ticks(Ticks::Whole), &[0.0, 3.0], 400.0),
            ["0", "1", "2", "3"]
        );
        assert_eq!(
            labels(&Axis::new("rate").from_zero(), &[0.0, 2e-4], 104.0),
            ["0", "10⁻⁴", "2×10⁻⁴"]
        );
    }

    #[test]
    fn log_axis_spans_whole_decades() {
        let axis = Axis::new("learning rate").scale(Scale::Log);
        assert_eq!(
            labels(&axis, &[3e-5, 2e-3], 200.0),
            ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"]
        );
        let ruler = Ruler::new(&axis, [1e-4, 1e-2].into_iter(), 100.0, 0.0);
        assert!((ruler.at(1e-3).unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(ruler.at(0.0), None);
    }

    #[test]
    fn degenerate_data_still_gives_an_axis() {
        for values in [
            &[][..],
            &[0.7, 0.7],
            &[0.0],
            &[f64::NAN, f64::INFINITY],
            &[-3.0],
            &[1e300],
            &[1e-300],
        ] {
            for scale in [Scale::Linear, Scale::Log] {
                let ruler = Ruler::new(&Axis::new("").scale(scale), values.iter().copied(), 0.0, 300.0);
                assert!(
                    ruler.ticks.len() >= 2,
                    "{values:?} {scale:?} gave {:?}",
                    ruler.ticks
                );
                assert!(
                    ruler.ticks.len() < 40,
                    "{values:?} {scale:?} gave {} ticks",
                    ruler.ticks.len()
                );
                for value in values.iter().filter(|v| v.is_finite() && **v > 0.0) {
                    assert!((0.0..=300.0).contains(&ruler.at(*value).unwrap()));
                }
            }
        }
    }
}
