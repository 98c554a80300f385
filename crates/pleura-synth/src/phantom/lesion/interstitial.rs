//! Findings of the lung's interstitium and volume: fibrosis, emphysema, atelectasis.

use super::super::anatomy::Side;
use super::super::canvas::{Bead, Bounds, Plane, solid};
use super::super::curve::{length, mix, step};
use super::super::seed::{Stream, between, normal};
use super::Site;

/// A network of fine lines and small rings, strongest at the bases and along the wall. The body already has
/// small lungs.
pub(super) fn fibrosis(site: &mut Site<'_>, rng: &mut Stream) {
    let upper = between(rng, 0.0, 1.0) < 0.2;
    let strength = between(rng, 2.6, 3.6) * mix(0.2, 1.0, site.severity);
    for side in Side::BOTH {
        let (top, bottom) = (site.body.apex(), site.body.dome_top(side));
        site.in_lung(site.lung_bounds(side), |site, index, u, v| {
            let mut down = ((v - top) / (bottom - top)).clamp(0.0, 1.0);
            if upper {
                down = 1.0 - down;
            }
            let outward = u.abs() / site.body.cage.at(v);
            let patchy = 0.35 * site.grain.cloud(u, v, 4.5, 2);
            let weight = step(0.3, 1.0, 0.62 * down + 0.5 * outward.powi(2) - 0.12 + patchy);
            if weight > 0.01 {
                // Lines lie where the noise crosses zero; two scales give a mesh.
                let line = |period: f32| (1.0 - 3.4 * site.grain.at(u + 40.0, v, period).abs()).max(0.0);
                let net = 0.8 * line(1.5) + 0.7 * line(0.85);
                // Short paths through lung, as behind the domes, show less of it.
                let depth = (site.thorax.lung.values[index] / 6.0).min(1.0);
                site.add(index, strength * weight * net * depth);
                site.fill(index, 0.1 * site.severity * weight);
                if weight > 0.35 {
                    site.mark(index);
                }
            }
        });
    }
}

/// The body already has the lungs' shape, darkness and thin vessels. This adds bullae, mostly in the upper
/// zones.
pub(super) fn emphysema(site: &mut Site<'_>, rng: &mut Stream) {
    for side in Side::BOTH {
        for _ in 0..3 {
            let radius = between(rng, 0.9, 2.4);
            let centre = site.place(side, between(rng, 0.3, 1.0), between(rng, 0.0, 0.6), 0.7 * radius);
            let wall = 0.06_f32.max(0.5 * site.frame.pixel());
            site.in_lung(
                Bounds::around(centre.0, centre.1, radius + 0.5),
                |site, index, u, v| {
                    let out =
                        length(u - centre.0, v - centre.1) * (1.0 + 0.08 * site.grain.at(u, v, 2.0)) - radius;
                    let empty = step(wall, -wall, out);
                    let freed = &mut site.disease.freed.values[index];
                    *freed = freed.max(0.6 * site.severity * empty);
                    site.add(
                        index,
                        0.4 * site.severity * (1.0 - (out / (1.6 * wall)).powi(2)).max(0.0) * (0.06 / wall),
                    );
                },
            );
        }
    }
    site.mark_all(|thorax, index| thorax.field[index]);
}

/// Bands of collapsed lung over the raised dome, and crowded vessels below them.
pub(super) fn atelectasis(site: &mut Site<'_>, rng: &mut Stream) {
    let Some(side) = site.body.collapsed else { return };
    let strength = mix(0.2, 1.0, site.severity);
    let mut plates = Plane::zero(site.frame.size());
    let count = 2 + (between(rng, 0.0, 1.99) as u32);
    for plate in 0..count {
        let (u, v) = site.place(side, between(rng, 0.05, 0.35), 1.0, 0.8 + 1.3 * plate as f32);
        let (long, tilt) = (between(rng, 4.0, 7.5), 0.2 * normal(rng));
        let thick = between(rng, 0.2, 0.42);
        let bead = |part: f32| Bead {
            u: u + side.sign() * long * part,
            v: v + tilt * long * part + 0.8 * part * (1.0 - part),
            radius: thick * (0.45 + 1.6 * part * (1.0 - part)),
            weight: 3.6,
        };
        let beads: Vec<Bead> = (0..=8).map(|step| bead(step as f32 / 8.0)).collect();
        site.pen.tube(&mut plates, &beads, solid);
    }
    let dome = site.body.dome_top(side);
    site.in_lung(site.lung_bounds(side), |site, index, u, v| {
        let cage = site.body.cage.at(v);
        let over = site.body.dome(side, u.abs(), cage) - v;
        let crowded = step(3.2, 0.4, over) * step(dome - 5.0, dome - 2.0, v);
        let path = plates.values[index];
        site.add(index, strength * path);
        site.fill(index, 0.3 * strength * crowded);
        if path > 0.3 || crowded > 0.6 {
            site.mark(index);
        }
    });
}
