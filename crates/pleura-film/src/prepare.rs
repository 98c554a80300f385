//! The preparation of a film as a network's input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::equalise::{Content, Equalisation};
use crate::film::Film;
use crate::levels::{Rows, to_sixteen_bit};
use crate::lungs::{Implausible, LungModel, LungRegion, Lungs, Region};
use crate::resize::{Axis, resize};

/// The conversion of a film to a square of the network's input size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preparation {
    /// The side of the square, in pixels. Default 224.
    pub size: usize,
    /// The treatment of a film that is not square. Default [`Fit::Stretch`].
    pub fit: Fit,
    /// The equalisation of grey levels. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equalise: Option<Equalisation>,
    /// The part of the film around the lungs. Default: the whole film.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lungs: Option<LungRegion>,
}

impl Default for Preparation {
    fn default() -> Self {
        Self {
            size: 224,
            fit: Fit::Stretch,
            equalise: None,
            lungs: None,
        }
    }
}

/// The treatment of a film that is not square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Both sides are scaled to the size, each with its own factor.
    #[default]
    Stretch,
    /// The long side is scaled to the size; black fills the rest evenly on both sides.
    Pad,
    /// The short side is scaled to the size; the long side is cropped evenly at both ends.
    Crop,
}

/// A film at a network's input size.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The side of the square.
    pub size: usize,
    /// Grey levels `[size, size]`, 0 black to 65535 white.
    pub grey: Vec<u16>,
    /// The position of prepared pixels on the film.
    pub geometry: Geometry,
    /// The lungs, if the preparation keeps only them. An error means that the whole film was used.
    pub lungs: Option<Result<Lungs, Implausible>>,
}

impl Prepared {
    /// Returns the network's input: grey levels 0..=1, `[size, size]`.
    pub fn unit_grey(&self) -> Vec<f32> {
        self.grey.iter().map(|&grey| f32::from(grey) / 65535.0).collect()
    }
}

/// The map between prepared pixels and film pixels: a scale and a shift along each axis.
///
/// Coordinates are continuous, from the upper left corner; pixel `i` covers `i..i + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Geometry {
    /// The side of the prepared square.
    pub size: usize,
    /// Columns of the film.
    pub film_width: usize,
    /// Rows of the film.
    pub film_height: usize,
    /// Film pixels per prepared pixel, across and down.
    pub scale: [f64; 2],
    /// The film coordinate of the prepared square's upper left corner, across and down.
    pub origin: [f64; 2],
}

impl Geometry {
    /// Returns the geometry of a film of this size in a prepared square.
    pub fn new(film_width: usize, film_height: usize, size: usize, fit: Fit) -> Self {
        Self::placed(&Window::whole(film_width, film_height), size, fit).0
    }

    /// The geometry of a film's part in a prepared square, and the pixels of the square that it fills.
    fn placed(window: &Window, size: usize, fit: Fit) -> (Self, Content) {
        let side = size.max(1) as f64;
        let [width, height] = window.sides;
        let scale = match fit {
            Fit::Stretch => [width / side, height / side],
            Fit::Pad => [width.max(height) / side; 2],
            Fit::Crop => [width.min(height) / side; 2],
        };
        let filled = |window: f64, scale: f64| ((window / scale).round() as usize).clamp(1, size.max(1));
        let (columns, rows) = (filled(width, scale[0]), filled(height, scale[1]));
        let content = Content {
            left: (size.max(1) - columns) / 2,
            top: (size.max(1) - rows) / 2,
            width: columns,
            height: rows,
        };
        let [left, top] = window.corner;
        let (scale, origin) = if fit == Fit::Pad {
            // The film's sides are rounded to whole prepared pixels, so that no pixel is partly padding.
            let scale = [width / columns as f64, height / rows as f64];
            let padding = [content.left as f64 * scale[0], content.top as f64 * scale[1]];
            (scale, [left - padding[0], top - padding[1]])
        } else {
            // The part's centre is the square's centre.
            let around = |part: f64, scale: f64| (part - scale * side) / 2.0;
            (
                scale,
                [left + around(width, scale[0]), top + around(height, scale[1])],
            )
        };
        let geometry = Self {
            size: size.max(1),
            film_width: window.film[0],
            film_height: window.film[1],
            scale,
            origin,
        };
        (geometry, content)
    }

    /// Converts a prepared coordinate to a film coordinate.
    pub fn to_film(&self, x: f64, y: f64) -> [f64; 2] {
        [
            self.origin[0] + self.scale[0] * x,
            self.origin[1] + self.scale[1] * y,
        ]
    }

    /// Converts a film coordinate to a prepared coordinate.
    pub fn to_prepared(&self, x: f64, y: f64) -> [f64; 2] {
        [
            (x - self.origin[0]) / self.scale[0],
            (y - self.origin[1]) / self.scale[1],
        ]
    }

    /// True if a prepared coordinate lies on the film and not on padding.
    pub fn on_film(&self, x: f64, y: f64) -> bool {
        let [x, y] = self.to_film(x, y);
        (0.0..self.film_width as f64).contains(&x) && (0.0..self.film_height as f64).contains(&y)
    }
}

/// The part of a film that is prepared, in film pixels.
struct Window {
    /// Columns and rows of the film.
    film: [usize; 2],
    /// The upper left corner, across and down.
    corner: [f64; 2],
    /// Width and height.
    sides: [f64; 2],
}

impl Window {
    fn whole(width: usize, height: usize) -> Self {
        Self {
            film: [width, height],
            corner: [0.0; 2],
            sides: [width.max(1) as f64, height.max(1) as f64],
        }
    }

    /// The box around the lungs. Unless it is stretched, its short side grows to the long one as far as the
    /// film reaches, so that lungs are neither distorted nor cut.
    fn around(lungs: &Lungs, region: &LungRegion, fit: Fit, film: [usize; 2]) -> Self {
        let margin = f64::from(region.margin_percent) / 100.0;
        let [left, top, width, height] = lungs.window(margin, film[0], film[1]);
        let (mut corner, mut sides) = ([left, top], [width.max(1.0), height.max(1.0)]);
        if fit != Fit::Stretch {
            let long = sides[0].max(sides[1]);
            for axis in 0..2 {
                let whole = film[axis].max(1) as f64;
                let grown = long.min(whole).max(sides[axis]);
                let middle = corner[axis] + sides[axis] / 2.0;
                corner[axis] = (middle - grown / 2.0).clamp(0.0, (whole - grown).max(0.0));
                sides[axis] = grown;
            }
        }
        Self { film, corner, sides }
    }
}

/// Prepares a film as a network's input. Training, prediction and explanation all use this function or
/// [`open_prepared`](crate::open_prepared), which gives the same bits without keeping the film.
///
/// A size of 0 counts as 1.
pub fn prepare(film: &Film, preparation: &Preparation) -> Prepared {
    prepare_rows(Rows::Unit(&film.grey), film.width, film.height, preparation)
}

/// Prepares an image that belongs to a film, such as a mask, in the film's geometry: where the lungs decide the
/// part that is kept, those of the film do. The image may have another size than the film.
pub fn prepare_beside(image: &Film, film: &Prepared, preparation: &Preparation) -> Prepared {
    let rows = Rows::Unit(&image.grey);
    prepare_part(rows, [image.width, image.height], preparation, film.lungs.clone())
}

/// Prepares grey levels `[height, width]` in any storage form.
pub(crate) fn prepare_rows(
    rows: Rows<'_>,
    width: usize,
    height: usize,
    preparation: &Preparation,
) -> Prepared {
    let model = |_| LungModel::built_in();
    let lungs = preparation
        .lungs
        .map(model)
        .map(|model| Lungs::of_rows(model, rows, width, height));
    prepare_part(rows, [width, height], preparation, lungs)
}

fn prepare_part(
    rows: Rows<'_>,
    [width, height]: [usize; 2],
    preparation: &Preparation,
    lungs: Option<Result<Lungs, Implausible>>,
) -> Prepared {
    let size = preparation.size.max(1);
    let found = preparation
        .lungs
        .and_then(|region| Some((region, lungs.as_ref()?.as_ref().ok()?)));
    let window = found.map_or_else(
        || Window::whole(width, height),
        |(region, lungs)| Window::around(lungs, &region, preparation.fit, [width, height]),
    );
    let (geometry, content) = Geometry::placed(&window, size, preparation.fit);
    let axis = |index: usize, out: usize| match preparation.fit {
        Fit::Stretch | Fit::Pad => Axis {
            start: window.corner[index],
            length: window.sides[index],
            out,
        },
        Fit::Crop => Axis {
            start: geometry.origin[index],
            length: geometry.scale[index] * size as f64,
            out,
        },
    };
    let resized = resize(
        rows,
        width,
        height,
        axis(0, content.width),
        axis(1, content.height),
    );

    let mut grey = vec![0; size * size];
    for (row, line) in resized.chunks_exact(content.width).enumerate() {
        let start = (content.top + row) * size + content.left;
        to_sixteen_bit(line, &mut grey[start..start + content.width]);
    }
    if let Some(equalisation) = preparation.equalise {
        equalisation.apply(&mut grey, size, content);
    }
    if let Some((_, lungs)) = found.filter(|(region, _)| region.region == Region::Mask) {
        blacken_outside(&mut grey, lungs, &geometry);
    }
    Prepared {
        size,
        grey,
        geometry,
        lungs,
    }
}

/// Makes prepared pixels black whose centre is outside the lungs.
fn blacken_outside(grey: &mut [u16], lungs: &Lungs, geometry: &Geometry) {
    for (pixel, level) in grey.iter_mut().enumerate() {
        let (column, row) = (pixel % geometry.size, pixel / geometry.size);
        let [x, y] = geometry.to_film(column as f64 + 0.5, row as f64 + 0.5);
        let (width, height) = (
            geometry.film_width.max(1) as f64,
            geometry.film_height.max(1) as f64,
        );
        if !lungs.contain(x / width, y / height) {
            *level = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A film that is bright at one place.
    fn with_spot(width: usize, height: usize, x: usize, y: usize) -> Film {
        let mut grey = vec![0.0; width * height];
        for row in y - 3..=y + 3 {
            grey[row * width + x - 3..=row * width + x + 3].fill(1.0);
        }
        Film::from_grey(width, height, grey).unwrap()
    }

    #[test]
    fn geometry_leads_back_to_the_place_on_the_film() {
        for (width, height) in [(301, 199), (150, 400), (224, 224), (90, 97)] {
            for fit in [Fit::Stretch, Fit::Pad, Fit::Crop] {
                let (x, y) = (width / 2 + 5, height / 2 - 7);
                let film = with_spot(width, height, x, y);
                let prepared = prepare(
                    &film,
                    &Preparation {
                        size: 224,
                        fit,
                        ..Preparation::default()
                    },
                );
                let (mut sum, mut at) = (0.0, [0.0; 2]);
                for (index, &grey) in prepared.grey.iter().enumerate() {
                    let center = [(index % 224) as f64 + 0.5, (index / 224) as f64 + 0.5];
                    sum += f64::from(grey);
                    at[0] += f64::from(grey) * center[0];
                    at[1] += f64::from(grey) * center[1];
                }
                let found = prepared.geometry.to_film(at[0] / sum, at[1] / sum);
                let right = [x as f64 + 0.5, y as f64 + 0.5];
                let off = (found[0] - right[0]).hypot(found[1] - right[1]);
                assert!(
                    off < 0.1,
                    "{fit:?} {width}×{height}: {found:?} instead of {right:?}"
                );
                let back = prepared.geometry.to_prepared(found[0], found[1]);
                assert!((back[0] - at[0] / sum).abs() < 1e-9 && (back[1] - at[1] / sum).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn padding_is_black_and_known() {
        let film = Film::from_grey(100, 50, vec![1.0; 5000]).unwrap();
        let prepared = prepare(
            &film,
            &Preparation {
                size: 64,
                fit: Fit::Pad,
                ..Preparation::default()
            },
        );
        for (index, &grey) in prepared.grey.iter().enumerate() {
            let (x, y) = ((index % 64) as f64 + 0.5, (index / 64) as f64 + 0.5);
            let expected = if prepared.geometry.on_film(x, y) { 65535 } else { 0 };
            assert_eq!(grey, expected, "{x} {y}");
        }
        assert_eq!(prepared.grey.iter().filter(|&&grey| grey == 0).count(), 64 * 32);
    }

    #[test]
    fn extreme_shapes_are_prepared() {
        for (width, height) in [(1, 1), (1, 5000), (5000, 1)] {
            let film = Film::from_grey(width, height, vec![0.5; width * height]).unwrap();
            for fit in [Fit::Stretch, Fit::Pad, Fit::Crop] {
                let equalise = Some(Equalisation::Clahe {
                    tiles: 8,
                    clip_percent: 200,
                });
                let prepared = prepare(
                    &film,
                    &Preparation {
                        size: 32,
                        fit,
                        equalise,
                        lungs: None,
                    },
                );
                assert_eq!(prepared.grey.len(), 1024);
            }
        }
    }

    #[test]
    fn a_preparation_reads_from_few_words_and_refuses_unknown_ones() {
        let read = |text: &str| serde_json::from_str::<Preparation>(text);
        assert_eq!(read("{}").unwrap(), Preparation::default());
        let clahe =
            read(r#"{"fit":"pad","equalise":{"method":"clahe","tiles":8,"clip_percent":200}}"#).unwrap();
        assert_eq!(
            clahe.equalise,
            Some(Equalisation::Clahe {
                tiles: 8,
                clip_percent: 200
            })
        );
        assert!(read(r#"{"sise":224}"#).is_err());
    }

    fn two_lungs() -> Lungs {
        Lungs::of_square(32, |row, column| {
            (8..24).contains(&row) && ((6..14).contains(&column) || (18..26).contains(&column))
        })
        .unwrap()
    }

    fn with_lungs(region: Region, fit: Fit) -> Preparation {
        Preparation {
            size: 64,
            fit,
            equalise: None,
            lungs: Some(LungRegion {
                margin_percent: 0,
                ..LungRegion::new(region)
            }),
        }
    }

    fn part(film: &Film, preparation: &Preparation, lungs: Lungs) -> Prepared {
        let rows = Rows::Unit(&film.grey);
        prepare_part(rows, [film.width, film.height], preparation, Some(Ok(lungs)))
    }

    #[test]
    fn a_film_is_cropped_to_the_lungs_and_its_geometry_leads_back() {
        let film = with_spot(320, 160, 90, 80);
        for fit in [Fit::Stretch, Fit::Pad, Fit::Crop] {
            let prepared = part(&film, &with_lungs(Region::Crop, fit), two_lungs());
            let corner = prepared.geometry.to_film(0.0, 0.0);
            if fit == Fit::Stretch {
                // Columns 60 to 260 and rows 40 to 120 of the film.
                assert_eq!(corner, [60.0, 40.0]);
                assert_eq!(prepared.geometry.scale, [200.0 / 64.0, 80.0 / 64.0]);
            } else {
                // The box grows as high as the film.
                assert!(
                    (corner[0] - 60.0).abs() < 25.0 && corner[1] < 1.0,
                    "{fit:?} {corner:?}"
                );
            }
            let brightest = (0..64 * 64).max_by_key(|&at| prepared.grey[at]).unwrap();
            let found = prepared
                .geometry
                .to_film((brightest % 64) as f64 + 0.5, (brightest / 64) as f64 + 0.5);
            assert!(
                (found[0] - 90.5).abs() < 6.0 && (found[1] - 80.5).abs() < 6.0,
                "{fit:?} {found:?}"
            );
        }
    }

    #[test]
    fn outside_the_lungs_a_masked_film_is_black_and_an_image_beside_it_has_its_geometry() {
        let film = Film::from_grey(320, 160, vec![1.0; 320 * 160]).unwrap();
        let preparation = with_lungs(Region::Mask, Fit::Stretch);
        let prepared = part(&film, &preparation, two_lungs());
        let at = |row: usize, column: usize| prepared.grey[row * 64 + column];
        assert_eq!((at(32, 10), at(32, 54)), (65535, 65535), "inside both lungs");
        assert_eq!(at(32, 32), 0, "between them");
        let half = Film::from_grey(160, 80, vec![1.0; 160 * 80]).unwrap();
        let beside = prepare_beside(&half, &prepared, &preparation);
        assert_eq!(beside.grey, prepared.grey, "a mask of half the size");
    }

    #[test]
    fn without_plausible_lungs_the_whole_film_is_used() {
        let film = Film::from_grey(64, 64, vec![0.5; 64 * 64]).unwrap();
        let prepared = prepare(&film, &with_lungs(Region::Mask, Fit::Stretch));
        assert!(matches!(prepared.lungs, Some(Err(_))));
        let whole = Preparation {
            lungs: None,
            ..with_lungs(Region::Mask, Fit::Stretch)
        };
        assert_eq!(prepared.grey, prepare(&film, &whole).grey);
    }
}
