//! Fractals: a source stage that needs no picture from anywhere.
//!
//! Formula-driven supervised learning as in Kataoka et al., "Pre-training without Natural Images" (ACCV 2020; IJCV 130, 2022; arXiv
//! 2101.08515). A class is an iterated function system drawn at random and kept if its picture fills enough of a square; an instance is that
//! system with one letter of its maps a little larger or smaller; a picture is one walk of the chaos game through it, drawn when it is
//! needed and forgotten afterwards.
//!
//! What is the paper's (checked against its authors' public program): two to seven affine maps with six letters uniform in ±1, chosen in
//! proportion to |ad − bc|; 100,000 points on a square of 512 with a border of 6, both axes stretched to fill it, and a filling rate of 0.2
//! to be kept; one letter of all maps scaled for an instance, by up to a fifth either way; random 3 × 3 patches of grey 127 on black.
//! What is ours: the scaling is any number in that range and not one of five, so that instances never run out; each epoch draws an
//! instance anew (other points, other patches, one of the square's eight symmetries and not of four); the picture is drawn at twice its size
//! with as many points an area, and averaged.

mod options;
mod render;
mod system;
mod write;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

pub use options::{FractalOptions, Rendering};
pub use system::System;
pub use write::{MANIFEST, SHEET, write};

use crate::Error;
use pleura_manifest::order::stream;
use system::Class;

/// The classes of a [`FractalOptions`], found, and ready to be drawn at one size.
///
/// A picture depends on the options' seed, its class, its instance and the epoch alone: not on how many classes or instances there are, nor on
/// threads.
#[derive(Debug)]
pub struct Fractals {
    options: FractalOptions,
    size: usize,
    classes: Vec<Class>,
}

impl Fractals {
    /// Searches the classes on all threads. `progress(done, of)` counts classes from any thread, with `done` never falling.
    ///
    /// # Errors
    /// [`Error::Fractal`] for options that say something impossible, and a filling rate that too few systems reach.
    pub fn search(
        options: &FractalOptions,
        size: usize,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, Error> {
        if let Some((key, problem)) = options.fault() {
            return Err(Error::Fractal(format!("{key}: {problem}")));
        }
        let done = Mutex::new(0);
        let found: Option<Vec<Class>> = (0..options.classes)
            .into_par_iter()
            .map(|class| {
                let class = system::search(options.filling_rate, options.seed, class);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                *done += 1;
                progress(*done, options.classes);
                class
            })
            .collect();
        let classes = found.ok_or_else(|| {
            Error::Fractal(format!(
                "filling_rate: of {} systems synthetic_output for a class none fills {} of the square; take less, the paper's is 0.2",
                system::ATTEMPTS,
                options.filling_rate
            ))
        })?;
        Ok(Self {
            options: options.clone(),
            size,
            classes,
        })
    }

    /// What was asked for.
    pub fn options(&self) -> &FractalOptions {
        &self.options
    }

    /// Side of a picture in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The systems, one a class.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.classes.iter().map(|class| &class.system)
    }

    /// Draws the picture of a row of [`FractalOptions::manifest`] in an epoch: `[size, size]` row-major, 0 black to 1 white.
    ///
    /// # Errors
    /// [`Error::Row`] for a row that there is not.
    pub fn draw(&self, row: usize, epoch: u64, out: &mut [f32]) -> Result<(), Error> {
        let (number, instance) = self.options.place(row);
        let class = self.classes.get(number).ok_or_else(|| Error::Row {
            row,
            rows: self.options.pictures(),
        })?;
        let ids: [[u8; 8]; 4] =
            [self.options.seed, number as u64, instance as u64, epoch].map(u64::to_le_bytes);
        let [seed, number, instance, epoch] = ids.each_ref().map(<[u8; 8]>::as_slice);
        let mut rng = stream("fractal instance", &[seed, number, instance]);
        let system = class.instance(self.options.variation, &mut rng);
        let mut rng = stream("fractal picture", &[seed, number, instance, epoch]);
        render::render(&system, self.size, self.options.rendering, &mut rng, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
