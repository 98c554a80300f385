//! The burned-in text of a film, found on it or given by a mask.

use std::fmt;

use pleura_film::Film;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::find;
use super::raster::{components, grown};
use crate::random::stream;

/// Kind of an object, judged by its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Several figures that form words.
    Words,
    /// A single figure, such as a side marker.
    Letter,
    /// A shaft with a head.
    Arrow,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "words",
            Self::Letter => "letter",
            Self::Arrow => "arrow",
        })
    }
}

/// A rectangle of film pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bounds {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Bounds {
    /// The smallest rectangle with all places of a film of `width` columns; `None` without places.
    pub fn of(places: &[usize], width: usize) -> Option<Self> {
        let columns = || places.iter().map(|place| place % width);
        let rows = || places.iter().map(|place| place / width);
        let (left, top) = (columns().min()?, rows().min()?);
        Some(Self {
            left,
            top,
            width: columns().max()? + 1 - left,
            height: rows().max()? + 1 - top,
        })
    }

    /// True if a pixel is inside.
    pub fn holds(&self, x: usize, y: usize) -> bool {
        (self.left..self.left + self.width).contains(&x) && (self.top..self.top + self.height).contains(&y)
    }
}

/// An object of burned-in text.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its bounding box.
    pub bounds: Bounds,
    /// Similarity to text, 0 to 1; 1 if given by a mask.
    pub score: f32,
    /// Number of connected figures.
    pub figures: usize,
    /// Its pixels, `row * film width + column`: strokes, their halo, and their plate.
    pub places: Vec<usize>,
}

/// All burned-in text of a film.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// Columns of the film.
    pub width: usize,
    /// Rows of the film.
    pub height: usize,
    /// Objects, from top to bottom.
    pub objects: Vec<Object>,
}

/// Attempts to find a free place for a patch; then the least occupied one is used.
const TRIES: usize = 200;

impl Text {
    /// Finds text by its appearance; the [module](super) describes the method.
    pub fn find(film: &Film) -> Self {
        find::find(film)
    }

    /// Text given by a mask `[height, width]`, which covers the whole film and may have another size. Parts
    /// of the mask within a hundredth of the film's short side of each other are one object.
    pub fn of_mask(
        mask: &[bool],
        width: usize,
        height: usize,
        film_width: usize,
        film_height: usize,
    ) -> Self {
        let at_film: Vec<bool> = (0..film_width * film_height)
            .map(|place| {
                let column = (2 * (place % film_width) + 1) * width / (2 * film_width);
                let row = (2 * (place / film_width) + 1) * height / (2 * film_height);
                mask[row * width + column]
            })
            .collect();
        let reach = film_width.min(film_height).div_ceil(100);
        let joined = grown(&at_film, film_width, film_height, reach);
        let objects = components(film_width, film_height, |place| joined[place])
            .into_iter()
            .filter_map(|mut places| {
                places.retain(|&place| at_film[place]);
                places.sort_unstable();
                let bounds = Bounds::of(&places, film_width)?;
                Some(Object {
                    kind: Kind::Words,
                    bounds,
                    score: 1.0,
                    figures: 1,
                    places,
                })
            })
            .collect();
        Self {
            width: film_width,
            height: film_height,
            objects,
        }
    }

    /// True if there is no text.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Share of the film that is text.
    pub fn area(&self) -> f64 {
        let covered = self.mask().iter().filter(|&&inside| inside).count();
        covered as f64 / (self.width * self.height).max(1) as f64
    }

    /// `[height, width]`: true on text.
    pub fn mask(&self) -> Vec<bool> {
        let mut mask = vec![false; self.width * self.height];
        for object in &self.objects {
            object.places.iter().for_each(|&place| mask[place] = true);
        }
        mask
    }

    /// The text with every object widened to its bounding box.
    #[must_use]
    pub fn boxed(&self) -> Self {
        let mut boxed = self.clone();
        for object in &mut boxed.objects {
            let Bounds {
                left,
                top,
                width,
                height,
            } = object.bounds;
            let rows = top..top + height;
            object.places = rows
                .flat_map(|row| (left..left + width).map(move |column| row * self.width + column))
                .collect();
        }
        boxed
    }

    /// Patches of the same number, shape and area. Each is moved to a random place (from `seed` and `name`)
    /// that meets neither text nor another patch; after two hundred attempts the least occupied place is
    /// used.
    #[must_use]
    pub fn elsewhere(&self, seed: u64, name: &str) -> Self {
        let mut rng = stream(seed, name);
        let mut taken = self.mask();
        let mut moved = self.clone();
        // The largest first: they are hardest to place.
        let mut order: Vec<usize> = (0..self.objects.len()).collect();
        order.sort_by_key(|&object| std::cmp::Reverse(self.objects[object].places.len()));
        for object in order {
            let Object { bounds, places, .. } = &self.objects[object];
            let mut best = (usize::MAX, places.clone(), *bounds);
            for _ in 0..TRIES {
                let left = rng.random_range(0..=(self.width - bounds.width) as u32) as usize;
                let top = rng.random_range(0..=(self.height - bounds.height) as u32) as usize;
                let to = |place: usize| {
                    let (x, y) = (place % self.width - bounds.left, place / self.width - bounds.top);
                    (top + y) * self.width + left + x
                };
                let meets = places.iter().filter(|&&place| taken[to(place)]).count();
                if meets < best.0 {
                    let bounds = Bounds { left, top, ..*bounds };
                    best = (meets, places.iter().map(|&place| to(place)).collect(), bounds);
                }
                if meets == 0 {
                    break;
                }
            }
            best.1.iter().for_each(|&place| taken[place] = true);
            let object = &mut moved.objects[object];
            (object.places, object.bounds) = (best.1, best.2);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        let mut mask = vec![false; 60 * 40];
        for (x, y) in [(5, 5), (6, 5), (7, 6), (40, 30), (41, 30)] {
            mask[y * 60 + x] = true;
        }
        Text::of_mask(&mask, 60, 40, 60, 40)
    }

    #[test]
    fn a_mask_falls_into_objects_and_keeps_its_pixels() {
        let text = text();
        let bounds: Vec<Bounds> = text.objects.iter().map(|object| object.bounds).collect();
        let of = |left, top, width, height| Bounds {
            left,
            top,
            width,
            height,
        };
        assert_eq!(bounds, [of(5, 5, 3, 2), of(40, 30, 2, 1)]);
        assert_eq!(text.mask().iter().filter(|&&inside| inside).count(), 5);
        assert_eq!(text.boxed().mask().iter().filter(|&&inside| inside).count(), 8);
        let larger = Text::of_mask(&text.mask(), 60, 40, 120, 80);
        assert_eq!(larger.mask().iter().filter(|&&inside| inside).count(), 20);
    }

    #[test]
    fn patches_elsewhere_have_the_same_shape_and_meet_nothing() {
        let text = text();
        let moved = text.elsewhere(3, "film 1");
        let both = text
            .mask()
            .into_iter()
            .zip(moved.mask())
            .filter(|&(a, b)| a && b)
            .count();
        assert_eq!((both, moved.area()), (0, text.area()));
        for (from, to) in text.objects.iter().zip(&moved.objects) {
            let shape = |object: &Object| -> Vec<(usize, usize)> {
                let places = object.places.iter();
                places
                    .map(|p| (p % 60 - object.bounds.left, p / 60 - object.bounds.top))
                    .collect()
            };
            assert_eq!(shape(from), shape(to));
        }
        assert_eq!(moved, text.elsewhere(3, "film 1"));
        assert_ne!(moved, text.elsewhere(4, "film 1"));
        assert_ne!(moved, text.elsewhere(3, "film 2"));
    }

    #[test]
    fn a_film_without_room_still_gets_its_patch() {
        let full = Text::of_mask(&[true; 16], 4, 4, 4, 4);
        assert_eq!(full.elsewhere(0, "").area(), 1.0);
    }
}
