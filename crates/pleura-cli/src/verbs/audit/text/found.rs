//! Detected text, and its agreement with masks and boxes.

use std::fmt::Write as _;

use anyhow::Result;
use pleura_audit::burned_in_text::{Agreement, Boxes, Kind, Object, Text};
use pleura_film::DecodeOptions;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{Agreements, Shelf};
use crate::console::Progress;

/// Detected text of each film, and its agreement with the truth.
pub(super) struct Found {
    pub(super) films: Vec<FilmFound>,
    /// With text masks, with boxes.
    pub(super) agreements: Agreements,
}

/// Text of one film.
pub(super) struct FilmFound {
    pub(super) name: String,
    pub(super) area: f64,
    /// Without their pixels.
    pub(super) objects: Vec<Object>,
}

/// Detects text on all films.
pub(super) fn all(films: &Shelf<'_>, boxes: Option<&Boxes>) -> Result<Found> {
    let progress = Progress::new("films searched", films.len());
    let done = std::sync::atomic::AtomicUsize::new(0);
    let numbers: Vec<usize> = (0..films.len()).collect();
    let one = |number: &usize| -> Result<(FilmFound, Agreements)> {
        let path = films.path(*number);
        let film = pleura_film::open(&path, &DecodeOptions::default())?;
        let text = Text::find(&film);
        let masked = films
            .masked(*number, &film)?
            .map(|truth| Agreement::of(&text, &truth));
        let file = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let boxed = boxes.and_then(|boxes| boxes.text(&file, film.width, film.height));
        // Compare boxes with boxes: hand-drawn boxes do not follow strokes.
        let boxed = boxed.map(|truth| Agreement::of(&text.boxed(), &truth));
        let area = text.area();
        let mut objects = text.objects;
        for object in &mut objects {
            object.places = Vec::new();
        }
        progress.at(
            done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1,
            films.len(),
        );
        let name = films.name(*number);
        Ok((FilmFound { name, area, objects }, [masked, boxed]))
    };
    let each = numbers.par_iter().map(one).collect::<Result<Vec<_>>>()?;
    let mut agreements: Agreements = [None; 2];
    let mut found = Vec::with_capacity(each.len());
    for (film, agreement) in each {
        for (all, one) in agreements.iter_mut().zip(agreement) {
            if let Some(one) = one {
                all.get_or_insert_default().add(&one);
            }
        }
        found.push(film);
    }
    Ok(Found {
        films: found,
        agreements,
    })
}

impl Found {
    pub(super) fn lettered(&self) -> usize {
        self.films.iter().filter(|film| !film.objects.is_empty()).count()
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        let objects = self.films.iter().flat_map(|film| &film.objects);
        objects.filter(|object| object.kind == kind).count()
    }

    /// Mean share of a film that is text.
    pub(super) fn area(&self) -> f64 {
        self.films.iter().map(|film| film.area).sum::<f64>() / self.films.len().max(1) as f64
    }

    /// One row per object.
    pub(super) fn table(&self) -> String {
        let mut table = "film,kind,left,top,right,bottom,score,figures\n".to_owned();
        for film in &self.films {
            let name = if film.name.contains([',', '"', '\n']) {
                format!("\"{}\"", film.name.replace('"', "\"\""))
            } else {
                film.name.clone()
            };
            for object in &film.objects {
                let bounds = object.bounds;
                let (right, bottom) = (bounds.left + bounds.width, bounds.top + bounds.height);
                let Object {
                    kind, score, figures, ..
                } = object;
                // A string takes every write.
                let _ = writeln!(
                    table,
                    "{name},{kind},{},{},{right},{bottom},{score:.3},{figures}",
                    bounds.left, bounds.top
                );
            }
        }
        table
    }

    pub(super) fn record(&self) -> Value {
        let agreement = |of: &Option<Agreement>| {
            of.map(|of| {
                let [pixel_precision, pixel_recall] = of.pixels();
                let [object_precision, object_recall] = of.objects();
                json!({
                    "counts": of,
                    "pixels": {"precision": pixel_precision, "recall": pixel_recall},
                    "objects": {"precision": object_precision, "recall": object_recall},
                })
            })
        };
        json!({
            "films": self.films.len(),
            "lettered": self.lettered(),
            "area": self.area(),
            "objects": {"words": self.count(Kind::Words), "letter": self.count(Kind::Letter), "arrow": self.count(Kind::Arrow)},
            "against_masks": agreement(&self.agreements[0]),
            "against_boxes": agreement(&self.agreements[1]),
        })
    }
}
