//! The files of explained films: pictures with their numbers beside them, sheets, pages, ledgers and raw
//! relevance.

use std::path::{Path, PathBuf};

use pleura_core::NOTICE;
use pleura_draw::picture::{ColourScale, Contours, HeatmapStyle, Outline, Panel, Sheet, scale_limit, smooth};
use pleura_draw::viewer::{LedgerRow, LedgerTable, Viewer, ViewerMap, viewer};
use pleura_explain::picture::{self, Labels};
use pleura_explain::values::{self, About, Saved};
use pleura_explain::{Explanation, Map, Method, Start};
use pleura_film::{Film, Fit, Geometry};
use pleura_nn::Ledger;

use super::explainer::{ExplainedFilm, Explainer};
use super::mean::Mean;
use super::raw::RawFile;
use super::subject::{MEAN, Subject, file_name};
use super::write;
use crate::output::explain::LedgerFile;
use crate::{Classifier, Error};

/// Where the files go, and which are written. Ledgers are always written where there are any.
#[derive(Clone, Debug)]
pub struct Files {
    /// The folder.
    pub folder: PathBuf,
    /// How pictures and pages are drawn; `None` for neither pictures nor the values beside them nor pages.
    pub pictures: Option<PictureOptions>,
    /// A file for the relevance of each channel.
    pub raw: Option<RawFile>,
}

/// How pictures are drawn.
#[derive(Clone, Debug)]
pub struct PictureOptions {
    /// Lines around the fewest pixels that hold these shares of the relevance of each sign.
    pub contours: Vec<f32>,
    /// Standard deviation, in map pixels, of the Gaussian that smooths a map before lines are drawn; `None`
    /// for a 56th of the map's side.
    pub contour_smoothing: Option<f32>,
    /// Standard deviation, in map pixels, of the Gaussian that smooths the colours. Saved values are not
    /// smoothed.
    pub smoothing: f32,
    /// The value of the strongest colour.
    pub scale: ColourLimit,
    /// The long side of the film on pictures, in pixels.
    pub side: usize,
    /// True for an HTML page of each film.
    pub page: bool,
}

/// The value of the strongest colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourLimit {
    /// Each map's own: 99.5 % of its pixels lie below it.
    Own,
    /// One for all questions of a method.
    Shared,
    /// This value.
    Value(f32),
}

impl Default for PictureOptions {
    fn default() -> Self {
        Self {
            contours: Vec::new(),
            contour_smoothing: None,
            smoothing: 0.0,
            scale: ColourLimit::Own,
            side: 640,
            page: true,
        }
    }
}

impl PictureOptions {
    /// The contours of maps of a side.
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
        let limit_of = |map: &Map| scale_limit(&smooth(&map.heatmap, size, self.smoothing), own);
        let scale = match self.scale {
            ColourLimit::Own => own,
            ColourLimit::Value(value) => ColourScale::Fixed(value),
            ColourLimit::Shared => ColourScale::Fixed(maps.iter().map(limit_of).fold(0.0, f32::max)),
        };
        HeatmapStyle {
            side: self.side,
            scale,
            smoothing: self.smoothing,
            contours: self.lines(size),
            ..HeatmapStyle::default()
        }
    }
}

/// The files of one film.
#[derive(Clone, Debug, Default)]
pub struct FilmFiles {
    /// One for each map, in the order of [`Explainer::maps`]; empty without pictures.
    pub maps: Vec<MapFiles>,
    /// All maps side by side.
    pub sheet: Option<PathBuf>,
    /// The film's page.
    pub page: Option<PathBuf>,
    /// The ledgers of its maps.
    pub ledger: Option<PathBuf>,
    /// The relevance of each channel.
    pub raw: Option<PathBuf>,
}

/// The files of one map.
#[derive(Clone, Debug)]
pub struct MapFiles {
    /// The heatmap over the film.
    pub picture: PathBuf,
    /// Its values and their description.
    pub saved: Saved,
}

/// The film, or the mean of films, that maps are drawn over.
struct Canvas<'a> {
    film: &'a Film,
    geometry: &'a Geometry,
    /// The film's file; `None` for a mean over films.
    path: Option<&'a Path>,
    stem: &'a str,
    labels: Labels,
    outlines: Vec<Outline<'a>>,
}

impl Explainer<'_> {
    /// Writes the files of a film. `several` is true if there are more films: each film then has a raw file
    /// of its own.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Explain`], [`Error::Draw`].
    pub fn write(
        &self,
        subject: &Subject,
        explained: &ExplainedFilm,
        files: &Files,
        several: bool,
    ) -> Result<FilmFiles, Error> {
        let mut written = match &files.pictures {
            Some(options) => self.draw_film(subject, explained, &files.folder, options)?,
            None => FilmFiles::default(),
        };
        if let Some(raw) = &files.raw {
            written.raw = Some(raw.write(self, &explained.explanations, several.then_some(&subject.stem))?);
        }
        written.ledger = self.write_ledgers(subject, &explained.explanations, &files.folder)?;
        Ok(written)
    }

    fn draw_film(
        &self,
        subject: &Subject,
        explained: &ExplainedFilm,
        folder: &Path,
        options: &PictureOptions,
    ) -> Result<FilmFiles, Error> {
        let ExplainedFilm {
            film,
            prepared,
            masks,
            explanations,
            probabilities,
            ..
        } = explained;
        let canvas = Canvas {
            film,
            geometry: &prepared.geometry,
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
            let style = options.style(&explanation.maps, prepared.size);
            let mut row = Vec::new();
            for map in &explanation.maps {
                let probability = probability(self.model, &map.start, probabilities);
                let (panel, saved) = self.draw_map(&canvas, method, map, probability, &style, folder)?;
                row.push(panel);
                files.push(saved);
            }
            rows.push(row);
        }
        let style = options.style(&[], prepared.size);
        let sheet = folder.join(format!("{}.sheet.png", subject.stem));
        picture::sheet(film, &rows, &canvas.labels, &style).save(&sheet)?;
        let page = options
            .page
            .then(|| self.write_page(&canvas, explanations, probabilities, folder, options))
            .transpose()?;
        Ok(FilmFiles {
            maps: files,
            sheet: Some(sheet),
            page,
            ..FilmFiles::default()
        })
    }

    /// The files of a map begin with this.
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
        canvas: &Canvas<'_>,
        method: &Method,
        map: &Map,
        probability: Option<f64>,
        style: &HeatmapStyle,
        folder: &Path,
    ) -> Result<(Panel, MapFiles), Error> {
        let panel = picture::draw(
            canvas.film,
            canvas.geometry,
            map,
            probability,
            method,
            &canvas.labels,
            &canvas.outlines,
            style,
        )?;
        let name = format!("{}.png", self.name(canvas.stem, method, map));
        let path = folder.join(&name);
        panel.picture.save(&path)?;
        // As JSON can hold it: not every file name is text.
        let film = canvas.path.map(|path| PathBuf::from(path.display().to_string()));
        let about = About {
            film: film.as_deref(),
            method,
            probability,
            geometry: canvas.path.map(|_| canvas.geometry),
            model: self.model.digest(),
            picture: &name,
            notice: NOTICE,
        };
        let saved = values::save(&path, map, self.model.preparation().size, style, &about)?;
        Ok((panel, MapFiles { picture: path, saved }))
    }

    fn write_page(
        &self,
        canvas: &Canvas<'_>,
        explanations: &[Explanation],
        probabilities: &[f64],
        folder: &Path,
        options: &PictureOptions,
    ) -> Result<PathBuf, Error> {
        let size = self.model.preparation().size;
        let maps: Vec<ViewerMap<'_>> = self
            .maps(explanations)
            .map(|(method, map)| ViewerMap {
                question: map.start.words(),
                probability: probability(self.model, &map.start, probabilities),
                method: method.words(size),
                start: picture::origin(&map.start).to_owned(),
                unit: method.unit().to_owned(),
                values: &map.heatmap,
                ledger: map.ledger().map(account),
                remark: std::iter::once(map.account.words(map.value))
                    .chain(picture::beyond(&map.heatmap, canvas.geometry))
                    .collect::<Vec<_>>()
                    .join(" "),
            })
            .collect();
        let page = viewer(&Viewer {
            title: &canvas.labels.title,
            notes: &canvas.labels.notes,
            film: canvas.film,
            geometry: canvas.geometry,
            maps: &maps,
            outlines: &canvas.outlines,
            contours: &options.lines(size),
            about: &self.facts(canvas.path),
        })?;
        let path = folder.join(format!("{}.html", canvas.stem));
        write(&path, page.as_bytes())?;
        Ok(path)
    }

    /// Film, model and preparation, as rows of the page's table.
    fn facts(&self, film: Option<&Path>) -> Vec<(String, String)> {
        let row = |name: &str, value: String| (name.to_owned(), value);
        let (model, size) = (self.model, self.model.preparation().size);
        let fit = match model.preparation().fit {
            Fit::Stretch => "the film stretched to the square",
            Fit::Pad => "the film padded to the square",
            Fit::Crop => "the film cropped to the square",
        };
        let mut facts = vec![
            row("film", film.unwrap_or(Path::new("")).display().to_string()),
            row("model", model.path().display().to_string()),
            row("digest", model.digest().to_owned()),
            row("architecture", model.weights().architecture.name().to_owned()),
            row("network sees", format!("{size} \u{d7} {size} pixels, {fit}")),
        ];
        facts.extend(
            model
                .calibration()
                .map(|applied| row("calibration", applied.line())),
        );
        facts
    }

    /// The ledgers of a film's maps in a file, if there are any.
    fn write_ledgers(
        &self,
        subject: &Subject,
        explanations: &[Explanation],
        folder: &Path,
    ) -> Result<Option<PathBuf>, Error> {
        let document = LedgerFile::of(self, &subject.path, explanations);
        if document.maps.is_empty() {
            return Ok(None);
        }
        let path = folder.join(format!("{}.ledger.json", subject.stem));
        write(&path, serde_json::to_string_pretty(&document)?.as_bytes())?;
        Ok(Some(path))
    }

    /// Writes the mean heatmap of each question over an empty film, and a sheet of all; returns the pictures'
    /// paths.
    ///
    /// # Errors
    /// As [`Explainer::write`].
    pub fn write_means(
        &self,
        mean: &Mean,
        folder: &Path,
        options: &PictureOptions,
    ) -> Result<Vec<PathBuf>, Error> {
        if mean.films() == 0 {
            return Ok(Vec::new());
        }
        let size = self.model.preparation().size;
        let empty = Film::from_grey(size, size, vec![0.25; size * size])?;
        let geometry = Geometry::new(size, size, size, Fit::Stretch);
        let canvas = Canvas {
            film: &empty,
            geometry: &geometry,
            path: None,
            stem: MEAN,
            labels: Labels {
                title: format!("mean of {} films", mean.films()),
                notes: Vec::new(),
            },
            outlines: Vec::new(),
        };
        let (mut drawn, mut paths, mut columns) = (Vec::new(), Vec::new(), 4);
        for (method, maps) in self.methods.iter().zip(mean.maps()) {
            let style = options.style(&maps, size);
            for map in &maps {
                let (panel, files) = self.draw_map(&canvas, method, map, None, &style, folder)?;
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
        let path = folder.join(format!("{MEAN}.sheet.png"));
        sheet.draw(&drawn).save(&path)?;
        paths.push(path);
        Ok(paths)
    }
}

/// The probability of the finding that a map starts at. A difference of logits has none.
pub(super) fn probability(model: &Classifier, start: &Start, probabilities: &[f64]) -> Option<f64> {
    let finding = start.finding()?;
    let place = model.findings().iter().position(|other| other == finding)?;
    probabilities.get(place).copied()
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
