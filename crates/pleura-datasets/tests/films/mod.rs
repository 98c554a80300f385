//! Small films made on the spot, and datasets laid out around them.

#![allow(dead_code, clippy::missing_panics_doc)]

use std::path::{Path, PathBuf};

use image::{ColorType, GrayImage, Luma, Rgba, RgbaImage};
use pleura_datasets::adapters::Dataset;
use pleura_datasets::{BuildInput, BuildOptions, BuiltManifest, build};
use pleura_manifest::Exclusion;

/// A grey film whose pixels follow from its number.
pub(crate) fn grey(number: u32, width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([(x * 7 + y * 13 + number * 29) as u8]))
}

/// Writes a grey film; the extension chooses PNG or JPEG.
pub(crate) fn write(path: &Path, number: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    grey(number, 40, 32).save(path).unwrap();
}

/// Writes the same film as [`write`], as PNG in RGBA, like a few films of ChestX-ray14.
pub(crate) fn write_rgba(path: &Path, number: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let grey = grey(number, 40, 32);
    let rgba = RgbaImage::from_fn(40, 32, |x, y| {
        let Luma([level]) = *grey.get_pixel(x, y);
        Rgba([level, level, level, 255])
    });
    rgba.save(path).unwrap();
}

/// Writes the same film as [`write`] with 16 bits a pixel.
pub(crate) fn write_deep(path: &Path, number: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let levels: Vec<u8> = grey(number, 40, 32)
        .pixels()
        .flat_map(|pixel| (u16::from(pixel.0[0]) * 257).to_ne_bytes())
        .collect();
    image::save_buffer(path, &levels, 40, 32, ColorType::L16).unwrap();
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A dataset at a path.
pub(crate) fn dataset(kind: &str, path: &Path) -> BuildInput {
    BuildInput {
        dataset: Dataset::by_name(kind).unwrap(),
        name: kind.to_string(),
        path: path.to_path_buf(),
    }
}

/// Builds from one dataset with default options.
pub(crate) fn build_one(kind: &str, path: &Path, out: &Path) -> BuiltManifest {
    let options = BuildOptions {
        inputs: vec![dataset(kind, path)],
        ..BuildOptions::default()
    };
    build(&options, out, &|_, _| {}).unwrap()
}

/// (reason, excluded, left) of each step.
pub(crate) fn account(steps: &[Exclusion]) -> Vec<(&str, usize, usize)> {
    steps
        .iter()
        .map(|step| (step.reason.as_str(), step.excluded, step.left))
        .collect()
}

/// Every listed row is kept or counted under one reason.
pub(crate) fn adds_up(built: &BuiltManifest) {
    for source in &built.sidecar.sources {
        let excluded: usize = source.steps.iter().map(|step| step.excluded).sum();
        assert_eq!(
            source.listed + source.brought_in,
            source.kept + excluded,
            "{source:?}"
        );
    }
}
