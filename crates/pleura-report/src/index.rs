//! The list of heatmaps in a run's `explain` folder.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use pleura_run::RunFolder;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::input::{Gallery, GalleryItem, LedgerLine};

const FILE: &str = "index.json";

/// The largest size of a picture in a page, in bytes.
const PICTURE_LIMIT: u64 = 16 << 20;

/// `explain/index.json`: the pictures of the gallery, in order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GalleryIndex {
    /// The composite of LRP rules, such as `epsilon-plus-flat`.
    pub composite: String,
    /// The pictures.
    pub items: Vec<IndexItem>,
}

/// One picture of the gallery.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexItem {
    /// The film's name.
    pub film: String,
    /// The PNG file, relative to the `explain` folder and inside it.
    pub picture: PathBuf,
    /// The film's true findings; empty if unknown.
    #[serde(default)]
    pub truth: String,
    /// The network's prediction.
    pub prediction: String,
    /// The probability of the prediction.
    pub probability: f64,
    /// The findings that the heatmap explains.
    #[serde(default)]
    pub explained: String,
    /// True if the prediction is correct; `None` if the truth is unknown.
    #[serde(default)]
    pub right: Option<bool>,
    /// True for a synthetic film.
    #[serde(default)]
    pub phantom: bool,
    /// One or two sentences below the picture.
    #[serde(default)]
    pub caption: String,
    /// The heatmaps' ledgers, one per finding.
    #[serde(default)]
    pub ledger: Vec<LedgerLine>,
}

impl GalleryIndex {
    /// Writes `explain/index.json` of a run atomically. Returns its path.
    pub fn write(&self, run: &Path) -> Result<PathBuf, Error> {
        let path = RunFolder::new(run).explanations().join(FILE);
        files::write_json(&path, self)?;
        Ok(path)
    }
}

/// Reads the gallery of a run with its pictures; empty without an index.
pub(crate) fn gallery(run: &Path) -> Result<Gallery, Error> {
    let folder = RunFolder::new(run).explanations();
    let list = folder.join(FILE);
    let Some(index) = files::json_if_there::<GalleryIndex>(&list)? else {
        return Ok(Gallery::default());
    };
    let items = index.items.into_iter().map(|item| {
        // A report must never carry a file that its run does not own.
        if item
            .picture
            .components()
            .any(|part| !matches!(part, Component::Normal(_)))
        {
            return Err(Error::Outside {
                path: list.clone(),
                name: item.picture.display().to_string(),
            });
        }
        let png = picture(&folder.join(&item.picture))?;
        Ok(GalleryItem {
            title: item.film,
            png,
            truth: item.truth,
            prediction: item.prediction,
            probability: item.probability,
            explained: item.explained,
            right: item.right,
            phantom: item.phantom,
            caption: item.caption,
            ledger: item.ledger,
        })
    });
    Ok(Gallery {
        composite: index.composite,
        items: items.collect::<Result<_, Error>>()?,
    })
}

fn picture(path: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |problem: String| Error::Picture {
        path: path.to_owned(),
        problem,
        limit: PICTURE_LIMIT,
    };
    let mut png = Vec::new();
    let file = fs::File::open(path).map_err(Error::io("read", path))?;
    file.take(PICTURE_LIMIT + 1)
        .read_to_end(&mut png)
        .map_err(Error::io("read", path))?;
    if png.len() as u64 > PICTURE_LIMIT {
        return Err(wrong(
            "the file is larger than a picture of a report may be".to_owned(),
        ));
    }
    if !png.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(wrong("the file does not begin as PNG files do".to_owned()));
    }
    Ok(png)
}
