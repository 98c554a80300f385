//! Several runs that belong together: folds, rungs of a learning curve, variants and seeds.
//!
//! Each member is an ordinary run in a folder of its own, with the manifests that it was trained with beside it, so that every tool for
//! runs works on it. A series that was stopped or killed goes on like a run. Where two members begin with equal stages (same films, recipe and
//! seed), the later one takes over what the earlier one trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pleura_data::{Manifest, write_derived};
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    json::{read_json, write_json},
    lock::RunLock,
    observer::{Event, Observer},
    plan::Plan,
    recipe::Recipe,
    run::{Options, StageSummary, Stop, run},
    share,
};

/// The runs of a series, in the order in which they are carried out.
#[derive(Clone, Debug)]
pub struct Series {
    /// What they are, such as `folds`.
    pub kind: String,
    /// The runs.
    pub members: Vec<Member>,
}

/// One run of a series.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of its folder.
    pub name: String,
    /// What is trained.
    pub recipe: Recipe,
    /// In place of the recipe's seed.
    pub seed: Option<u64>,
    /// By stage: the manifest in place of the recipe's. It is written into the run's folder `data`.
    pub manifests: BTreeMap<String, Manifest>,
}

/// What came of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// The series' folder.
    pub out: PathBuf,
    /// The runs that are finished.
    pub runs: Vec<MemberSummary>,
    /// Where it was stopped, if it was: the run, and the place in it.
    pub stopped: Option<(String, Stop)>,
}

/// What came of one run of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberSummary {
    /// Its name.
    pub name: String,
    /// Its stages.
    pub stages: Vec<StageSummary>,
}

/// `series.json`: what a series was begun with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    kind: String,
    runs: Vec<String>,
}

const RECORD: &str = "series.json";

impl Series {
    /// Carries the runs out, one after the other, below the folder `out`.
    ///
    /// # Errors
    /// [`Error::Occupied`] where there is a series or a run and `resume` is not set, [`Error::Changed`] where there is another one; all that
    /// [`run()`] refuses.
    pub fn carry_out(
        &self,
        out: &Path,
        options: &Options,
        observer: &mut dyn Observer,
    ) -> Result<SeriesSummary, Error> {
        std::fs::create_dir_all(out).map_err(Error::file(out, "create"))?;
        let _lock = RunLock::take(out)?;
        self.begin_or_resume(out, options.resume)?;
        let mut summary = SeriesSummary {
            out: out.to_owned(),
            runs: Vec::new(),
            stopped: None,
        };
        let mut done: Vec<(&str, Vec<share::Key>)> = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            let folder = out.join(&member.name);
            let recipe = member.recipe_in(&folder)?;
            let cache = options.cache.clone().or_else(|| member.cache());
            let keys = share::keys(&Plan::new(&recipe, member.seed)?)?;
            let shared = if folder.join("run.json").exists() {
                None
            } else {
                share::most(&done, &keys)
            };
            if let Some((from, stages)) = shared {
                share::copy(&out.join(from), &folder, &keys[..stages])?;
            }
            let event = Event::Run {
                name: &member.name,
                number: (number, self.members.len()),
                shared,
            };
            // Asked to stop here, the run's own first event will say so again.
            let _ = observer.notice(&event);
            let own = options
                .clone()
                .with_resume(true)
                .with_seed(member.seed)
                .with_cache(cache);
            let found = run(&recipe, &folder, &own, observer)?;
            if let Some(stop) = found.stopped {
                summary.stopped = Some((member.name.clone(), stop));
                return Ok(summary);
            }
            summary.runs.push(MemberSummary {
                name: member.name.clone(),
                stages: found.stages,
            });
            done.push((&member.name, keys));
        }
        Ok(summary)
    }

    fn begin_or_resume(&self, out: &Path, resume: bool) -> Result<(), Error> {
        let path = out.join(RECORD);
        let now = Record {
            kind: self.kind.clone(),
            runs: self.members.iter().map(|member| member.name.clone()).collect(),
        };
        if out.join("run.json").exists() {
            let problem = "holds a run, and this is a series of runs; choose another folder".to_owned();
            return Err(Error::Damaged {
                path: out.to_owned(),
                problem,
            });
        }
        if !path.exists() {
            return write_json(&path, &now);
        }
        if !resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        let then: Record = read_json(&path)?;
        if then != now {
            let changes = vec![format!(
                "it was begun as {} of {} runs ({}), this is {} of {} ({})",
                then.kind,
                then.runs.len(),
                then.runs.join(", "),
                now.kind,
                now.runs.len(),
                now.runs.join(", ")
            )];
            return Err(Error::Changed {
                out: out.to_owned(),
                changes,
            });
        }
        Ok(())
    }
}

impl Member {
    /// The recipe with this run's own manifests, which are written into its folder.
    fn recipe_in(&self, folder: &Path) -> Result<Recipe, Error> {
        let mut recipe = self.recipe.clone();
        for index in 0..recipe.stages.len() {
            if recipe.stages[index].fractals.is_some() {
                continue;
            }
            let origin = recipe.resolve_path(&recipe.stages[index].manifest);
            let origin = std::path::absolute(&origin).map_err(Error::file(&origin, "find"))?;
            let stage = &mut recipe.stages[index];
            stage.manifest = match self.manifests.get(&stage.name) {
                None => origin,
                Some(manifest) => {
                    let path = folder.join("data").join(&stage.name).join("manifest.csv");
                    let path = std::path::absolute(&path).map_err(Error::file(&path, "find"))?;
                    write_derived(manifest, &origin, &path)?;
                    path
                }
            };
        }
        Ok(recipe)
    }

    /// Where films are cached: beside the manifest that the last stage's was made of, so that the members share it.
    fn cache(&self) -> Option<PathBuf> {
        let stage = self.recipe.stages.last()?;
        self.manifests.contains_key(&stage.name).then(|| {
            self.recipe
                .resolve_path(&stage.manifest)
                .with_file_name(".pleura-cache")
        })
    }
}
