//! Films that show the same radiograph, in three looks, each at fewer pairs and more of the film.
//!
//! 1. Every film's hash is looked up in the index as it is and through each [`Variant`].
//! 2. Of the pairs that come out, the sketches are laid over each other.
//! 3. Those that agree are opened again and laid over each other at a finer scale. Films of different patients, and of one patient on different
//!    days, look alike from afar; ribs, vessels and the edges of organs do not lie in the same places.

use pleura_film::Film;
use pleura_manifest::Likeness;
use rayon::prelude::*;

use crate::Progress;
use crate::align::{Affine, Fitted, Round, align};
use crate::hash::{Hash, Query, Variant, WINDOWS, shares};
use crate::index::{Desk, Index};
use crate::plane::{Evening, Plane};
use crate::sketch::Sketch;
use crate::tally::Tally;

/// Pixels a side of the planes that decide.
const FINE: usize = 192;

/// Correlation of sketches below which films are not opened again.
const WORTH_OPENING: f32 = 0.7;

const SKETCH_EVENING: Evening = Evening {
    grain: 0.0,
    brightness: 3.0,
    contrast: 3.0,
    floor: 0.02,
};

const FINE_EVENING: Evening = Evening {
    grain: 1.0,
    brightness: 6.0,
    contrast: 12.0,
    floor: 0.01,
};

const SKETCH_ROUNDS: [Round; 3] = [
    Round { blur: 2.0, steps: 5 },
    Round { blur: 1.0, steps: 5 },
    Round { blur: 0.0, steps: 4 },
];

const FINE_ROUNDS: [Round; 2] = [Round { blur: 2.0, steps: 6 }, Round { blur: 0.0, steps: 6 }];

/// The films among which copies are sought.
pub(super) trait Films: Sync {
    /// One a film; none of films that cannot be compared.
    fn sketches(&self) -> &[Option<Sketch>];

    /// A film once more, in full; none where it can no longer be had.
    fn film(&self, film: usize) -> Option<Film>;

    /// Whether anybody asks if two films are one radiograph.
    fn is_asked(&self, _one: usize, _other: usize) -> bool {
        true
    }
}

/// Two films that show the same radiograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    /// The earlier film.
    pub(super) one: usize,
    /// The later film.
    pub(super) other: usize,
    pub(super) likeness: Likeness,
}

/// What came of the three looks.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Found {
    /// By film.
    pub(super) matches: Vec<Match>,
    /// Pairs that the index gave.
    pub(super) candidates: usize,
    /// Pairs whose films were opened again.
    pub(super) opened: usize,
}

/// A pair that the index gave: `query`, seen through a variant, is near `target`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    query: usize,
    target: usize,
    distance: u32,
    variant: Variant,
}

impl Candidate {
    /// The earlier film and the later.
    pub(super) fn films(&self) -> (usize, usize) {
        (self.query.min(self.target), self.query.max(self.target))
    }
}

/// Finds the pairs of films that correlate by at least `least`. The result does not depend on the number of threads.
pub(super) fn alike(films: &dyn Films, least: f32, progress: Progress<'_>) -> Found {
    let sketches = films.sketches();
    let known: Vec<usize> = (0..sketches.len())
        .filter(|&film| sketches[film].is_some())
        .collect();
    let index = Index::new(hashes(sketches, &known));
    let mut candidates = candidates(sketches, &known, known.len(), &index, progress);
    candidates.retain(|candidate| films.is_asked(candidate.query, candidate.target));
    let worth = worth_opening(sketches, &candidates, progress);
    let tally = Tally::new("pairs opened", worth.len(), progress);
    // Pairs of one film lie together: it is opened once for all of them.
    let groups: Vec<&[Laid]> = worth
        .chunk_by(|one, other| one.0.films().0 == other.0.films().0)
        .collect();
    let matches = groups
        .par_iter()
        .flat_map_iter(|group| {
            let matches = lay_films(films, group, least);
            tally.add(group.len());
            matches
        })
        .collect();
    Found {
        matches,
        candidates: candidates.len(),
        opened: worth.len(),
    }
}

/// The hashes of the known films, in their order.
pub(super) fn hashes(sketches: &[Option<Sketch>], known: &[usize]) -> Vec<Hash> {
    let hash = |film: &usize| {
        sketches[*film].as_ref().map_or(Hash::default(), |sketch| {
            Query::new(&shares(&sketch.plane(), 0), false, false).hash
        })
    };
    known.par_iter().map(hash).collect()
}

/// Every pair that the index, made of the hashes of `known`, gives for any of its first films `asked`, in the order of the films.
pub(super) fn candidates(
    sketches: &[Option<Sketch>],
    known: &[usize],
    asked: usize,
    index: &Index,
    progress: Progress<'_>,
) -> Vec<Candidate> {
    let tally = Tally::new("films looked up", asked, progress);
    let mut candidates: Vec<Candidate> = known[..asked]
        .par_iter()
        .enumerate()
        .map_init(Desk::default, |desk, (place, &film)| {
            let sketch = sketches[film].as_ref();
            let near = sketch.map_or_else(Vec::new, |sketch| near(index, place, sketch, desk));
            tally.add(1);
            near
        })
        .flatten_iter()
        .map(|candidate| Candidate {
            query: known[candidate.query],
            target: known[candidate.target],
            ..candidate
        })
        .collect();
    // Of a pair's two candidates the nearer one stays.
    candidates.sort_by_key(|candidate| (candidate.films(), candidate.distance, candidate.query));
    candidates.dedup_by_key(|candidate| candidate.films());
    candidates
}

/// A candidate, and how its sketches lie on each other.
pub(super) type Laid = (Candidate, Affine);

/// The candidates whose sketches agree.
pub(super) fn worth_opening(
    sketches: &[Option<Sketch>],
    candidates: &[Candidate],
    progress: Progress<'_>,
) -> Vec<Laid> {
    let tally = Tally::new("pairs compared", candidates.len(), progress);
    candidates
        .par_iter()
        .filter_map(|candidate| {
            let fitted = lay_sketches(sketches, candidate);
            tally.add(1);
            fitted
                .filter(|fitted| fitted.correlation >= WORTH_OPENING)
                .map(|fitted| (*candidate, fitted.map))
        })
        .collect()
}

/// How many bits a copy's hash may differ in. The more films there are, the more of them are near by chance, so that less can be asked of the index.
pub(super) fn reach(films: usize) -> u32 {
    let tens = (films.max(1) as f64).log10();
    (66.0 - 6.0 * tens).round().clamp(26.0, 48.0) as u32
}

/// The films near one film in any variant, each with the variant in which it is nearest.
fn near(index: &Index, place: usize, sketch: &Sketch, desk: &mut Desk) -> Vec<Candidate> {
    let film = sketch.plane();
    let within = reach(index.len());
    let mut candidates: Vec<Candidate> = Vec::new();
    for window in 0..WINDOWS.len() {
        let shares = shares(&film, window);
        for (mirrored, inverted) in [(false, false), (true, false), (false, true), (true, true)] {
            let variant = Variant {
                window: window as u8,
                mirrored,
                inverted,
            };
            index.near(
                &Query::new(&shares, mirrored, inverted),
                within,
                desk,
                |target, distance| {
                    if target != place {
                        candidates.push(Candidate {
                            query: place,
                            target,
                            distance,
                            variant,
                        });
                    }
                },
            );
        }
    }
    // Variants were asked in a fixed order, which decides between equally near ones.
    candidates.sort_by_key(|candidate| (candidate.target, candidate.distance));
    candidates.dedup_by_key(|candidate| candidate.target);
    candidates
}

fn lay_sketches(sketches: &[Option<Sketch>], candidate: &Candidate) -> Option<Fitted> {
    let evened = |film: usize| Some(sketches[film].as_ref()?.plane().evened(SKETCH_EVENING));
    let image = candidate.variant.laid(evened(candidate.query)?);
    align(
        &evened(candidate.target)?,
        &image,
        candidate.variant.map(),
        &SKETCH_ROUNDS,
    )
}

fn lay_films(films: &dyn Films, group: &[Laid], least: f32) -> Vec<Match> {
    let evened = |film: usize| {
        films
            .film(film)
            .map(|film| Plane::of_film(&film, FINE).evened(FINE_EVENING))
    };
    let Some((first, _)) = group.first() else {
        return Vec::new();
    };
    let Some(common) = evened(first.films().0) else {
        return Vec::new();
    };
    let lay = |(candidate, start): &Laid| -> Option<Match> {
        let (one, other) = candidate.films();
        let second = evened(other)?;
        let (query, target) = if candidate.query == one {
            (common.clone(), &second)
        } else {
            (second.clone(), &common)
        };
        let fitted = align(target, &candidate.variant.laid(query), *start, &FINE_ROUNDS)?;
        (fitted.correlation >= least).then(|| Match {
            one,
            other,
            likeness: candidate.likeness(&fitted),
        })
    };
    group.iter().filter_map(lay).collect()
}

impl Candidate {
    /// `share` speaks of the pair's earlier film, whichever was laid over the other.
    fn likeness(&self, fitted: &Fitted) -> Likeness {
        let [a, b, _, d, e, _] = fitted.map.0;
        let share = [a.hypot(d), b.hypot(e)];
        let share = if self.query < self.target {
            share
        } else {
            share.map(|share| 1.0 / share)
        };
        Likeness {
            correlation: fitted.correlation,
            mirrored: self.variant.mirrored,
            inverted: self.variant.inverted,
            degrees: fitted.map.degrees(),
            share,
        }
    }
}
