//! Films that show the same radiograph, found in three stages. Each stage compares fewer pairs in more
//! detail.
//!
//! 1. The index returns candidates: every film's hash is looked up as it is and through each variant.
//! 2. The candidates' thumbnails are aligned.
//! 3. Pairs whose thumbnails agree are opened again and aligned at a finer scale. At low resolution, films of
//!    different patients and of one patient on different days look alike. At a finer scale their ribs,
//!    vessels and organ edges do not coincide.

use pleura_core::Progress;
use pleura_film::Film;
use pleura_manifest::Similarity;
use rayon::prelude::*;

use crate::align::{Affine, Fitted, Round, align};
use crate::counter::Counter;
use crate::hash::{Hash, Query, Variant, WINDOWS, coefficients};
use crate::index::{Index, QueryScratch};
use crate::plane::{LocalNormalization, Plane};
use crate::thumbnail::Thumbnail;

/// Side of the planes of the last stage, in pixels.
const FINE: usize = 192;

/// Minimum correlation of the thumbnails of pairs that are opened again.
const MIN_THUMBNAIL_CORRELATION: f32 = 0.7;

const THUMBNAIL_NORMALIZATION: LocalNormalization = LocalNormalization {
    grain: 0.0,
    brightness: 3.0,
    contrast: 3.0,
    floor: 0.02,
};

const FINE_NORMALIZATION: LocalNormalization = LocalNormalization {
    grain: 1.0,
    brightness: 6.0,
    contrast: 12.0,
    floor: 0.01,
};

const THUMBNAIL_ROUNDS: [Round; 3] = [
    Round { blur: 2.0, steps: 5 },
    Round { blur: 1.0, steps: 5 },
    Round { blur: 0.0, steps: 4 },
];

const FINE_ROUNDS: [Round; 2] = [Round { blur: 2.0, steps: 6 }, Round { blur: 0.0, steps: 6 }];

/// The films of a search.
pub trait FilmSource: Sync {
    /// One thumbnail a film; `None` for films that are not compared.
    fn thumbnails(&self) -> &[Option<Thumbnail>];

    /// Opens a film again; `None` if it cannot be read.
    fn film(&self, film: usize) -> Option<Film>;

    /// True if the two films are to be compared.
    fn is_compared(&self, _one: usize, _other: usize) -> bool {
        true
    }
}

/// Two films that show the same radiograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The earlier film.
    pub one: usize,
    /// The later film.
    pub other: usize,
    /// How similar they are.
    pub similarity: Similarity,
}

/// The result of the three stages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchResult {
    /// Sorted by film.
    pub matches: Vec<Match>,
    /// Pairs that the index returned.
    pub candidates: usize,
    /// Pairs whose films were opened again.
    pub opened: usize,
}

/// A pair that the index returned: `query`, seen through a variant, is near `target`.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    query: usize,
    target: usize,
    distance: u32,
    variant: Variant,
}

impl Candidate {
    /// The earlier and the later film.
    pub fn films(&self) -> (usize, usize) {
        (self.query.min(self.target), self.query.max(self.target))
    }
}

/// Finds the pairs of films that correlate by at least `min_correlation`. The result does not depend on the
/// number of threads.
pub fn find_similar(films: &dyn FilmSource, min_correlation: f32, progress: &dyn Progress) -> SearchResult {
    let thumbnails = films.thumbnails();
    let known: Vec<usize> = (0..thumbnails.len())
        .filter(|&film| thumbnails[film].is_some())
        .collect();
    let index = Index::new(hashes(thumbnails, &known));
    let mut candidates = candidates(thumbnails, &known, known.len(), &index, progress);
    candidates.retain(|candidate| films.is_compared(candidate.query, candidate.target));
    let aligned = filter_candidates(thumbnails, &candidates, progress);
    let counter = Counter::new("pairs opened", aligned.len(), progress);
    // Pairs with the same earlier film are adjacent: it is opened once for all of them.
    let groups: Vec<&[AlignedCandidate]> = aligned
        .chunk_by(|one, other| one.candidate.films().0 == other.candidate.films().0)
        .collect();
    let matches = groups
        .par_iter()
        .flat_map_iter(|group| {
            let matches = align_films(films, group, min_correlation);
            counter.add(group.len());
            matches
        })
        .collect();
    SearchResult {
        matches,
        candidates: candidates.len(),
        opened: aligned.len(),
    }
}

/// The hashes of the films `known`, in their order.
pub fn hashes(thumbnails: &[Option<Thumbnail>], known: &[usize]) -> Vec<Hash> {
    let hash = |film: &usize| {
        thumbnails[*film].as_ref().map_or(Hash::default(), |thumbnail| {
            Query::new(&coefficients(&thumbnail.plane(), 0), false, false).hash
        })
    };
    known.par_iter().map(hash).collect()
}

/// The pairs that the index returns for the first `queries` films of `known`, sorted by films. The index
/// holds the hashes of `known`.
pub fn candidates(
    thumbnails: &[Option<Thumbnail>],
    known: &[usize],
    queries: usize,
    index: &Index,
    progress: &dyn Progress,
) -> Vec<Candidate> {
    let counter = Counter::new("films looked up", queries, progress);
    let mut candidates: Vec<Candidate> = known[..queries]
        .par_iter()
        .enumerate()
        .map_init(QueryScratch::default, |scratch, (place, &film)| {
            let thumbnail = thumbnails[film].as_ref();
            let near = thumbnail.map_or_else(Vec::new, |thumbnail| near(index, place, thumbnail, scratch));
            counter.add(1);
            near
        })
        .flatten_iter()
        .map(|candidate| Candidate {
            query: known[candidate.query],
            target: known[candidate.target],
            ..candidate
        })
        .collect();
    // Both films of a pair may find the other: keep the nearer candidate.
    candidates.sort_by_key(|candidate| (candidate.films(), candidate.distance, candidate.query));
    candidates.dedup_by_key(|candidate| candidate.films());
    candidates
}

/// A candidate, and the alignment of its thumbnails.
#[derive(Debug, Clone, Copy)]
pub struct AlignedCandidate {
    candidate: Candidate,
    map: Affine,
}

/// The candidates whose thumbnails agree.
pub fn filter_candidates(
    thumbnails: &[Option<Thumbnail>],
    candidates: &[Candidate],
    progress: &dyn Progress,
) -> Vec<AlignedCandidate> {
    let counter = Counter::new("pairs compared", candidates.len(), progress);
    candidates
        .par_iter()
        .filter_map(|candidate| {
            let fitted = align_thumbnails(thumbnails, candidate);
            counter.add(1);
            fitted
                .filter(|fitted| fitted.correlation >= MIN_THUMBNAIL_CORRELATION)
                .map(|fitted| AlignedCandidate {
                    candidate: *candidate,
                    map: fitted.map,
                })
        })
        .collect()
}

/// The maximum Hamming distance of candidates. It is smaller for more films, because more of them are near by
/// chance.
pub fn hamming_radius(films: usize) -> u32 {
    let tens = (films.max(1) as f64).log10();
    (66.0 - 6.0 * tens).round().clamp(26.0, 48.0) as u32
}

/// The films near one film, each with the variant in which it is nearest.
fn near(index: &Index, place: usize, thumbnail: &Thumbnail, scratch: &mut QueryScratch) -> Vec<Candidate> {
    let film = thumbnail.plane();
    let radius = hamming_radius(index.len());
    let mut candidates: Vec<Candidate> = Vec::new();
    for window in 0..WINDOWS.len() {
        let coefficients = coefficients(&film, window);
        for (mirrored, inverted) in [(false, false), (true, false), (false, true), (true, true)] {
            let variant = Variant {
                window: window as u8,
                mirrored,
                inverted,
            };
            index.near(
                &Query::new(&coefficients, mirrored, inverted),
                radius,
                scratch,
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
    // Variants are tried in a fixed order, which decides ties.
    candidates.sort_by_key(|candidate| (candidate.target, candidate.distance));
    candidates.dedup_by_key(|candidate| candidate.target);
    candidates
}

fn align_thumbnails(thumbnails: &[Option<Thumbnail>], candidate: &Candidate) -> Option<Fitted> {
    let normalized = |film: usize| {
        Some(
            thumbnails[film]
                .as_ref()?
                .plane()
                .normalized(THUMBNAIL_NORMALIZATION),
        )
    };
    let image = candidate.variant.applied(normalized(candidate.query)?);
    align(
        &normalized(candidate.target)?,
        &image,
        candidate.variant.map(),
        &THUMBNAIL_ROUNDS,
    )
}

fn align_films(films: &dyn FilmSource, group: &[AlignedCandidate], min_correlation: f32) -> Vec<Match> {
    let normalized = |film: usize| {
        films
            .film(film)
            .map(|film| Plane::of_film(&film, FINE).normalized(FINE_NORMALIZATION))
    };
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let Some(common) = normalized(first.candidate.films().0) else {
        return Vec::new();
    };
    let confirm = |AlignedCandidate { candidate, map }: &AlignedCandidate| -> Option<Match> {
        let (one, other) = candidate.films();
        let second = normalized(other)?;
        let (query, target) = if candidate.query == one {
            (common.clone(), &second)
        } else {
            (second.clone(), &common)
        };
        let fitted = align(target, &candidate.variant.applied(query), *map, &FINE_ROUNDS)?;
        (fitted.correlation >= min_correlation).then(|| Match {
            one,
            other,
            similarity: candidate.similarity(&fitted),
        })
    };
    group.iter().filter_map(confirm).collect()
}

impl Candidate {
    /// The similarity of an aligned candidate. `share` is the share of the pair's earlier film.
    fn similarity(&self, fitted: &Fitted) -> Similarity {
        let [a, b, _, d, e, _] = fitted.map.0;
        let share = [a.hypot(d), b.hypot(e)];
        let share = if self.query < self.target {
            share
        } else {
            share.map(|share| 1.0 / share)
        };
        Similarity {
            correlation: fitted.correlation,
            mirrored: self.variant.mirrored,
            inverted: self.variant.inverted,
            degrees: fitted.map.degrees(),
            share,
        }
    }
}
