//! Round findings: mass, nodules, hiatal hernia.

use super::super::anatomy::Side;
use super::super::canvas::Bounds;
use super::super::curve::{length, mix, step};
use super::super::seed::{Stream, between};
use super::Site;

/// One round or lobulated mass of 3.4 to 6.4 cm.
pub(super) fn mass(site: &mut Site<'_>, rng: &mut Stream) {
    let side = Side::synthetic_output(rng);
    let radius = between(rng, 1.7, 3.2);
    let centre = site.place(
        side,
        between(rng, 0.1, 0.9),
        between(rng, 0.1, 0.85),
        0.75 * radius,
    );
    let strength = 1.3 * mix(0.18, 1.0, site.severity);
    ball(site, centre, radius, strength, 0.22);
}

/// One to three nodules of 1 to 2.4 cm.
pub(super) fn nodules(site: &mut Site<'_>, rng: &mut Stream) {
    let count = 1 + (between(rng, 0.0, 1.0).powi(2) * 2.99) as u32;
    let strength = 1.25 * mix(0.2, 1.0, site.severity);
    for _ in 0..count {
        let side = Side::synthetic_output(rng);
        let radius = between(rng, 0.5, 1.2);
        let centre = site.place(
            side,
            between(rng, 0.1, 0.9),
            between(rng, 0.12, 0.88),
            radius + 0.4,
        );
        ball(site, centre, radius, strength, 0.1);
    }
}

/// A ball of tissue in air; `lobed` makes its border irregular.
fn ball(site: &mut Site<'_>, centre: (f32, f32), radius: f32, strength: f32, lobed: f32) {
    let soft = (0.8 * site.frame.pixel() / radius).max(0.06);
    site.in_lung(
        Bounds::around(centre.0, centre.1, 1.5 * radius),
        |site, index, u, v| {
            let q = length(u - centre.0, v - centre.1) / radius
                * (1.0 + lobed * site.grain.cloud(u, v, 1.1 * radius, 2));
            if q < 1.0 + soft {
                let chord = 2.0 * radius * (1.0 - (q * q).min(0.96)).sqrt() * step(1.0 + soft, 1.0 - soft, q);
                site.add(
                    index,
                    strength
                        * chord.min(1.2 * site.thorax.lung.values[index])
                        * (1.0 - site.body.lung_tissue),
                );
                if q < 1.0 {
                    site.mark(index);
                }
            }
        },
    );
}

/// Stomach above the diaphragm: a round shadow behind the heart, air above a level.
pub(super) fn hernia(site: &mut Site<'_>, rng: &mut Stream) {
    let radius = between(rng, 2.4, 3.6);
    let centre = (
        between(rng, 0.2, 2.2) + site.body.mediastinal_shift,
        site.body.dome_top(Side::Left) - between(rng, 0.4, 0.8) * radius,
    );
    let level = centre.1 + between(rng, -0.25, 0.2) * radius;
    let strength = mix(0.2, 1.0, site.severity);
    let (gas, supine) = (between(rng, 0.7, 1.0), site.body.supine);
    let frame = site.frame;
    frame.visit(Bounds::around(centre.0, centre.1, 1.3 * radius), |index, u, v| {
        let q = length((u - centre.0) / 1.1, v - centre.1) / radius * (1.0 + 0.06 * site.grain.at(u, v, 2.0));
        if q < 1.0 {
            let chord = 2.0 * radius * (1.0 - q * q).sqrt();
            // The wall is visible against the lungs, the air inside against everything.
            let inside = step(0.98, 0.86, q);
            let air = if supine {
                0.4 * gas
            } else {
                gas * step(level + 0.12, level - 0.12, v)
            };
            let tissue = if site.thorax.lung.values[index] > 0.0 {
                0.6
            } else {
                0.15
            };
            site.add(
                index,
                strength * chord * (tissue * (1.0 - inside * air) - 0.75 * inside * air),
            );
            site.mark(index);
        }
    });
}
