//! Finds letters, words, markers and arrows on a film by their appearance.

use pleura_film::Film;

use super::glyph::Glyph;
use super::group::{Group, groups};
use super::plate;
use super::raster::{Plane, components, grown};
use super::shape;
use super::text::{Bounds, Kind, Object, Text};

/// Approximate short side of the shrunk film: letters are then about 5 to 60 pixels high.
const SIDE: usize = 512;

/// Thresholds of the top hat, from faint to bright.
const LEVELS: [f32; 9] = [0.05, 0.07, 0.1, 0.14, 0.19, 0.26, 0.36, 0.5, 0.7];

/// Minimum score of a candidate figure.
const CANDIDATE: f32 = 0.3;

/// Finds burned-in text on a film.
pub(super) fn find(film: &Film) -> Text {
    let factor = ((film.width.min(film.height) as f32 / SIDE as f32).round() as usize).max(1);
    let bright = Plane::shrunk(film.width, film.height, &film.grey, factor);
    let dark = bright.inverted();
    let mut figures = figures(&bright, false);
    figures.extend(self::figures(&dark, true));
    let mut accepted: Vec<Group> = groups(figures)
        .into_iter()
        .filter(|group| is_text(group, &bright))
        .collect();
    // Gaps between bright letters are dark figures with equally sharp edges, and vice versa: of two that
    // touch, the better one stays.
    let weight = |group: &Group| {
        let ink = group
            .glyphs
            .iter()
            .map(|glyph| glyph.score * glyph.features.contrast * glyph.places.len() as f32);
        ink.sum::<f32>()
    };
    accepted.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.bounds().cmp(&b.bounds())));
    let mut kept: Vec<Group> = Vec::new();
    for group in accepted {
        if !kept
            .iter()
            .any(|other| other.is_dark() != group.is_dark() && meet(other.bounds(), group.bounds()))
        {
            kept.push(group);
        }
    }
    let mut objects: Vec<Object> = joined(kept)
        .iter()
        .filter_map(|group| object(group, &bright, film, factor))
        .collect();
    objects.sort_by_key(|object| (object.bounds.top, object.bounds.left));
    Text {
        width: film.width,
        height: film.height,
        objects,
    }
}

/// Connected figures of one polarity, each at the threshold where it is most like a letter; none overlap.
fn figures(plane: &Plane, dark: bool) -> Vec<Glyph> {
    let short = plane.width.min(plane.height);
    // The largest letters, in either direction; strokes are at most twice the hat's reach wide.
    let most = short / 7;
    let hat = plane.top_hat((short / 73).max(3));
    let mut owner = vec![0u32; plane.values.len()];
    let mut number = 0;
    let mut all: Vec<Glyph> = Vec::new();
    for level in LEVELS {
        for places in components(plane.width, plane.height, |place| hat.values[place] > level) {
            if places.len() < 10 || Glyph::side_of(&places, plane.width) > most {
                continue;
            }
            number += 1;
            for &place in &places {
                owner[place] = number;
            }
            let glyph = Glyph::measure(plane, places, &owner, number, dark);
            if glyph.side() >= 5 && glyph.score > CANDIDATE {
                all.push(glyph);
            }
        }
    }
    all.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(b.places.len().cmp(&a.places.len()))
    });
    let mut taken = vec![false; plane.values.len()];
    all.retain(|glyph| {
        let free = !glyph.places.iter().any(|&place| taken[place]);
        if free {
            glyph.places.iter().for_each(|&place| taken[place] = true);
        }
        free
    });
    all
}

/// True if a group of figures is text: figures in a line need a lower score than one alone.
fn is_text(group: &Group, plane: &Plane) -> bool {
    let short = plane.width.min(plane.height);
    // A single figure must keep farther from the border than a word.
    let margin = if group.glyphs.len() == 1 {
        short / 100 + 1
    } else {
        2
    };
    let on_border = |glyph: &Glyph| {
        let beyond = [
            glyph.right + margin > plane.width,
            glyph.bottom + margin > plane.height,
        ];
        glyph.left < margin || glyph.top < margin || beyond.contains(&true)
    };
    // Frames, collimators and cut-off anatomy run along the border; a cut-off word has letters that do not.
    if group.glyphs.iter().all(on_border) {
        return false;
    }
    let [glyph] = group.glyphs.as_slice() else {
        return if group.aligned() {
            group.score() > 0.5 && group.best() > 0.65
        } else {
            group.score() > 0.65
        };
    };
    let contrast = glyph.features.contrast;
    // Edges of collimators and plates leave slivers.
    let large = glyph.side() * 55 >= short && glyph.width().min(glyph.height()) * 110 >= short;
    // Gas, gaps and eyes of clips are dark and small: a single dark figure must be as clear as an arrow drawn
    // in ink.
    large
        && if glyph.dark {
            glyph.score > 0.85 && contrast > 0.25
        } else {
            glyph.score > 0.7 && contrast > 0.1
        }
}

/// Joins touching groups to one object: a large letter with small initials, a marker in pieces.
fn joined(mut groups: Vec<Group>) -> Vec<Group> {
    let mut joined: Vec<Group> = Vec::new();
    while let Some(mut group) = groups.pop() {
        // The box grows with each group; repeat until nothing touches it.
        while let Some(place) = groups
            .iter()
            .position(|other| meet(other.bounds(), group.bounds()))
        {
            group.glyphs.extend(groups.swap_remove(place).glyphs);
        }
        match joined
            .iter_mut()
            .find(|other| meet(other.bounds(), group.bounds()))
        {
            Some(other) => other.glyphs.extend(group.glyphs),
            None => joined.push(group),
        }
    }
    joined
}

/// True if two boxes touch or are at most two pixels apart.
fn meet(a: [usize; 4], b: [usize; 4]) -> bool {
    a[0] < b[2] + 2 && b[0] < a[2] + 2 && a[1] < b[3] + 2 && b[1] < a[3] + 2
}

/// The group as an object on the film: strokes with their halo, and the plate behind them.
fn object(group: &Group, plane: &Plane, film: &Film, factor: usize) -> Option<Object> {
    let mut mask = vec![false; plane.values.len()];
    let mut stroke: f32 = 0.0;
    for glyph in &group.glyphs {
        glyph.places.iter().for_each(|&place| mask[place] = true);
        stroke = stroke.max(glyph.features.stroke);
    }
    let plate = plate::behind(plane, &mask, group.bounds());
    // Resizing and compression blur an edge over a pixel or two, and wide strokes further.
    let mut mask = grown(
        &mask,
        plane.width,
        plane.height,
        1 + (stroke / 4.0).round() as usize,
    );
    if let Some(plate) = plate {
        let plate = grown(&plate, plane.width, plane.height, 1);
        mask.iter_mut()
            .zip(plate)
            .for_each(|(inside, plate)| *inside |= plate);
    }
    let mut places: Vec<usize> = Vec::new();
    for place in (0..mask.len()).filter(|&place| mask[place]) {
        let (x, y) = (place % plane.width * factor, place / plane.width * factor);
        for row in y..(y + factor).min(film.height) {
            places.extend((x..(x + factor).min(film.width)).map(|column| row * film.width + column));
        }
    }
    places.sort_unstable();
    let kind = match group.glyphs.as_slice() {
        glyphs if glyphs.iter().all(shape::is_arrow) => Kind::Arrow,
        [_] => Kind::Letter,
        _ => Kind::Words,
    };
    Some(Object {
        kind,
        bounds: Bounds::of(&places, film.width)?,
        score: group.score(),
        figures: group.glyphs.len(),
        places,
    })
}
