//! What `pleura explain` draws and saves: pictures with their numbers beside them, sheets, and a page for each film.

use std::path::{Path, PathBuf};

use anyhow::Result;
use pleura_core::fs::write_atomic;
use pleura_draw::picture::{ColourScale, Contours, HeatmapStyle, Outline, Panel, Sheet, scale_limit, smooth};
use pleura_draw::viewer::{LedgerRow, LedgerTable, Viewer, ViewerMap, viewer};
use pleura_explain::picture::{self, Labels};
use pleura_explain::values::{self, About, Saved};
use pleura_explain::{Explanation, Map, Method, Start};
use pleura_film::{Film, Fit, Geometry};
use pleura_nn::Ledger;

use super::films::{MEAN, Masks, Subject};
use super::{Job, Mean, Seen, file_name};
use crate::console::NOTICE;

/// How pictures are drawn.
#[derive(clap::Args)]
pub(super) struct DrawingArgs {
    /// Draw lines around the fewest pixels that hold these shares of the relevance of each sign, such as 0.5,0.8.
    #[arg(long, value_name = "SHARES", value_delimiter = ',', value_parser = share)]
    contours: Vec<f32>,
    /// Gaussian that smooths a map before lines are drawn, in map pixels; 0 for none; a 56th of the map's side if left out (4 of 224).
    #[arg(long, value_name = "PIXELS", value_parser = deviation)]
    contour_smoothing: Option<f32>,
    /// Gaussian that smooths the colours, in map pixels; 0 for none. The values saved stay as they are.
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, value_parser = deviation)]
    smooth: f32,
    /// The value of the strongest colour: of each map its `own` (99.5 % of its pixels lie below), one `shared` by all questions of a
    /// method, or this value.
    #[arg(long, value_name = "own|shared|VALUE", default_value = "own", value_parser = colour_limit, allow_negative_numbers = true)]
    scale: Limit,
    /// Long side of the film on pictures, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(64..=4096))]
    side: u32,
    /// Write no HTML page of each film.
    #[arg(long)]
    no_viewer: bool,
    /// Write neither pictures nor the values beside them nor pages: where scores or --raw are all that is wanted.
    #[arg(long, conflicts_with = "mean")]
    pub(super) no_pictures: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Own,
    Shared,
    Value(f32),
}

fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected shares above 0 and below 1, joined by commas, such as 0.5,0.8".to_owned()),
    }
}

fn deviation(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(deviation) if (0.0..=100.0).contains(&deviation) => Ok(deviation),
        _ => Err("expected a number of map pixels, 0 to 100".to_owned()),
    }
}

fn colour_limit(text: &str) -> Result<Limit, String> {
    match (text, text.parse::<f32>()) {
        ("own", _) => Ok(Limit::Own),
        ("shared", _) => Ok(Limit::Shared),
        (_, Ok(value)) if value > 0.0 && value.is_finite() => Ok(Limit::Value(value)),
        _ => Err("expected own, shared, or a value above 0".to_owned()),
    }
}

impl DrawingArgs {
    /// The lines of maps of a side.
    fn lines(&self, size: usize) -> Contours {
        Contours {
            shares: self.contours.clone(),
            smoothing: self
                .contour_smoothing
                .unwrap_or_else(|| Contours::usual_smoothing(size)),
        }
    }

    /// The style of the maps of one method.
    fn style(&self, maps: &[Map], size: usize) -> HeatmapStyle {
        let own = HeatmapStyle::default().scale;
        let limit_of = |map: &Map| scale_limit(&smooth(&map.heatmap, size, self.smooth), own);
        let scale = match self.scale {
            Limit::Own => own,
            Limit::Value(value) => ColourScale::Fixed(value),
            Limit::Shared => ColourScale::Fixed(maps.iter().map(limit_of).fold(0.0, f32::max)),
        };
        HeatmapStyle {
            side: self.side as usize,
            scale,
            smoothing: self.smooth,
            contours: self.lines(size),
            ..HeatmapStyle::default()
        }
    }
}

/// The files of one map.
pub(super) struct Files {
    pub(super) picture: PathBuf,
    pub(super) saved: Saved,
}

/// The files of one film.
pub(super) struct Drawn {
    /// In the order of [`Job::maps`].
    pub(super) files: Vec<Files>,
    pub(super) sheet: PathBuf,
    pub(super) viewer: Option<PathBuf>,
}

/// What all maps of a film, or of a mean, are drawn over.
struct Ground<'a> {
    film: &'a Film,
    geometry: &'a Geometry,
    /// The film's file; none for a mean over films.
    path: Option<&'a Path>,
    stem: &'a str,
    labels: Labels,
    outlines: Vec<Outline<'a>>,
}

impl Job<'_> {
    /// A picture a map with its numbers, a sheet of all, and the page.
    pub(super) fn draw_film(
        &self,
        subject: &Subject,
        seen: &Seen,
        explanations: &[Explanation],
        probabilities: &[f64],
        masks: &Masks,
    ) -> Result<Drawn> {
        let ground = Ground {
            film: &seen.film,
            geometry: &seen.prepared.geometry,
            path: Some(&subject.path),
            stem: &subject.stem,
            labels: Labels {
                title: subject.title.clone(),
                notes: subject.notes.clone(),
            },
            outlines: masks.outlines(),
        };
        let (mut rows, mut files) = (Vec::new(), Vec::new());
        for (method, explanation) in self.methods.iter().zip(explanations) {
            let style = self.args.drawing.style(&explanation.maps, seen.prepared.size);
            let mut row = Vec::new();
            for map in &explanation.maps {
                let probability = self.probability(&map.start, probabilities);
                let (panel, saved) = self.draw_map(&ground, method, map, probability, &style)?;
                row.push(panel);
                files.push(saved);
            }
            rows.push(row);
        }
        let style = self.args.drawing.style(&[], seen.prepared.size);
        let sheet = self.args.out.join(format!("{}.sheet.png", subject.stem));
        picture::sheet(&seen.film, &rows, &ground.labels, &style).save(&sheet)?;
        let viewer = if self.args.drawing.no_viewer {
            None
        } else {
            Some(self.viewer(&ground, explanations, probabilities)?)
        };
        Ok(Drawn { files, sheet, viewer })
    }

    /// A difference of logits has no probability of its own.
    fn probability(&self, start: &Start, probabilities: &[f64]) -> Option<f64> {
        let finding = start.finding()?;
        let place = self.model.findings().iter().position(|other| other == finding)?;
        probabilities.get(place).copied()
    }

    /// What the files of a map begin with.
    fn name(&self, stem: &str, method: &Method, map: &Map) -> String {
        let question = file_name(&map.start.words());
        match self.methods.len() {
            1 => format!("{stem}.{question}"),
            _ => format!("{stem}.{question}.{}", file_name(method.name())),
        }
    }

    /// One heatmap over its film, saved with its numbers.
    fn draw_map(
        &self,
        ground: &Ground<'_>,
        method: &Method,
        map: &Map,
        probability: Option<f64>,
        style: &HeatmapStyle,
    ) -> Result<(Panel, Files)> {
        let panel = picture::draw(
            ground.film,
            ground.geometry,
            map,
            probability,
            method,
            &ground.labels,
            &ground.outlines,
            style,
        )?;
        let name = format!("{}.png", self.name(ground.stem, method, map));
        let path = self.args.out.join(&name);
        panel.picture.save(&path)?;
        // As JSON can hold it: not every name of a file is text.
        let film = ground.path.map(|path| PathBuf::from(super::shown(path)));
        let about = About {
            film: film.as_deref(),
            method,
            probability,
            geometry: ground.path.map(|_| ground.geometry),
            model: self.model.digest(),
            picture: &name,
            notice: NOTICE,
        };
        let saved = values::save(&path, map, self.model.preparation().size, style, &about)?;
        Ok((panel, Files { picture: path, saved }))
    }

    /// The page of a film.
    fn viewer(
        &self,
        ground: &Ground<'_>,
        explanations: &[Explanation],
        probabilities: &[f64],
    ) -> Result<PathBuf> {
        let maps: Vec<ViewerMap<'_>> = self
            .maps(explanations)
            .map(|(method, map)| ViewerMap {
                question: map.start.words(),
                probability: self.probability(&map.start, probabilities),
                method: method.words(self.model.preparation().size),
                start: picture::origin(&map.start).to_owned(),
                unit: method.unit().to_owned(),
                values: &map.heatmap,
                ledger: map.ledger().map(account),
                remark: std::iter::once(map.account.words(map.value))
                    .chain(picture::beyond(&map.heatmap, ground.geometry))
                    .collect::<Vec<_>>()
                    .join(" "),
            })
            .collect();
        let row = |name: &str, value: String| (name.to_owned(), value);
        let size = self.model.preparation().size;
        let fit = match self.model.preparation().fit {
            Fit::Stretch => "the film stretched to the square",
            Fit::Pad => "the film padded to the square",
            Fit::Crop => "the film cropped to the square",
        };
        let mut about = vec![
            row("film", ground.path.unwrap_or(Path::new("")).display().to_string()),
            row("model", self.model.path().display().to_string()),
            row("digest", self.model.digest().to_owned()),
            row(
                "architecture",
                self.model.weights().architecture.name().to_owned(),
            ),
            row("network sees", format!("{size} \u{d7} {size} pixels, {fit}")),
        ];
        if let Some(applied) = self.model.calibration() {
            about.push(row("calibration", applied.line()));
        }
        let contours = self.args.drawing.lines(size);
        let page = viewer(&Viewer {
            title: &ground.labels.title,
            notes: &ground.labels.notes,
            film: ground.film,
            geometry: ground.geometry,
            maps: &maps,
            outlines: &ground.outlines,
            contours: &contours,
            about: &about,
        })?;
        let path = self.args.out.join(format!("{}.html", ground.stem));
        write_atomic(&path, page.as_bytes())?;
        Ok(path)
    }

    /// The mean heatmap of each question over an empty film, and a sheet of all; returns the pictures' paths.
    pub(super) fn means(&self, mean: &Mean) -> Result<Vec<PathBuf>> {
        if mean.films == 0 {
            return Ok(Vec::new());
        }
        let size = self.model.preparation().size;
        let nothing = Film::from_grey(size, size, vec![0.25; size * size])?;
        let geometry = Geometry::new(size, size, size, Fit::Stretch);
        let ground = Ground {
            film: &nothing,
            geometry: &geometry,
            path: None,
            stem: MEAN,
            labels: Labels {
                title: format!("mean of {} films", mean.films),
                notes: Vec::new(),
            },
            outlines: Vec::new(),
        };
        let films = mean.films as f64;
        let (mut drawn, mut paths, mut columns) = (Vec::new(), Vec::new(), 4);
        for (method, sums) in self.methods.iter().zip(&mean.maps) {
            let maps: Vec<Map> = sums.iter().map(|sum| divided(sum, films)).collect();
            let style = self.args.drawing.style(&maps, size);
            for map in &maps {
                let (panel, files) = self.draw_map(&ground, method, map, None, &style)?;
                drawn.push(panel);
                paths.push(files.picture);
            }
            columns = if self.methods.len() > 1 {
                maps.len()
            } else {
                maps.len().min(columns)
            };
        }
        let sheet = Sheet {
            columns,
            ..Sheet::default()
        };
        let path = self.args.out.join(format!("{MEAN}.sheet.png"));
        sheet.draw(&drawn).save(&path)?;
        paths.push(path);
        Ok(paths)
    }
}

fn divided(sum: &Map, films: f64) -> Map {
    let mut map = sum.clone();
    for value in &mut map.heatmap {
        *value = (f64::from(*value) / films) as f32;
    }
    map.value /= films;
    map.account.divide(films);
    map
}

fn account(ledger: &Ledger) -> LedgerTable {
    LedgerTable {
        start: ledger.start,
        input: ledger.input,
        bias: ledger.bias,
        epsilon: ledger.epsilon,
        entries: ledger
            .entries
            .iter()
            .map(|entry| LedgerRow {
                layer: entry.layer.clone(),
                received: entry.received,
                passed: entry.passed,
                bias: entry.bias,
                epsilon: entry.epsilon,
            })
            .collect(),
    }
}
