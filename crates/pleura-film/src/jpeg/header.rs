//! The marker segments of a JPEG stream (ITU-T T.81 annex B), read before anything is decoded.

use crate::Error;
use crate::exif;
use crate::fault::Fault;
use crate::source::{Colour, Format};

/// A supported coding process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Baseline,
    Extended,
    Progressive,
    Lossless,
}

impl Process {
    pub(super) fn name(self, precision: u8) -> &'static str {
        match (self, precision) {
            (Self::Baseline, _) => "JPEG baseline",
            (Self::Extended, 0..=8) => "JPEG extended, 8 bit",
            (Self::Extended, _) => "JPEG extended, 12 bit",
            (Self::Progressive, _) => "JPEG progressive",
            (Self::Lossless, _) => "JPEG lossless",
        }
    }
}

/// A component of the frame header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: u8,
    pub(super) vertical: u8,
    pub(super) table: u8,
}

/// A scan: the bytes of its header and its coded data.
#[derive(Debug, Clone)]
pub(super) struct Scan<'a> {
    /// The scan header after its length.
    pub(super) header: &'a [u8],
    /// The entropy-coded bytes, restart markers included, up to the next other marker.
    pub(super) data: &'a [u8],
    /// The segments (marker, content) that come before this scan and after the one before it.
    pub(super) tables: Vec<(u8, &'a [u8])>,
}

/// The header of a stream.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) process: Process,
    pub(super) precision: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: Vec<Component>,
    pub(super) scans: Vec<Scan<'a>>,
    /// The stream without application segments and comments.
    pub(super) essential: Vec<u8>,
    /// The colour transform of Adobe's segment.
    pub(super) adobe: Option<u8>,
    pub(super) orientation: u8,
    /// Bytes outside segments.
    pub(super) ignored: usize,
    /// True if the end-of-image marker is missing.
    pub(super) open_end: bool,
    jfif: bool,
}

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DHT: u8 = 0xc4;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP14: u8 = 0xee;
/// The most scans allowed. A progressive file has about ten.
const MAX_SCANS: usize = 100;

impl<'a> Header<'a> {
    /// Reads all segments up to the end-of-image marker.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut walk = Walk {
            bytes,
            at: 2,
            ignored: 0,
        };
        let mut open_end = false;
        if !bytes.starts_with(&[0xff, SOI]) {
            return Err(Fault::Malformed(
                "it does not begin with a start-of-image marker".to_string(),
            ));
        }
        let mut frame = None;
        let mut scans: Vec<Scan<'a>> = Vec::new();
        let mut tables = Vec::new();
        let mut essential = vec![0xff, SOI];
        let mut coded_end = 0;
        let (mut adobe, mut orientation, mut jfif) = (None, 1, false);
        loop {
            // libjpeg closes a stream without an end. A progressive stream could lack scans then.
            let progressive = frame
                .as_ref()
                .is_none_or(|frame: &Frame| frame.process == Process::Progressive);
            let marker = match walk.marker() {
                Err(Fault::Truncated(_)) if !scans.is_empty() && !progressive => {
                    open_end = true;
                    EOI
                }
                other => other?,
            };
            match marker {
                EOI => break,
                0x01 | SOI | 0xd0..=0xd7 => {
                    return Err(Fault::Malformed(format!(
                        "marker ff{marker:02x} stands between segments"
                    )));
                }
                _ => {}
            }
            let content = walk.segment(marker)?;
            match marker {
                0xc0..=0xcf | 0xf7 if !matches!(marker, DHT | 0xc8 | 0xcc) => {
                    if frame.is_some() {
                        return Err(Fault::Malformed("it has two frame headers".to_string()));
                    }
                    frame = Some(Frame::read(marker, content)?);
                }
                APP0 => jfif |= content.starts_with(b"JFIF\0"),
                APP1 => orientation = exif::orientation(content).unwrap_or(orientation),
                APP14 => adobe = adobe_transform(content).or(adobe),
                _ => {}
            }
            if !matches!(marker, 0xe0..=0xef | 0xfe) {
                essential.extend([0xff, marker]);
                essential.extend((content.len() as u16 + 2).to_be_bytes());
                essential.extend(content);
            }
            if marker == SOS {
                if frame.is_none() {
                    return Err(Fault::Malformed(
                        "a scan comes before the frame header".to_string(),
                    ));
                }
                if scans.len() == MAX_SCANS {
                    return Err(Fault::Malformed(format!("it has more than {MAX_SCANS} scans")));
                }
                let data = walk.coded_data();
                essential.extend(data);
                coded_end = essential.len();
                scans.push(Scan {
                    header: content,
                    data,
                    tables: std::mem::take(&mut tables),
                });
            } else {
                tables.push((marker, content));
            }
        }
        essential.extend([0xff, EOI]);
        let Some(Frame {
            process,
            precision,
            width,
            height,
            components,
        }) = frame
        else {
            return Err(Fault::Malformed("it has no frame header".to_string()));
        };
        if scans.is_empty() {
            return Err(Fault::Malformed("it has no scan".to_string()));
        }
        if matches!(process, Process::Baseline | Process::Extended) {
            // After the coded data, a decoder would continue with zeros, which are a code in every table. A
            // code of only ones is in no table. This detects a scan that was cut short and closed again.
            essential.splice(coded_end..coded_end, [0xff, 0x00].repeat(8));
            // A scan header has a count of components and two bytes per component.
            let in_scan = |scan: &Scan<'_>, id: u8| {
                let count = scan.header.first().copied().unwrap_or(0);
                let pairs = scan.header.iter().skip(1).step_by(2);
                pairs.take(count.into()).any(|&other| other == id)
            };
            let coded = |component: &Component| scans.iter().any(|scan| in_scan(scan, component.id));
            if !components.iter().all(coded) {
                return Err(Fault::Truncated("a component has no scan".to_string()));
            }
        }
        Ok(Self {
            process,
            precision,
            width,
            height,
            components,
            scans,
            essential,
            adobe,
            orientation,
            ignored: walk.ignored,
            open_end,
            jfif,
        })
    }

    /// The colour space, if the stream declares one; Adobe's segment takes precedence over JFIF's.
    pub(super) fn declared_colour(&self) -> Option<Colour> {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (self.components.len(), self.adobe) {
            (3, Some(0)) => Some(Colour::Rgb),
            (3, Some(_)) => Some(Colour::YCbCr),
            (3, None) if self.jfif => Some(Colour::YCbCr),
            (3, None) if ids == *b"RGB" => Some(Colour::Rgb),
            (4, Some(2)) => Some(Colour::Ycck),
            (4, _) => Some(Colour::Cmyk),
            _ => None,
        }
    }

    /// Refuses a stream whose coded data cannot hold its pixels. Each block, or each sample of a lossless
    /// stream, takes at least one bit; a block of a non-progressive stream takes two.
    pub(super) fn check_plausible(&self, name: &str, format: Format) -> Result<(), Error> {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let most = |f: fn(&Component) -> u8| self.components.iter().map(f).max().unwrap_or(1);
        let (widest, tallest) = (most(|c| c.horizontal), most(|c| c.vertical));
        let units: u64 = self
            .components
            .iter()
            .map(|component| {
                let share = |side: u64, factor: u8, greatest: u8| {
                    (side * u64::from(factor)).div_ceil(u64::from(greatest))
                };
                let width = share(width, component.horizontal, widest);
                let height = share(height, component.vertical, tallest);
                if self.process == Process::Lossless {
                    width * height
                } else {
                    width.div_ceil(8) * height.div_ceil(8)
                }
            })
            .sum();
        let least = match self.process {
            Process::Baseline | Process::Extended => units / 4,
            Process::Progressive | Process::Lossless => units / 8,
        };
        let bytes: u64 = self.scans.iter().map(|scan| scan.data.len() as u64).sum();
        if bytes < least {
            return Err(Error::Implausible {
                name: name.to_string(),
                format,
                width,
                height,
                bytes,
                least,
            });
        }
        Ok(())
    }
}

struct Frame {
    process: Process,
    precision: u8,
    width: u16,
    height: u16,
    components: Vec<Component>,
}

impl Frame {
    fn read(marker: u8, content: &[u8]) -> Result<Self, Fault> {
        let process = match marker {
            0xc0 => Process::Baseline,
            0xc1 => Process::Extended,
            0xc2 => Process::Progressive,
            0xc3 => Process::Lossless,
            0xf7 => return Err(unsupported("JPEG-LS")),
            0xc5..=0xc7 | 0xcd..=0xcf => return Err(unsupported("hierarchical JPEG")),
            _ => return Err(unsupported("arithmetic-coded JPEG")),
        };
        let &[precision, high, low, wide, narrow, count, ref rest @ ..] = content else {
            return Err(Fault::Malformed("the frame header is too short".to_string()));
        };
        let (height, width) = (
            u16::from_be_bytes([high, low]),
            u16::from_be_bytes([wide, narrow]),
        );
        let right_precision = match process {
            Process::Baseline | Process::Progressive => precision == 8,
            Process::Extended => matches!(precision, 8 | 12),
            Process::Lossless => (2..=16).contains(&precision),
        };
        if !right_precision {
            let what = format!("{} with {precision} bits a sample", process.name(precision));
            return Err(unsupported(&what));
        }
        if !matches!(count, 1 | 3 | 4) || rest.len() != 3 * usize::from(count) {
            let detail = format!("{count} components in {} bytes, expected 1, 3 or 4", rest.len());
            return Err(Fault::Malformed(detail));
        }
        let components: Vec<Component> = rest
            .chunks_exact(3)
            .map(|part| Component {
                id: part[0],
                horizontal: part[1] >> 4,
                vertical: part[1] & 15,
                table: part[2],
            })
            .collect();
        let right = |component: &Component| {
            (1..=4).contains(&component.horizontal)
                && (1..=4).contains(&component.vertical)
                && component.table < 4
        };
        if !components.iter().all(right) {
            let detail = "a component's sampling factor is not 1 to 4, or its table not 0 to 3".to_string();
            return Err(Fault::Malformed(detail));
        }
        Ok(Self {
            process,
            precision,
            width,
            height,
            components,
        })
    }
}

/// A cursor over segments.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes outside segments.
    ignored: usize,
}

impl<'a> Walk<'a> {
    /// The next marker. Fill bytes before it are skipped, and so are bytes that belong to no segment, as
    /// libjpeg does.
    fn marker(&mut self) -> Result<u8, Fault> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let stray = rest.iter().position(|&byte| byte == 0xff);
            let stray = stray.ok_or_else(|| self.ended("before the end-of-image marker"))?;
            self.at += stray;
            self.ignored += stray;
            while self.bytes.get(self.at) == Some(&0xff) {
                self.at += 1;
            }
            let marker = *self
                .bytes
                .get(self.at)
                .ok_or_else(|| self.ended("inside a marker"))?;
            self.at += 1;
            if marker != 0 {
                return Ok(marker);
            }
            // A stuffed byte outside coded data.
            self.ignored += 2;
        }
    }

    /// The content of the segment that begins here, after its length.
    fn segment(&mut self, marker: u8) -> Result<&'a [u8], Fault> {
        let Some(&[high, low]) = self.bytes.get(self.at..self.at + 2) else {
            return Err(self.ended("inside a segment"));
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(Fault::Malformed(format!(
                "segment ff{marker:02x} has length {length}"
            )));
        }
        let content = self.bytes.get(self.at + 2..self.at + length).ok_or_else(|| {
            Fault::Truncated(format!(
                "segment ff{marker:02x} at byte {} runs past the end",
                self.at
            ))
        })?;
        self.at += length;
        Ok(content)
    }

    /// The coded bytes from here to the next marker that is neither stuffing nor a restart.
    fn coded_data(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
        let length = rest.windows(2).position(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn ended(&self, place: &str) -> Fault {
        Fault::Truncated(format!("it ends after {} bytes, {place}", self.bytes.len()))
    }
}

fn adobe_transform(content: &[u8]) -> Option<u8> {
    if content.starts_with(b"Adobe") {
        content.get(11).copied()
    } else {
        None
    }
}

fn unsupported(what: &str) -> Fault {
    Fault::Unsupported(
        what.to_string(),
        "convert the film to PNG, or to baseline or lossless JPEG",
    )
}
