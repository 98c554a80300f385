//! The lungs on films: masks and pictures.

use std::path::{Path, PathBuf};

use pleura_core::fs::write_atomic;
use pleura_draw::picture::{Outline, Picture};
use pleura_film::lungs::LungModel;
use pleura_film::{DecodeOptions, grey_png_8};

use crate::Error;

pub use pleura_film::lungs::{Implausible, LungMeasures, LungRegion, Lungs, ModelId, Region};

/// The long side of a picture, in pixels.
const PICTURE_SIDE: usize = 768;

/// A segmentation model for lungs: the built-in one, or one of a training.
pub enum Model {
    /// The model that is part of the program.
    BuiltIn,
    /// A model of a file.
    Read(Box<LungModel>),
}

impl Model {
    /// Reads the weights of a segmentation training; without a path, the built-in model.
    ///
    /// # Errors
    /// A file that cannot be read or holds no segmentation network for lungs.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::BuiltIn);
        };
        let weights = pleura_nn::unet::UNetWeights::read(path).map_err(Error::Weights)?;
        let model = LungModel::new(&weights).map_err(Error::Weights)?;
        Ok(Self::Read(Box::new(model)))
    }

    /// The model.
    pub fn get(&self) -> &LungModel {
        match self {
            Self::BuiltIn => LungModel::built_in(),
            Self::Read(model) => model,
        }
    }
}

/// The lungs of a film, and the files that show them.
pub struct LungFiles {
    /// The lungs, or why there are none.
    pub lungs: Result<Lungs, Implausible>,
    /// The mask, white inside, of the film's size; `None` without lungs.
    pub mask: Option<PathBuf>,
    /// The film with the outline of the lungs; without lungs, the film alone.
    pub picture: PathBuf,
}

/// Finds the lungs on a film file, and writes `NAME-lungs.png` (the mask) and `NAME-outline.png` (a picture) to
/// a folder that exists. Without plausible lungs there is no mask, and an older one is removed.
///
/// # Errors
/// [`Error::Film`] for a file that cannot be read; errors of writing.
pub fn write_lungs(model: &LungModel, film: &Path, name: &str, folder: &Path) -> Result<LungFiles, Error> {
    let film = pleura_film::open(film, &DecodeOptions::default())?;
    let lungs = Lungs::find_with(model, &film);
    let (mask_path, picture) = (
        folder.join(format!("{name}-lungs.png")),
        folder.join(format!("{name}-outline.png")),
    );
    let mut drawn = Picture::from_film(&film, PICTURE_SIDE);
    let mut mask = None;
    if let Ok(lungs) = &lungs {
        let inside = lungs.mask(film.width, film.height);
        let grey: Vec<u8> = inside.iter().map(|&inside| 255 * u8::from(inside)).collect();
        write_atomic(&mask_path, &grey_png_8(film.width, film.height, &grey)?)?;
        let (width, height) = (drawn.width, drawn.height);
        let outline = Outline {
            width,
            height,
            mask: &lungs.mask(width, height),
            colour: Outline::GREEN,
            label: "lungs".to_owned(),
        };
        outline.draw(&mut drawn, 0, 0, width, height)?;
        mask = Some(mask_path);
    } else if let Err(error) = std::fs::remove_file(&mask_path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(pleura_core::FileError::of("remove the mask", &mask_path)(error).into());
    }
    drawn.save(&picture)?;
    Ok(LungFiles { lungs, mask, picture })
}
