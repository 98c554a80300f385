//! Fractals: images for a source stage that needs no dataset.
//!
//! Formula-driven supervised learning (Kataoka et al., "Pre-training without Natural Images", ACCV 2020; IJCV
//! 130, 2022; arXiv 2101.08515). A class is a random iterated function system whose attractor fills enough of
//! a square. An instance is the system with one coefficient of its maps changed a little. An image is one run
//! of the chaos game, drawn on demand.
//!
//! As in the paper and its authors' program: two to seven affine maps with six coefficients uniform in ±1,
//! chosen in proportion to |ad − bc|; 100,000 points on a square of 512 with a border of 6, both axes scaled
//! to fill it; a minimum filling rate of 0.2; one coefficient of all maps scaled for an instance, by up to a
//! fifth; random 3 × 3 patches of grey 127 on black.
//!
//! Different here: the scaling is any number in that range, not one of five, so the number of instances is
//! unlimited. Each epoch draws an instance again, with other points, other patches and one of the square's
//! eight symmetries (not four). The image is drawn at twice its size with the same density of points, and
//! averaged.

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
use pleura_core::rng::{Scheme, stream};
use system::Class;

/// The classes of a [`FractalOptions`], ready to be drawn at one size.
///
/// An image depends only on the seed, its class, its instance and the epoch, not on the number of classes,
/// instances or threads.
#[derive(Debug)]
pub struct Fractals {
    options: FractalOptions,
    size: usize,
    classes: Vec<Class>,
}

impl Fractals {
    /// Searches the classes on all threads. `progress(done, of)` counts classes from any thread; `done` never
    /// falls.
    ///
    /// # Errors
    /// [`Error::Fractal`] for invalid options, and for a filling rate that too few systems reach.
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

    /// The options.
    pub fn options(&self) -> &FractalOptions {
        &self.options
    }

    /// Side of an image in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The systems, one a class.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.classes.iter().map(|class| &class.system)
    }

    /// Draws the image of a row of [`FractalOptions::manifest`] in an epoch: `[size, size]` row-major, 0
    /// black to 1 white.
    ///
    /// # Errors
    /// [`Error::Row`] for a row outside the manifest.
    pub fn draw(&self, row: usize, epoch: u64, out: &mut [f32]) -> Result<(), Error> {
        let (number, instance) = self.options.place(row);
        let class = self.classes.get(number).ok_or_else(|| Error::Row {
            row,
            rows: self.options.pictures(),
        })?;
        let ids = [number as u64, instance as u64, epoch].map(u64::to_le_bytes);
        let [number, instance, epoch] = ids.each_ref().map(<[u8; 8]>::as_slice);
        let stream = |name: &[&[u8]]| stream(Scheme::Sha256, self.options.seed, name);
        let system = class.instance(
            self.options.variation,
            &mut stream(&[b"fractal instance", number, instance]),
        );
        let mut rng = stream(&[b"fractal picture", number, instance, epoch]);
        render::render(&system, self.size, self.options.rendering, &mut rng, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
