//! Findings of the pleural space: fluid, air, scars.

use super::super::anatomy::Side;
use super::super::curve::{mix, step};
use super::super::seed::{Stream, between};
use super::Site;

/// Fluid. In upright patients it forms a meniscus at the wall; in lying patients it veils the whole side,
/// more at the bottom.
pub(super) fn effusion(site: &mut Site<'_>, rng: &mut Stream) {
    let first = Side::synthetic_output(rng);
    let both = between(rng, 0.0, 1.0) < 0.3;
    for side in Side::BOTH {
        let amount = between(rng, 3.0, 9.0);
        if side == first || both {
            let amount = amount * mix(0.25, 1.0, site.severity) + 0.4;
            if site.body.supine {
                veil(site, side, amount);
            } else {
                meniscus(site, side, amount);
            }
        }
    }
}

fn meniscus(site: &mut Site<'_>, side: Side, amount: f32) {
    let floor = site.body.dome_top(side) + 3.2;
    let density = mix(0.5, 0.95, site.severity);
    site.in_lung(site.lung_bounds(side), |site, index, u, v| {
        let across = (u.abs() / site.body.cage.at(v)).min(1.0);
        let level = floor - amount * (0.5 + 0.75 * across.powi(4));
        // In front and behind, the fluid gets thinner upwards.
        let below = step(level - 0.9, level + 0.7, v);
        if below > 0.0 {
            site.fill(index, density * below);
            if below > 0.5 {
                site.mark(index);
            }
        }
    });
}

fn veil(site: &mut Site<'_>, side: Side, amount: f32) {
    let (top, bottom) = (site.body.apex(), site.body.dome_top(side) + 2.0);
    site.in_lung(site.lung_bounds(side), |site, index, _, v| {
        let down = step(top, bottom, v);
        site.fill(index, 0.085 * amount * mix(0.3, 1.0, down));
        if down > 0.25 {
            site.mark(index);
        }
    });
}

/// Air: the lung retracts from apex and wall behind a thin white line; beyond it there are no vessels.
pub(super) fn pneumothorax(site: &mut Site<'_>, rng: &mut Stream) {
    let side = Side::synthetic_output(rng);
    let amount = between(rng, 0.16, 0.42) * mix(0.45, 1.0, site.severity);
    let lean = between(rng, 0.3, 0.8);
    let line = 0.07_f32.max(0.55 * site.frame.pixel());
    let (top, bottom) = (site.body.apex(), site.body.dome_top(side) + 3.0);
    let freed = mix(0.45, 0.85, site.severity);
    site.in_lung(site.lung_bounds(side), |site, index, u, v| {
        let down = ((v - top) / (bottom - top)).clamp(0.0, 1.0);
        let cage = site.body.cage.at(v);
        let inner = site.body.medial(side, v);
        let wave = 0.06 * site.grain.at(u, v, 5.0);
        // Distance outwards from the lung's edge: lateral, or upwards over the retracted apex.
        let edge = cage - (cage - inner) * amount * mix(1.2, lean, down) * (1.0 + wave);
        let sideways = u.abs() - edge;
        let upwards = top + 9.0 * amount * (1.0 + wave) - v;
        let beyond = smooth_maximum(sideways, upwards, 1.2);
        let free = step(-line, line, beyond);
        site.disease.freed.values[index] = site.disease.freed.values[index].max(freed * free);
        site.fill(index, 0.1 * site.severity * (1.0 - free));
        site.add(
            index,
            0.9 * mix(0.3, 1.0, site.severity)
                * (0.07 / line).min(1.0)
                * (1.0 - (beyond / (1.6 * line)).powi(2)).max(0.0),
        );
        if free > 0.5 {
            site.mark(index);
        }
    });
}

/// The larger of two values, rounded where they differ by less than `width`.
fn smooth_maximum(a: f32, b: f32, width: f32) -> f32 {
    let near = (1.0 - (a - b).abs() / width).max(0.0);
    a.max(b) + 0.25 * width * near * near
}

/// An irregular band along the wall, and a cap over the apex.
pub(super) fn thickening(site: &mut Site<'_>, rng: &mut Stream) {
    let first = Side::synthetic_output(rng);
    let both = between(rng, 0.0, 1.0) < 0.35;
    for side in Side::BOTH {
        let thick = between(rng, 0.8, 1.7);
        let cap = between(rng, 0.0, 1.0) < 0.6;
        let (middle, long) = (between(rng, -3.0, 7.0), between(rng, 4.0, 8.0));
        if side != first && !both {
            continue;
        }
        let strength = mix(0.2, 1.0, site.severity);
        let top = site.body.apex();
        site.in_lung(site.lung_bounds(side), |site, index, u, v| {
            let uneven = 1.0 + 0.6 * site.grain.cloud(u, v, 2.6, 2);
            let inwards = site.body.cage.at(v) - u.abs();
            let reach = thick * uneven * step(long + 1.0, long - 1.5, (v - middle).abs());
            let cover = if cap { 1.2 * thick * uneven } else { 0.0 };
            let wall = step(reach + 0.12, reach - 0.3, inwards) * step(0.05, 0.3, reach);
            let apex = step(cover + 0.25, cover - 0.25, v - top - 0.3) * step(0.05, 0.3, cover);
            let weight = wall.max(apex);
            if weight > 0.01 {
                site.add(index, 2.6 * strength * weight);
                if weight > 0.5 {
                    site.mark(index);
                }
            }
        });
    }
}
