//! Recognises arrows.

use super::glyph::Glyph;

/// Slices across a figure's long axis.
const SLICES: usize = 10;

/// True for a shaft with a head: long, of even width along one part, wider towards one end, and tapering to a
/// tip.
///
/// A `T`, an `L` or a `Y` is widest at its end and does not taper.
pub(super) fn is_arrow(glyph: &Glyph) -> bool {
    let centre = glyph.middle();
    let points = glyph.points();
    let moment = |a: usize, b: usize| {
        let products = points
            .iter()
            .map(|point| (point[a] - centre[a]) * (point[b] - centre[b]));
        products.sum::<f32>() / points.len() as f32
    };
    let (xx, xy, yy) = (moment(0, 0), moment(0, 1), moment(1, 1));
    let (mean, spread) = (
        f32::midpoint(xx, yy),
        (((xx - yy) / 2.0).powi(2) + xy * xy).sqrt(),
    );
    let (long, short) = ((mean + spread).sqrt(), (mean - spread).max(0.0).sqrt());
    if long < 2.2 * short.max(0.5) || points.len() < 20 {
        return false;
    }
    // The direction of the greater principal axis.
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let (sin, cos) = angle.sin_cos();
    let turned: Vec<[f32; 2]> = points
        .iter()
        .map(|[x, y]| (x - centre[0], y - centre[1]))
        .map(|(x, y)| [cos * x + sin * y, cos * y - sin * x])
        .collect();
    let (low, high) = turned.iter().fold((f32::MAX, f32::MIN), |(low, high), point| {
        (low.min(point[0]), high.max(point[0]))
    });
    let mut ends = [(f32::MAX, f32::MIN); SLICES];
    for point in &turned {
        let slice = ((point[0] - low) / (high - low + 1e-3) * SLICES as f32) as usize;
        let end = &mut ends[slice.min(SLICES - 1)];
        *end = (end.0.min(point[1]), end.1.max(point[1]));
    }
    let widths_of = |ends: &[(f32, f32); SLICES]| ends.map(|(low, high)| (high - low + 1.0).max(0.0));
    let widest = |widths: &[f32; SLICES]| (0..SLICES).max_by(|&a, &b| widths[a].total_cmp(&widths[b]));
    if widest(&widths_of(&ends)).is_some_and(|slice| slice < SLICES / 2) {
        ends.reverse();
    }
    let widths = widths_of(&ends);
    let Some(head) = widest(&widths) else { return false };
    // The shaft behind the head is even and narrower than the head.
    let shaft = &widths[..5];
    let mean = shaft.iter().sum::<f32>() / shaft.len() as f32;
    let even = shaft
        .iter()
        .all(|width| (0.5 * mean..=1.7 * mean).contains(width));
    // The head extends on both sides of the shaft; the foot of an `L` on one.
    let side = |of: fn(&(f32, f32)) -> f32| ends[..5].iter().map(of).sum::<f32>() / 5.0;
    let (left, right) = (side(|end| end.0) - ends[head].0, ends[head].1 - side(|end| end.1));
    let balanced = left.min(right) > 0.25 * mean && left.max(right) < 3.0 * left.min(right);
    head >= 5 && balanced && even && widths[head] > 1.6 * mean && widths[SLICES - 1] < 0.75 * widths[head]
}

#[cfg(test)]
mod tests {
    use super::super::glyph::Glyph;
    use super::super::raster::Plane;
    use super::*;

    fn figure(rows: &[&str]) -> Glyph {
        let width = rows[0].len() + 4;
        let mut values = vec![0.1; width * (rows.len() + 4)];
        let mut places = Vec::new();
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.bytes().enumerate().filter(|(_, ink)| *ink == b'#') {
                places.push((y + 2) * width + x + 2);
            }
        }
        let mut owner = vec![0; values.len()];
        for &place in &places {
            (values[place], owner[place]) = (0.9, 1);
        }
        let plane = Plane {
            width,
            height: rows.len() + 4,
            values,
        };
        Glyph::measure(&plane, places, &owner, 1, false)
    }

    #[test]
    fn an_arrow_is_told_from_letters() {
        let arrow = [
            "..............##......",
            "..............####....",
            "#################.###.",
            "######################",
            "#################.###.",
            "..............####....",
            "..............##......",
        ];
        assert!(is_arrow(&figure(&arrow)));
        let mirrored: Vec<String> = arrow.iter().map(|row| row.chars().rev().collect()).collect();
        assert!(is_arrow(&figure(
            &mirrored.iter().map(String::as_str).collect::<Vec<_>>()
        )));
        let tee = [
            "#########",
            "#########",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
            "...###...",
        ];
        let ell = [
            "##......", "##......", "##......", "##......", "##......", "##......", "##......", "##......",
            "########", "########",
        ];
        let bar = ["##################", "##################"];
        for letter in [&tee[..], &ell[..], &bar[..]] {
            assert!(!is_arrow(&figure(letter)), "{letter:?}");
        }
    }
}
