//! The grey-scale pipeline from stored values to displayed grey (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2; PS3.4
//! N.2): modality LUT or rescale, then VOI LUT or window, then polarity, always in this order.

use dicom_dictionary_std::tags as tag;

use super::data_set::DataSet;
use super::frame::Layout;
use super::lookup::Lookup;
use crate::contrast::Contrast;
use crate::error::printable;
use crate::levels::Levels;
use crate::source::{Step, WindowFunction};
use crate::{DecodeOptions, Error, Polarity, Voi};

/// Returns the grey levels `[rows, columns]` of stored words.
pub(super) fn display(
    set: &DataSet<'_>,
    layout: &Layout,
    words: Vec<u16>,
    options: &DecodeOptions,
    steps: &mut Vec<Step>,
) -> Result<Levels, Error> {
    steps.push(Step::StoredBits {
        allocated: layout.allocated,
        stored: layout.stored,
        high: layout.high,
        signed: layout.signed,
    });
    // A word has at most 65,536 values: the pipeline runs once for each value that occurs, in f64.
    let count = count(&words);
    let padding = Padding::read(set, layout)?;
    let is_padding = |word: u16| {
        padding
            .as_ref()
            .is_some_and(|padding| padding.holds(layout.value(word)))
    };
    let occurring: Vec<u16> = (0..=u16::MAX)
        .filter(|&word| count[usize::from(word)] > 0)
        .collect();
    let padded: u64 = occurring
        .iter()
        .filter(|&&word| is_padding(word))
        .map(|&word| count[usize::from(word)])
        .sum();
    let shown: Vec<u16> = occurring.into_iter().filter(|&word| !is_padding(word)).collect();

    let modality = Modality::read(set, layout, steps)?;
    let values: Vec<f64> = shown
        .iter()
        .map(|&word| modality.apply(layout.value(word)))
        .collect();
    let pixels: Vec<u64> = shown.iter().map(|&word| count[usize::from(word)]).collect();
    let voi = VoiTransform::choose(set, layout, &modality, (&values, &pixels), options, steps)?;
    let invert = inverts(set, layout, options, steps);

    let mut levels = vec![0.0_f32; 1 << 16];
    for (&word, &value) in shown.iter().zip(&values) {
        let level = voi.apply(value);
        levels[usize::from(word)] = (if invert { 1.0 - level } else { level }) as f32;
    }
    if let Some(Padding { low, high }) = padding.filter(|_| padded > 0) {
        steps.push(Step::Padding {
            low,
            high,
            pixels: padded,
        });
    }
    Ok(Levels::Table { words, shown: levels })
}

/// The number of occurrences of each word.
fn count(words: &[u16]) -> Vec<u64> {
    // Neighbours are often equal, and incrementing one counter twice in a row stalls: four counters take
    // turns.
    let mut counts = vec![[0_u64; 4]; 1 << 16];
    for four in words.chunks(4) {
        for (turn, &word) in four.iter().enumerate() {
            counts[usize::from(word)][turn] += 1;
        }
    }
    counts.iter().map(|turns| turns.iter().sum()).collect()
}

/// Stored values of padding (PS3.3 C.7.5.1.1.2).
struct Padding {
    low: i32,
    high: i32,
}

impl Padding {
    fn read(set: &DataSet<'_>, layout: &Layout) -> Result<Option<Self>, Error> {
        let Some(value) = set.word(tag::PIXEL_PADDING_VALUE)? else {
            return Ok(None);
        };
        // The attribute is a full word with the sign of the pixels.
        let signed = |word: u16| {
            if layout.signed {
                i32::from(word as i16)
            } else {
                i32::from(word)
            }
        };
        let limit = set.word(tag::PIXEL_PADDING_RANGE_LIMIT)?.unwrap_or(value);
        let (value, limit) = (signed(value), signed(limit));
        Ok(Some(Self {
            low: value.min(limit),
            high: value.max(limit),
        }))
    }

    fn holds(&self, value: i32) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The modality transform: from stored values to modality units.
enum Modality {
    Table(Lookup),
    Rescale { slope: f64, intercept: f64 },
    Identity,
}

impl Modality {
    fn read(set: &DataSet<'_>, layout: &Layout, steps: &mut Vec<Step>) -> Result<Self, Error> {
        if let Some(item) = set.modality_tables.first() {
            let table = Lookup::read(item, layout.signed, set)?;
            steps.push(Step::ModalityLut {
                entries: table.entries.len(),
                first: table.first,
            });
            return Ok(Self::Table(table));
        }
        let number = |tag| Ok::<_, Error>(set.numbers(tag)?.first().copied());
        let slope = number(tag::RESCALE_SLOPE)?.unwrap_or(1.0);
        let intercept = number(tag::RESCALE_INTERCEPT)?.unwrap_or(0.0);
        if slope == 0.0 {
            return Err(set.bad(tag::RESCALE_SLOPE, "a number other than 0"));
        }
        if slope == 1.0 && intercept == 0.0 {
            return Ok(Self::Identity);
        }
        steps.push(Step::Rescale { slope, intercept });
        Ok(Self::Rescale { slope, intercept })
    }

    fn apply(&self, stored: i32) -> f64 {
        match self {
            Self::Table(table) => f64::from(table.at(stored)),
            Self::Rescale { slope, intercept } => f64::from(stored) * slope + intercept,
            Self::Identity => f64::from(stored),
        }
    }
}

/// The VOI transform: from modality units to 0..=1.
enum VoiTransform {
    Table(Lookup),
    Window {
        center: f64,
        width: f64,
        function: WindowFunction,
    },
    Range {
        min: f64,
        max: f64,
    },
}

impl VoiTransform {
    fn choose(
        set: &DataSet<'_>,
        layout: &Layout,
        modality: &Modality,
        (values, pixels): (&[f64], &[u64]),
        options: &DecodeOptions,
        steps: &mut Vec<Step>,
    ) -> Result<Self, Error> {
        let no_such = |what, index, count| Error::NoSuchVoi {
            name: set.name().to_string(),
            what,
            index,
            count,
        };
        match options.voi {
            Voi::Given {
                center,
                width,
                function,
            } => {
                if !usable(width, function) || !center.is_finite() {
                    let found = format!("{center}/{width}, from the caller");
                    return Err(set.bad_value(tag::WINDOW_WIDTH, found, "a valid window"));
                }
                steps.push(Step::Window {
                    index: None,
                    center,
                    width,
                    function,
                });
                Ok(Self::Window {
                    center,
                    width,
                    function,
                })
            }
            Voi::MinMax => Ok(Self::min_max(values, steps)),
            Voi::Lut(index) => {
                let item = set.voi_tables.get(index);
                let item = item.ok_or_else(|| no_such("VOI LUT", index, set.voi_tables.len()))?;
                let table = Self::table(set, layout, modality, item)?;
                Self::use_table(&table, index, steps);
                Ok(Self::Table(table))
            }
            Voi::Window(index) => {
                let (windows, function) = windows(set, steps);
                let window = windows
                    .get(index)
                    .ok_or_else(|| no_such("window", index, windows.len()))?;
                let (center, width) = window.usable(function).map_err(|because| {
                    set.bad_value(
                        tag::WINDOW_WIDTH,
                        window.found.clone(),
                        &format!("a window that can be used: {because}"),
                    )
                })?;
                steps.push(Step::Window {
                    index: Some(index),
                    center,
                    width,
                    function,
                });
                Ok(Self::Window {
                    center,
                    width,
                    function,
                })
            }
            Voi::FromFile => Ok(Self::from_file(set, layout, modality, (values, pixels), steps)),
        }
    }

    /// The first VOI LUT of the file that can be used, then the first window, then the range of the values.
    fn from_file(
        set: &DataSet<'_>,
        layout: &Layout,
        modality: &Modality,
        (values, pixels): (&[f64], &[u64]),
        steps: &mut Vec<Step>,
    ) -> Self {
        let contrast = |voi: &Self| {
            let levels = values.iter().map(|&value| voi.apply(value) as f32);
            Contrast::of_levels(levels.zip(pixels.iter().copied())).fault()
        };
        // A transform that leaves a film without contrast is off the data, if the film has any.
        let film_has_any = contrast(&Self::range_of(values)).is_none();
        let off_the_data = |voi: &Self| {
            contrast(voi)
                .filter(|_| film_has_any)
                .map(|fault| format!("it leaves no contrast ({fault})"))
        };
        for (index, item) in set.voi_tables.iter().enumerate() {
            let because = match Self::table(set, layout, modality, item) {
                Err(error) => error.to_string(),
                Ok(table) => {
                    let voi = Self::Table(table);
                    match (off_the_data(&voi), voi) {
                        (None, Self::Table(table)) => {
                            Self::use_table(&table, index, steps);
                            return Self::Table(table);
                        }
                        (because, _) => because.unwrap_or_default(),
                    }
                }
            };
            steps.push(Step::VoiLutIgnored { index, because });
        }
        let (windows, function) = windows(set, steps);
        for (index, window) in windows.into_iter().enumerate() {
            let because = match window.usable(function) {
                Err(because) => because,
                Ok((center, width)) => {
                    let voi = Self::Window {
                        center,
                        width,
                        function,
                    };
                    let Some(because) = off_the_data(&voi) else {
                        steps.push(Step::Window {
                            index: Some(index),
                            center,
                            width,
                            function,
                        });
                        return voi;
                    };
                    because
                }
            };
            steps.push(Step::WindowIgnored {
                index,
                found: window.found,
                because,
            });
        }
        if let (8, false, Modality::Identity) = (layout.stored, layout.signed, modality) {
            // Eight bits without a window are display values; stretching would change the film.
            let (min, max) = (0.0, 255.0);
            steps.push(Step::FullRange { min, max });
            return Self::Range { min, max };
        }
        Self::min_max(values, steps)
    }

    fn table(
        set: &DataSet<'_>,
        layout: &Layout,
        modality: &Modality,
        item: &super::data_set::Attributes,
    ) -> Result<Lookup, Error> {
        // The first input has the sign of the input values: unsigned after a modality LUT, possibly negative
        // after a rescale (PS3.3 C.11.2.1.1).
        let signed = match modality {
            Modality::Table(_) => false,
            Modality::Rescale { .. } | Modality::Identity => layout.signed || modality.apply(0) < 0.0,
        };
        Lookup::read(item, signed, set)
    }

    fn use_table(table: &Lookup, index: usize, steps: &mut Vec<Step>) {
        steps.push(Step::VoiLut {
            index,
            entries: table.entries.len(),
            bits: table.bits,
        });
        if table.reached != table.bits {
            steps.push(Step::VoiLutBits {
                declared: table.bits,
                reached: table.reached,
            });
        }
    }

    /// The range of the values. A film that is all padding has none.
    fn range_of(values: &[f64]) -> Self {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (min, max) = if min <= max { (min, max) } else { (0.0, 0.0) };
        Self::Range { min, max }
    }

    fn min_max(values: &[f64], steps: &mut Vec<Step>) -> Self {
        let range = Self::range_of(values);
        if let Self::Range { min, max } = range {
            steps.push(Step::MinMax { min, max });
        }
        range
    }

    fn apply(&self, value: f64) -> f64 {
        match *self {
            Self::Table(ref table) => f64::from(table.at(value.round() as i32)) / table.top(),
            Self::Range { min, max } if max > min => ((value - min) / (max - min)).clamp(0.0, 1.0),
            Self::Range { .. } => 0.0,
            Self::Window {
                center,
                width,
                function,
            } => window(value, center, width, function),
        }
        .clamp(0.0, 1.0)
    }
}

/// The window functions of PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, onto 0..=1.
fn window(value: f64, center: f64, width: f64, function: WindowFunction) -> f64 {
    match function {
        WindowFunction::Linear => {
            let (center, span) = (center - 0.5, width - 1.0);
            if value <= center - span / 2.0 {
                0.0
            } else if value > center + span / 2.0 {
                1.0
            } else {
                (value - center) / span + 0.5
            }
        }
        WindowFunction::LinearExact => ((value - center) / width + 0.5).clamp(0.0, 1.0),
        WindowFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
    }
}

/// A window as the file has it.
struct FileWindow {
    /// Centre and width; `None` for text that is no number.
    numbers: [Option<f64>; 2],
    found: String,
}

impl FileWindow {
    /// Centre and width, or the reason why the window cannot be used.
    fn usable(&self, function: WindowFunction) -> Result<(f64, f64), String> {
        let [Some(center), Some(width)] = self.numbers else {
            return Err("centre and width must be decimal numbers".to_string());
        };
        if usable(width, function) {
            return Ok((center, width));
        }
        Err(format!(
            "the width must be at least {} for {function}",
            least_width(function)
        ))
    }
}

/// The file's windows, and their function.
fn windows(set: &DataSet<'_>, steps: &mut Vec<Step>) -> (Vec<FileWindow>, WindowFunction) {
    let (centers, widths) = (set.texts(tag::WINDOW_CENTER), set.texts(tag::WINDOW_WIDTH));
    let function = match set.text(tag::VOILUT_FUNCTION) {
        None => WindowFunction::Linear,
        Some(found) => match found.to_ascii_uppercase().as_str() {
            "LINEAR" => WindowFunction::Linear,
            "LINEAR_EXACT" => WindowFunction::LinearExact,
            "SIGMOID" => WindowFunction::Sigmoid,
            _ => {
                let found = printable(&found);
                steps.push(Step::WindowFunctionIgnored { found });
                WindowFunction::Linear
            }
        },
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let windows = centers
        .iter()
        .zip(&widths)
        .filter(|(center, width)| !(center.is_empty() && width.is_empty()))
        .map(|(center, width)| FileWindow {
            numbers: [number(center), number(width)],
            found: printable(&format!("{center}/{width}")),
        });
    (windows.collect(), function)
}

fn usable(width: f64, function: WindowFunction) -> bool {
    width.is_finite() && width > 0.0 && width >= least_width(function)
}

/// The smallest width: 1 (a step) for a linear window; for the others, any width above zero.
fn least_width(function: WindowFunction) -> f64 {
    if function == WindowFunction::Linear {
        1.0
    } else {
        0.0
    }
}

/// True if high values are dark.
///
/// MONOCHROME1 and presentation LUT shape INVERSE mean the same, and a digital X-ray of inverted polarity has
/// both (PS3.3 C.8.11.3): together they are one inversion.
fn inverts(set: &DataSet<'_>, layout: &Layout, options: &DecodeOptions, steps: &mut Vec<Step>) -> bool {
    let shape = set
        .text(tag::PRESENTATION_LUT_SHAPE)
        .is_some_and(|shape| shape == "INVERSE");
    let file = match (layout.photometric == "MONOCHROME1", shape) {
        (true, true) => Some("photometric interpretation MONOCHROME1, presentation LUT shape INVERSE"),
        (true, false) => Some("photometric interpretation MONOCHROME1"),
        (false, true) => Some("presentation LUT shape INVERSE"),
        (false, false) => None,
    };
    match (options.polarity, file) {
        (Polarity::FromFile | Polarity::Monochrome2, None) => false,
        (Polarity::FromFile, Some(because)) => {
            steps.push(Step::Inverted {
                because: because.to_string(),
            });
            true
        }
        (Polarity::Monochrome2, Some(file)) => {
            steps.push(Step::PolarityOverruled {
                file: file.to_string(),
            });
            false
        }
        (Polarity::Monochrome1, file) => {
            if file.is_none() {
                let file = "photometric interpretation MONOCHROME2".to_string();
                steps.push(Step::PolarityOverruled { file });
            }
            steps.push(Step::Inverted {
                because: "requested by the caller".to_string(),
            });
            true
        }
    }
}
