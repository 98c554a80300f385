//! TensorBoard event files: scalars in `TFRecord` framing, in hand-written protobuf.
//!
//! A record is `u64 length, u32 masked crc of the length, bytes, u32 masked crc of the bytes`,
//! little-endian, with CRC-32C (Castagnoli). An event is TensorFlow's `event.proto`: wall time (1, double),
//! step (2, int64), file version (3, string), summary (5) of values (1) with tag (1, string) and simple
//! value (2, float).

use std::{path::PathBuf, time::SystemTime};

use crc::{CRC_32_ISCSI, Crc};

use crate::{error::Error, log::AppendLog};

static CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The curves of one stage. TensorBoard shows each stage's folder as a run.
#[derive(Debug)]
pub(crate) struct EventFile(AppendLog);

impl EventFile {
    /// Opens an event file, cut to `length` bytes.
    pub(crate) fn open(path: PathBuf, length: u64) -> Result<Self, Error> {
        let mut file = AppendLog::open(path, length)?;
        if length == 0 {
            let mut event = Vec::new();
            fixed64(&mut event, 1, now());
            bytes(&mut event, 3, b"brain.Event:2");
            file.append(&record(&event))?;
        }
        Ok(Self(file))
    }

    /// Adds scalars at one step. Only their wall times differ between equal runs.
    pub(crate) fn scalars(&mut self, step: u64, values: &[(String, f64)]) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        self.0.append(&record(&scalar_event(now(), step, values)))
    }

    pub(crate) fn sync(&self) -> Result<u64, Error> {
        self.0.sync()
    }
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |passed| passed.as_secs_f64())
}

fn scalar_event(wall_time: f64, step: u64, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut entry = Vec::new();
        bytes(&mut entry, 1, tag.as_bytes());
        key(&mut entry, 2, 5);
        entry.extend_from_slice(&(*value as f32).to_le_bytes());
        bytes(&mut summary, 1, &entry);
    }
    let mut event = Vec::new();
    fixed64(&mut event, 1, wall_time);
    key(&mut event, 2, 0);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    event
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(event.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked_crc(&length).to_le_bytes());
    out.extend_from_slice(event);
    out.extend_from_slice(&masked_crc(event).to_le_bytes());
    out
}

/// The mask of `TFRecord`, for checksums of data that contain checksums.
fn masked_crc(data: &[u8]) -> u32 {
    CASTAGNOLI
        .checksum(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, field << 3 | wire_type);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, field: u64, data: &[u8]) {
    key(out, field, 2);
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4: 32 bytes of zero.
        assert_eq!(CASTAGNOLI.checksum(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn an_event_has_the_bytes_protobuf_says() {
        let event = scalar_event(1.5, 300, &[("loss".to_owned(), 0.25)]);
        let expected: &[u8] = &[
            0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, // 1: 1.5
            0x10, 0xac, 0x02, // 2: 300
            0x2a, 13, // 5: 13 bytes
            0x0a, 11, // 1: 11 bytes
            0x0a, 4, b'l', b'o', b's', b's', // 1: "loss"
            0x15, 0, 0, 0x80, 0x3e, // 2: 0.25f
        ];
        assert_eq!(event, expected);
        let record = record(&event);
        assert_eq!(record.len(), event.len() + 16);
        assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
    }

    #[test]
    fn a_resumed_file_has_one_header() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = EventFile::open(folder.path().join("events"), 0).unwrap();
        file.scalars(0, &[("a".into(), 1.0)]).unwrap();
        let length = file.sync().unwrap();
        file.scalars(1, &[("a".into(), 2.0)]).unwrap();
        let mut file = EventFile::open(folder.path().join("events"), length).unwrap();
        file.scalars(1, &[("a".into(), 3.0)]).unwrap();
        let bytes = std::fs::read(folder.path().join("events")).unwrap();
        let headers = bytes
            .windows(13)
            .filter(|window| window == b"brain.Event:2")
            .count();
        assert_eq!((headers, file.sync().unwrap()), (1, bytes.len() as u64));
    }
}
