//! Groups single figures to words: nearby figures of one size, stroke and grey level, in a line or not.

use super::glyph::Glyph;

/// Figures that form one group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) glyphs: Vec<Glyph>,
}

impl Group {
    /// True if its figures stand in a line of any direction.
    pub(super) fn aligned(&self) -> bool {
        let side = self.glyphs.iter().map(Glyph::side).max().unwrap_or(1) as f32;
        self.glyphs.len() > 1 && self.off_line() < 0.35 * side
    }

    /// Left, top, and one past the last column and row.
    pub(super) fn bounds(&self) -> [usize; 4] {
        let start = [usize::MAX, usize::MAX, 0, 0];
        self.glyphs
            .iter()
            .fold(start, |[left, top, right, bottom], glyph| {
                [
                    left.min(glyph.left),
                    top.min(glyph.top),
                    right.max(glyph.right),
                    bottom.max(glyph.bottom),
                ]
            })
    }

    /// True if its figures are darker than their surroundings.
    pub(super) fn is_dark(&self) -> bool {
        self.glyphs.first().is_some_and(|glyph| glyph.dark)
    }

    pub(super) fn best(&self) -> f32 {
        self.glyphs.iter().fold(0.0, |best, glyph| glyph.score.max(best))
    }

    /// Mean score, weighted by pixels.
    pub(super) fn score(&self) -> f32 {
        let (sum, count) = self.glyphs.iter().fold((0.0, 0.0), |(sum, count), glyph| {
            let weight = glyph.places.len() as f32;
            (sum + weight * glyph.score, count + weight)
        });
        sum / f32::max(count, 1.0)
    }

    /// Root mean square distance of the figures' centres from the line through them (the lesser principal
    /// axis).
    fn off_line(&self) -> f32 {
        let count = self.glyphs.len() as f32;
        let centres: Vec<[f32; 2]> = self.glyphs.iter().map(Glyph::centre).collect();
        let mean = [0, 1].map(|axis| centres.iter().map(|centre| centre[axis]).sum::<f32>() / count);
        let moment = |a: usize, b: usize| {
            let products = centres
                .iter()
                .map(|centre| (centre[a] - mean[a]) * (centre[b] - mean[b]));
            products.sum::<f32>() / count
        };
        let (xx, xy, yy) = (moment(0, 0), moment(0, 1), moment(1, 1));
        // The lesser eigenvalue of [[xx, xy], [xy, yy]].
        let least = xx.midpoint(yy) - (((xx - yy) / 2.0).powi(2) + xy * xy).sqrt();
        least.max(0.0).sqrt()
    }
}

/// Groups figures that are near each other and similar.
pub(super) fn groups(glyphs: Vec<Glyph>) -> Vec<Group> {
    let mut leader: Vec<usize> = (0..glyphs.len()).collect();
    for a in 0..glyphs.len() {
        for b in 0..a {
            if belong(&glyphs[a], &glyphs[b]) {
                let (one, other) = (lead(&mut leader, a), lead(&mut leader, b));
                leader[one.max(other)] = one.min(other);
            }
        }
    }
    let leaders: Vec<usize> = (0..glyphs.len()).map(|glyph| lead(&mut leader, glyph)).collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut number = vec![usize::MAX; glyphs.len()];
    for (glyph, leader) in glyphs.into_iter().zip(leaders) {
        if number[leader] == usize::MAX {
            number[leader] = groups.len();
            groups.push(Group { glyphs: Vec::new() });
        }
        groups[number[leader]].glyphs.push(glyph);
    }
    groups
}

fn lead(leader: &mut [usize], mut of: usize) -> usize {
    while leader[of] != of {
        leader[of] = leader[leader[of]];
        of = leader[of];
    }
    of
}

fn belong(a: &Glyph, b: &Glyph) -> bool {
    let alike = |a: f32, b: f32, most: f32| a.max(b) <= most * a.min(b);
    let apart = |from: usize, to: usize, other_from: usize, other_to: usize| {
        from.max(other_from).saturating_sub(to.min(other_to))
    };
    let across = apart(a.left, a.right, b.left, b.right);
    let down = apart(a.top, a.bottom, b.top, b.bottom);
    a.dark == b.dark
        && across.max(down) as f32 <= 0.7 * a.side().max(b.side()) as f32
        && alike(a.side() as f32, b.side() as f32, 2.5)
        && alike(a.features.stroke, b.features.stroke, 2.2)
        && alike(a.features.contrast, b.features.contrast, 2.0)
}
