//! From films to answers: one film, several films in one pass, or files batch by batch.

use std::path::Path;

use pleura_eval::calibration::Outcome as Fit;
use pleura_film::{DecodeOptions, Prepared, Source};
use rayon::prelude::*;

use crate::answer::{Answer, FindingScore};
use crate::{Classifier, Error, Film};

/// A film that was read and prepared, or why not.
type Read = Result<(Source, Prepared), pleura_film::Error>;

impl Classifier {
    /// Answers one film.
    ///
    /// # Errors
    /// [`Error::Network`] and [`Error::Inference`] from the engine; [`Error::PackageSettings`] if a package
    /// was opened with another calibration than its own.
    pub fn predict(&self, film: &Film) -> Result<Answer, Error> {
        let mut answers = self.predict_all(std::slice::from_ref(film))?;
        answers.pop().ok_or(Error::NoAnswer)
    }

    /// Answers several films in one pass, which takes less time than one by one. The last bits of a logit may
    /// depend on how many films share the pass.
    ///
    /// # Errors
    /// As [`Classifier::predict`].
    pub fn predict_all(&self, films: &[Film]) -> Result<Vec<Answer>, Error> {
        self.check_calibration()?;
        let prepare = |film: &Film| (film.source().clone(), film.prepared(self.preparation()));
        self.answers(films.par_iter().map(prepare).collect())
    }

    /// Reads and answers one file. It needs less memory than [`Film::open`], and a package also refuses files
    /// that declare themselves not to be a single X-ray image.
    ///
    /// # Errors
    /// [`Error::Film`] if the file cannot be read or decoded; as [`Classifier::predict`].
    pub fn predict_file(&self, path: impl AsRef<Path>) -> Result<Answer, Error> {
        self.predict_read(self.read(path.as_ref()))
    }

    /// The same for a file's bytes; `name` appears in messages.
    ///
    /// # Errors
    /// As [`Classifier::predict_file`].
    pub fn predict_bytes(&self, bytes: &[u8], name: &str) -> Result<Answer, Error> {
        let options = DecodeOptions::default();
        self.predict_read(pleura_film::decode_prepared(
            bytes,
            name,
            &options,
            self.preparation(),
        ))
    }

    /// Reads and answers files in the order given, `batch` files in one pass. Files of a batch are decoded in
    /// parallel.
    ///
    /// ```no_run
    /// # let model = pleura::Classifier::open("model.pleura")?;
    /// for (path, answer) in model.predict_files(&["a.dcm", "b.png"], 16)? {
    ///     match answer {
    ///         Ok(answer) => println!("{}: {}", path.display(), answer.outcome.name()),
    ///         Err(pleura::Error::Film(error)) => println!("{error}"),
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # Ok::<(), pleura::Error>(())
    /// ```
    ///
    /// A file that cannot be read gives [`Error::Film`], and the others are answered. Any other error ends
    /// the iteration.
    ///
    /// # Errors
    /// [`Error::PackageSettings`] if a package was opened with another calibration than its own.
    pub fn predict_files<'a, P: AsRef<Path> + Sync>(
        &'a self,
        paths: &'a [P],
        batch: usize,
    ) -> Result<FileAnswers<'a, P>, Error> {
        self.check_calibration()?;
        Ok(FileAnswers {
            model: self,
            batches: paths.chunks(batch.max(1)),
            ready: Vec::new().into_iter(),
        })
    }

    fn read(&self, path: &Path) -> Read {
        pleura_film::open_prepared(path, &DecodeOptions::default(), self.preparation())
    }

    fn predict_read(&self, read: Read) -> Result<Answer, Error> {
        self.check_calibration()?;
        let mut answers = self.answer_read(vec![read])?;
        answers.pop().ok_or(Error::NoAnswer)?
    }

    /// A package answers with its own calibration only: its golden films and metrics are of that one.
    fn check_calibration(&self) -> Result<(), Error> {
        if self.package().is_some() && !self.has_own_calibration() {
            return Err(Error::PackageSettings {
                path: self.path().to_owned(),
            });
        }
        Ok(())
    }

    /// The answers of the films that were read, in order; the outer error is the engine's.
    fn answer_read(&self, read: Vec<Read>) -> Result<Vec<Result<Answer, Error>>, Error> {
        let mut films = Vec::with_capacity(read.len());
        let unread: Vec<Option<pleura_film::Error>> = read
            .into_iter()
            .map(|film| film.map(|film| films.push(film)).err())
            .collect();
        let mut answers = self.answers(films)?.into_iter();
        let answer = |unread| match unread {
            None => answers.next().ok_or(Error::NoAnswer),
            Some(error) if self.package().is_some() => Answer::refused(error).map_err(Error::Film),
            Some(error) => Err(Error::Film(error)),
        };
        Ok(unread.into_iter().map(answer).collect())
    }

    fn answers(&self, films: Vec<(Source, Prepared)>) -> Result<Vec<Answer>, Error> {
        if films.is_empty() {
            return Ok(Vec::new());
        }
        let (count, size) = (films.len(), self.preparation().size);
        let network = self.network()?;
        let grey: Vec<f32> = films
            .iter()
            .flat_map(|(_, prepared)| prepared.unit_grey())
            .collect();
        let (features, logits) = match self.package() {
            // One pass gives both: the head reads the features.
            Some(_) => network
                .features(&grey, count, size)
                .and_then(|features| network.head_logits(&features).map(|logits| (features, logits))),
            None => network
                .infer(&grey, count, size)
                .map(|logits| (Vec::new(), logits)),
        }
        .map_err(Error::Inference)?;
        let mut features = features.chunks_exact(network.architecture().features());
        let rows = grey
            .chunks_exact(size * size)
            .zip(logits.chunks_exact(self.findings().len()));
        let mut answers = Vec::with_capacity(count);
        let one_sided = self.one_sided();
        for ((source, prepared), (grey, logits)) in films.into_iter().zip(rows) {
            let without_lungs = prepared.lungs.and_then(Result::err);
            let logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
            let scores = self.scores(&logits);
            answers.push(match (self.package(), features.next()) {
                (Some(package), Some(features)) => {
                    let judgement =
                        package
                            .gate()
                            .judge(&source, (grey, size), features, without_lungs.as_ref());
                    Answer::judged(judgement, Some(source), scores, &one_sided)
                }
                _ => Answer::of_weights(source, scores, &one_sided, without_lungs.as_ref()),
            });
        }
        Ok(answers)
    }

    /// Findings whose training films were all positive, or all negative.
    pub(crate) fn one_sided(&self) -> Vec<String> {
        let stored = self.weights().metadata.get("one_sided");
        stored
            .and_then(|stored| serde_json::from_str(stored).ok())
            .unwrap_or_default()
    }

    pub(crate) fn scores(&self, logits: &[f64]) -> Vec<FindingScore> {
        let calibration = self.calibration().map(|applied| &applied.calibration);
        let fitted = |place: usize| {
            let temperatures = calibration.map(|calibration| &calibration.temperatures);
            let one = temperatures.and_then(|all| all.get(place).or(all.first()));
            one.is_some_and(|one| one.outcome == Fit::Fitted)
        };
        let rows = self.findings().iter().zip(logits).zip(self.probabilities(logits));
        rows.enumerate()
            .map(|(place, ((finding, &logit), probability))| FindingScore {
                finding: finding.clone(),
                logit,
                probability,
                calibrated: fitted(place),
                threshold: calibration
                    .and_then(|calibration| calibration.thresholds.get(finding))
                    .map(|one| one.threshold),
            })
            .collect()
    }
}

/// Answers to files, in the order of their paths; made by [`Classifier::predict_files`].
pub struct FileAnswers<'a, P> {
    model: &'a Classifier,
    batches: std::slice::Chunks<'a, P>,
    ready: std::vec::IntoIter<(&'a Path, Result<Answer, Error>)>,
}

impl<'a, P: AsRef<Path> + Sync> FileAnswers<'a, P> {
    /// Reads and answers a batch.
    fn answer(&mut self, paths: &'a [P]) -> Result<(), Error> {
        let model = self.model;
        let read = || -> Vec<Read> { paths.par_iter().map(|path| model.read(path.as_ref())).collect() };
        // The first films are read while the network is set up.
        let (network, read) = rayon::join(|| model.network().map(|_| ()), read);
        network?;
        let answers = model.answer_read(read)?;
        let paths = paths.iter().map(AsRef::as_ref);
        self.ready = paths.zip(answers).collect::<Vec<_>>().into_iter();
        Ok(())
    }
}

impl<'a, P: AsRef<Path> + Sync> Iterator for FileAnswers<'a, P> {
    type Item = (&'a Path, Result<Answer, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(next) = self.ready.next() {
            return Some(next);
        }
        let paths = self.batches.next()?;
        if let Err(error) = self.answer(paths) {
            self.batches = [].chunks(1);
            return Some((paths.first()?.as_ref(), Err(error)));
        }
        self.ready.next()
    }
}
