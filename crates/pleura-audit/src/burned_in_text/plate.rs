//! The plate behind letters: a field of one grey level.

use super::raster::{Plane, around, grown};

/// Maximum variation of a plate's grey level.
const EVEN: f32 = 0.035;

/// Pixels of the plate behind the strokes of `mask`, strokes included; `None` if the ground extends beyond
/// the letters' surroundings or is not a filled shape.
pub(super) fn behind(plane: &Plane, mask: &[bool], bounds: [usize; 4]) -> Option<Vec<bool>> {
    let ring = grown(mask, plane.width, plane.height, 3);
    let halo = grown(mask, plane.width, plane.height, 1);
    let mut levels: Vec<f32> = (0..mask.len())
        .filter(|&place| ring[place] && !halo[place])
        .map(|place| plane.values[place])
        .collect();
    levels.sort_by(f32::total_cmp);
    let level = *levels.get(levels.len() / 2)?;
    let [left, top, right, bottom] = bounds;
    // A plate extends beyond its letters by at most their height.
    let margin = (bottom - top).min(right - left).max(6);
    let within = |place: usize| {
        let (x, y) = (place % plane.width, place / plane.width);
        x + margin >= left && x < right + margin && y + margin >= top && y < bottom + margin
    };
    let even = |place: usize| halo[place] || (plane.values[place] - level).abs() <= EVEN;
    let mut plate = mask.to_vec();
    let mut open: Vec<usize> = (0..mask.len()).filter(|&place| mask[place]).collect();
    let mut next = 0;
    while next < open.len() {
        for other in around(plane.width, plane.height, open[next], 1) {
            if !plate[other] && even(other) {
                if !within(other) {
                    return None;
                }
                plate[other] = true;
                open.push(other);
            }
        }
        next += 1;
    }
    // Rectangles, discs and ovals are filled shapes; ground that happens to be even is ragged.
    let [mut least_x, mut least_y, mut most_x, mut most_y] = [usize::MAX, usize::MAX, 0, 0];
    for &place in &open {
        let (x, y) = (place % plane.width, place / plane.width);
        (least_x, least_y) = (least_x.min(x), least_y.min(y));
        (most_x, most_y) = (most_x.max(x), most_y.max(y));
    }
    let area = (most_x + 1 - least_x) * (most_y + 1 - least_y);
    (open.len() as f32 > 0.74 * area as f32).then_some(plate)
}
