//! Marker segments of a codestream.

use super::Fault;

/// Start of image, end of image.
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
/// Start of a JPEG-LS frame, of a scan; coding parameters; restart interval; number of lines.
const SOF55: u8 = 0xf7;
const SOS: u8 = 0xda;
const LSE: u8 = 0xf8;
const DRI: u8 = 0xdd;
const DNL: u8 = 0xdc;
/// Application data and comments.
const APP0: u8 = 0xe0;
const APP8: u8 = 0xe8;
const APP15: u8 = 0xef;
const COM: u8 = 0xfe;

/// The order of samples in a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interleave {
    /// One component.
    None,
    /// A line of each component in turn.
    Line,
    /// A sample of each component in turn.
    Sample,
}

/// The parameters of one scan.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Components of the frame.
    pub(super) of_frame: usize,
    pub(super) precision: u8,
    /// Numbers of the scan's components in the frame.
    pub(super) components: Vec<usize>,
    pub(super) interleave: Interleave,
    /// NEAR: the largest error.
    pub(super) near: i32,
    pub(super) parameters: Parameters,
    /// Restart interval in lines; 0 for none.
    pub(super) restart: usize,
}

/// The coding parameters (C.2.4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) maximum: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
}

impl Parameters {
    /// The default parameters for MAXVAL and NEAR.
    fn default_for(maximum: i32, near: i32) -> Self {
        let clamp = |value: i32, least: i32| {
            if value > maximum || value < least {
                least
            } else {
                value
            }
        };
        let [t1, t2, t3] = if maximum >= 128 {
            let factor = (maximum.min(4095) + 128) / 256;
            [
                // From the defaults of 8 bits: 3, 7 and 21, above offsets of 2, 3 and 4.
                factor + 2 + 3 * near,
                4 * factor + 3 + 5 * near,
                17 * factor + 4 + 7 * near,
            ]
        } else {
            let factor = 256 / (maximum + 1);
            [
                (3 / factor + 3 * near).max(2),
                (7 / factor + 5 * near).max(3),
                (21 / factor + 7 * near).max(4),
            ]
        };
        let first = clamp(t1, near + 1);
        let second = clamp(t2, first);
        Self {
            maximum,
            thresholds: [first, second, clamp(t3, second)],
            reset: 64,
        }
    }
}

/// A frame header.
#[derive(Debug, Clone)]
struct Frame {
    columns: usize,
    rows: usize,
    precision: u8,
    /// Identifiers of the components.
    components: Vec<u8>,
}

/// The reader of marker segments.
pub(super) struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    /// MAXVAL, T1, T2, T3, RESET of the stream; 0 stands for the default.
    own: Option<[i32; 5]>,
    restart: usize,
}

impl<'a> Header<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            frame: None,
            own: None,
            restart: 0,
        }
    }

    /// Reads the start of the image.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
        if self.bytes.starts_with(&[0xff, SOI]) {
            self.at = 2;
            return Ok(());
        }
        Err(Fault::Wrong("it does not begin with the marker SOI".to_string()))
    }

    /// The bytes from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Reads marker segments up to the data of the next scan.
    pub(super) fn next_scan(&mut self) -> Result<Scan, Fault> {
        loop {
            let marker = self.marker()?;
            match marker {
                EOI => {
                    return Err(Fault::Wrong(
                        "it ends before all components were coded".to_string(),
                    ));
                }
                SOF55 => self.frame = Some(frame(self.segment("the frame header")?)?),
                LSE => {
                    let segment = self.segment("coding parameters")?;
                    self.own = Some(preset(segment)?);
                }
                DRI => {
                    let segment = self.segment("the restart interval")?;
                    if !(2..=4).contains(&segment.len()) {
                        return Err(Fault::Wrong(format!(
                            "a restart interval of {} bytes, expected 2 to 4",
                            segment.len()
                        )));
                    }
                    self.restart = segment
                        .iter()
                        .fold(0, |number, &byte| number << 8 | usize::from(byte));
                }
                SOS => {
                    let segment = self.segment("the scan header")?;
                    return self.scan(segment);
                }
                DNL => return Err(Fault::Unsupported("its number of lines after the scan (DNL)")),
                0xc0..=0xcf => return Err(Fault::Wrong("it is a JPEG stream, not JPEG-LS".to_string())),
                APP0..=APP15 | COM => {
                    let segment = self.segment("application data")?;
                    // HP's codec and CharLS write the number of a colour transform here.
                    if marker == APP8 && segment.starts_with(b"mrfx") && segment.get(4) != Some(&0) {
                        return Err(Fault::Unsupported("a colour transform of HP's codec"));
                    }
                }
                other => return Err(Fault::Wrong(format!("unexpected marker FF{other:02X}"))),
            }
        }
    }

    /// The next marker; fill bytes before it are passed over.
    fn marker(&mut self) -> Result<u8, Fault> {
        let ends = || Fault::Ends("its header");
        if *self.bytes.get(self.at).ok_or_else(ends)? != 0xff {
            return Err(Fault::Wrong(format!("no marker at byte {}", self.at)));
        }
        loop {
            self.at += 1;
            match *self.bytes.get(self.at).ok_or_else(ends)? {
                0xff => {}
                marker => {
                    self.at += 1;
                    return Ok(marker);
                }
            }
        }
    }

    /// The contents of a marker segment, without its length.
    fn segment(&mut self, place: &'static str) -> Result<&'a [u8], Fault> {
        let rest = self.rest();
        let length = rest
            .first_chunk()
            .map(|&bytes| usize::from(u16::from_be_bytes(bytes)));
        let length = length.ok_or(Fault::Ends(place))?;
        if length < 2 {
            return Err(Fault::Wrong(format!("{place} of {length} bytes")));
        }
        let segment = rest.get(2..length).ok_or(Fault::Ends(place))?;
        self.at += length;
        Ok(segment)
    }

    fn scan(&self, segment: &[u8]) -> Result<Scan, Fault> {
        let frame = self
            .frame
            .as_ref()
            .ok_or_else(|| Fault::Wrong("a scan before the frame header".to_string()))?;
        let count = usize::from(segment.first().copied().unwrap_or(0));
        let (Some(selectors), Some(&[near, interleave, transform])) =
            (segment.get(1..1 + 2 * count), segment.get(1 + 2 * count..))
        else {
            return Err(Fault::Wrong(format!(
                "a scan header of {} bytes for {count} components",
                segment.len()
            )));
        };
        let components = selectors
            .chunks_exact(2)
            .map(|selector| {
                if selector[1] != 0 {
                    return Err(Fault::Unsupported("mapping tables"));
                }
                let known = frame.components.iter().position(|&id| id == selector[0]);
                known.ok_or_else(|| Fault::Wrong(format!("a scan of the unknown component {}", selector[0])))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let interleave = match (interleave, count) {
            (0..=2, 1) => Interleave::None,
            (1, 2..=4) => Interleave::Line,
            (2, 2..=4) => Interleave::Sample,
            _ => {
                return Err(Fault::Wrong(format!(
                    "interleave mode {interleave} with {count} components"
                )));
            }
        };
        if transform & 0x0f != 0 {
            return Err(Fault::Unsupported("a point transform"));
        }
        let full = (1_i32 << frame.precision) - 1;
        let own = self.own.unwrap_or_default();
        let maximum = if own[0] == 0 { full } else { own[0] };
        let near = i32::from(near);
        if maximum > full || near > (maximum / 2).min(255) {
            return Err(Fault::Wrong(format!(
                "MAXVAL {maximum} and NEAR {near} with {} bits",
                frame.precision
            )));
        }
        let default = Parameters::default_for(maximum, near);
        let or = |own: i32, default: i32| if own == 0 { default } else { own };
        let thresholds = [
            or(own[1], default.thresholds[0]),
            or(own[2], default.thresholds[1]),
            or(own[3], default.thresholds[2]),
        ];
        let reset = or(own[4], default.reset);
        let ordered = near < thresholds[0]
            && thresholds[0] <= thresholds[1]
            && thresholds[1] <= thresholds[2]
            && thresholds[2] <= maximum;
        if !ordered || !(3..=maximum.max(255)).contains(&reset) {
            return Err(Fault::Wrong(format!(
                "thresholds {thresholds:?} and RESET {reset} with MAXVAL {maximum}"
            )));
        }
        Ok(Scan {
            columns: frame.columns,
            rows: frame.rows,
            of_frame: frame.components.len(),
            precision: frame.precision,
            components,
            interleave,
            near,
            parameters: Parameters {
                maximum,
                thresholds,
                reset,
            },
            restart: self.restart,
        })
    }
}

fn frame(segment: &[u8]) -> Result<Frame, Fault> {
    let Some((&[precision, y1, y0, x1, x0, count], each)) = segment.split_first_chunk() else {
        return Err(Fault::Wrong(format!("a frame header of {} bytes", segment.len())));
    };
    let (rows, columns) = (u16::from_be_bytes([y1, y0]), u16::from_be_bytes([x1, x0]));
    if !(2..=16).contains(&precision) {
        return Err(Fault::Wrong(format!(
            "samples of {precision} bits, expected 2 to 16"
        )));
    }
    if each.len() != 3 * usize::from(count) {
        return Err(Fault::Wrong(format!(
            "a frame header of {} bytes for {count} components",
            segment.len()
        )));
    }
    if each.chunks_exact(3).any(|component| component[1] != 0x11) {
        return Err(Fault::Unsupported("subsampled components"));
    }
    if rows == 0 || columns == 0 {
        return Err(Fault::Unsupported("its size outside the frame header"));
    }
    Ok(Frame {
        columns: usize::from(columns),
        rows: usize::from(rows),
        precision,
        components: each.chunks_exact(3).map(|component| component[0]).collect(),
    })
}

/// The coding parameters of an LSE segment.
fn preset(segment: &[u8]) -> Result<[i32; 5], Fault> {
    match segment.split_first() {
        Some((1, numbers)) if numbers.len() == 10 => {
            let mut own = [0; 5];
            for (own, number) in own.iter_mut().zip(numbers.chunks_exact(2)) {
                *own = i32::from(u16::from_be_bytes([number[0], number[1]]));
            }
            Ok(own)
        }
        Some((2 | 3, _)) => Err(Fault::Unsupported("mapping tables")),
        Some((4, _)) => Err(Fault::Unsupported("its size outside the frame header")),
        _ => Err(Fault::Wrong(format!(
            "coding parameters of {} bytes",
            segment.len()
        ))),
    }
}
