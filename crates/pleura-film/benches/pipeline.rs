//! From a film's file to an augmented input of a network, stage by stage, on one thread.
//!
//! Every film in `target/tmp/films` is measured: four are made there, and others can be laid beside them.
//! `peer.py` here does the same work with Pillow and torchvision on the same files.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::hint::black_box;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use pleura_film::{DecodeOptions, Preparation, Warp, decode, open_prepared, prepare};

criterion_group!(benches, pipeline);
criterion_main!(benches);

fn pipeline(criterion: &mut Criterion) {
    let options = DecodeOptions::default();
    let preparation = Preparation::default();
    let size = preparation.size;
    // As training draws them.
    let warp = Warp::new(true, 17.0, [0.04, -0.06]);
    for path in films() {
        let bytes = fs::read(&path).unwrap();
        let film = decode(&bytes, "film", &options).unwrap();
        let prepared = prepare(&film, &preparation);
        let plain = prepared.unit_grey();
        let mut warped = vec![0.0; size * size];

        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut group = criterion.benchmark_group(name);
        group
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .sample_size(20);
        group.bench_function("decode", |bench| {
            bench.iter(|| decode(black_box(&bytes), "film", &options).unwrap());
        });
        group.bench_function("prepare", |bench| {
            bench.iter(|| prepare(black_box(&film), &preparation));
        });
        group.bench_function("augment", |bench| {
            bench.iter(|| warp.apply(black_box(&plain), size, &mut warped));
        });
        group.bench_function("file to augmented input", |bench| {
            bench.iter(|| {
                let (_, prepared) = open_prepared(black_box(&path), &options, &preparation).unwrap();
                warp.apply(&prepared.unit_grey(), size, &mut warped);
            });
        });
    }
}

/// The films to measure, those made here among them.
fn films() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("films");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        if fs::read(&path).ok().as_ref() != Some(&bytes) {
            fs::write(path, bytes).unwrap();
        }
    };
    let eight: Vec<u8> = levels(1024)
        .iter()
        .map(|level| (level * 255.0).round() as u8)
        .collect();
    let sixteen: Vec<u8> = levels(2048)
        .iter()
        .flat_map(|level| ((level * 65535.0).round() as u16).to_ne_bytes())
        .collect();
    write("1024-8bit.png", png(&eight, 1024, ExtendedColorType::L8));
    write("2048-16bit.png", png(&sixteen, 2048, ExtendedColorType::L16));
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 92)
        .write_image(&eight, 1024, 1024, ExtendedColorType::L8)
        .unwrap();
    write("1024.jpg", jpeg);
    write("2048-12bit.dcm", dicom(&levels(2048), 2048));
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn png(bytes: &[u8], side: u32, colour: ExtendedColorType) -> Vec<u8> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(Cursor::new(&mut png), CompressionType::Best, FilterType::Adaptive)
        .write_image(bytes, side, side, colour)
        .unwrap();
    png
}

/// A bare, uncompressed 12-bit radiograph, little endian, implicit value representations.
fn dicom(levels: &[f32], side: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut element = |group: u16, number: u16, value: &[u8]| {
        bytes.extend(group.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
    };
    element(0x0008, 0x0016, b"1.2.840.10008.5.1.4.1.1.1.1\0");
    element(0x0008, 0x0018, b"1.2.826.0.1.3680043.10.1.9");
    element(0x0008, 0x0060, b"DX");
    for (number, value) in [
        (0x0002, 1),
        (0x0010, side),
        (0x0011, side),
        (0x0100, 16),
        (0x0101, 12),
        (0x0102, 11),
        (0x0103, 0),
    ] {
        if number == 0x0010 {
            element(0x0028, 0x0004, b"MONOCHROME2 ");
        }
        element(0x0028, number, &value.to_le_bytes());
    }
    let pixels: Vec<u8> = levels
        .iter()
        .flat_map(|level| ((level * 4095.0).round() as u16).to_le_bytes())
        .collect();
    element(0x7fe0, 0x0010, &pixels);
    bytes
}

/// Something with a film's statistics: smooth shapes under noise, about half of a sample's bits to be stored.
fn levels(side: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..side * side)
        .map(|at| {
            let (x, y) = ((at % side) as f32 / side as f32, (at / side) as f32 / side as f32);
            let chest = 0.5 + 0.25 * (6.0 * x).cos() * (4.0 * y).sin() + 0.1 * (40.0 * y + 9.0 * x).sin();
            (chest + 0.02 * (noise() + noise() + noise())).clamp(0.0, 1.0)
        })
        .collect()
}
