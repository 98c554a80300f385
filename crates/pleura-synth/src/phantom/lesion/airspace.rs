//! Airspace findings: pneumonia, consolidation, infiltration, COVID-19, oedema.

use super::super::anatomy::Side;
use super::super::canvas::{Bead, Bounds, Plane, solid};
use super::super::curve::{mix, step};
use super::super::seed::{Stream, between, normal, pick};
use super::Site;

/// A lobe in frontal projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lobe {
    RightUpper,
    RightMiddle,
    RightLower,
    LeftUpper,
    LeftLower,
}

impl Lobe {
    fn side(self) -> Side {
        match self {
            Self::RightUpper | Self::RightMiddle | Self::RightLower => Side::Right,
            Self::LeftUpper | Self::LeftLower => Side::Left,
        }
    }

    /// Direction of its bronchus, in radians below horizontal.
    fn heading(self) -> f32 {
        match self {
            Self::RightUpper | Self::LeftUpper => -0.7,
            Self::RightMiddle => 0.5,
            Self::RightLower | Self::LeftLower => 1.0,
        }
    }
}

/// One dense lobe with air bronchograms; sharp where the fissure is tangential to the rays, fading elsewhere.
pub(super) fn lobar_pneumonia(site: &mut Site<'_>, rng: &mut Stream) {
    let lobe = *pick(
        rng,
        &[
            Lobe::RightUpper,
            Lobe::RightMiddle,
            Lobe::RightLower,
            Lobe::RightLower,
            Lobe::LeftUpper,
            Lobe::LeftLower,
        ],
    );
    let side = lobe.side();
    let (spread, density) = (between(rng, 0.75, 1.15), between(rng, 0.6, 0.85));
    let start = site.body.hilum(side);
    let bronchi = site.bronchi(side, rng, start, lobe.heading());
    let strength = density * mix(0.12, 1.0, site.severity);
    site.in_lung(site.lung_bounds(side), |site, index, u, v| {
        let weight = lobe_weight(site, lobe, u.abs(), v, spread);
        if weight > 0.01 {
            let lumps = 1.0 + 0.22 * site.grain.cloud(u, v, 2.4, 3);
            site.fill(
                index,
                strength * weight * lumps * (1.0 - 0.5 * bronchi.values[index]),
            );
            if weight > 0.4 {
                site.mark(index);
            }
        }
    });
}

fn lobe_weight(site: &Site<'_>, lobe: Lobe, x: f32, v: f32, spread: f32) -> f32 {
    let body = site.body;
    let u = lobe.side().sign() * x;
    let ragged = 1.1 * site.grain.cloud(u, v, 3.0, 3);
    let hilum = body.hilum(lobe.side()).1;
    let fissure = body.minor_fissure(x);
    let cage = body.cage.at(v);
    let dome = body.dome_top(lobe.side());
    match lobe {
        Lobe::RightUpper => {
            let top = mix(hilum, body.apex(), spread.min(1.0));
            step(fissure + 0.12, fissure - 0.12, v) * step(top - 1.5, top + 1.5, v + ragged)
        }
        Lobe::RightMiddle => {
            let outer = mix(cage - 0.5, 4.5, step(fissure, dome + 2.0, v)) * spread.min(1.05);
            0.85 * step(fissure - 0.12, fissure + 0.12, v) * step(outer + 1.2, outer - 1.2, x + ragged)
        }
        Lobe::RightLower | Lobe::LeftLower => {
            let top = mix(dome, hilum, 0.75 * spread);
            0.9 * step(top - 1.8, top + 2.6, v + ragged) * step(1.5, 4.0, x)
        }
        Lobe::LeftUpper => {
            let bottom = hilum + 3.5 * spread;
            0.85 * step(bottom + 2.8, bottom - 2.8, v + ragged)
        }
    }
}

/// One or two dense patches, independent of lobes, with air bronchograms.
pub(super) fn consolidation(site: &mut Site<'_>, rng: &mut Stream) {
    let count = if between(rng, 0.0, 1.0) < 0.6 { 1 } else { 2 };
    for _ in 0..count {
        let side = Side::synthetic_output(rng);
        let centre = site.place(side, between(rng, 0.2, 0.7), between(rng, 0.3, 0.9), 1.5);
        let radii = (between(rng, 2.3, 3.8), between(rng, 2.2, 4.2));
        let (hilum_u, hilum_v) = site.body.hilum(side);
        let heading = (centre.1 - hilum_v).atan2((centre.0 - hilum_u).abs());
        let bronchi = site.bronchi(side, rng, (hilum_u, hilum_v), heading);
        let strength = between(rng, 0.6, 0.85) * mix(0.12, 1.0, site.severity);
        site.in_lung(Bounds::around(centre.0, centre.1, 7.0), |site, index, u, v| {
            if Side::of(u) != side {
                return;
            }
            let weight = site.blob(u, v, centre, radii, 0.6);
            site.fill(index, strength * weight * (1.0 - 0.5 * bronchi.values[index]));
            if weight > 0.4 {
                site.mark(index);
            }
        });
    }
}

/// Streaky, ill-defined, faint: along the vessels of one or two zones.
pub(super) fn infiltration(site: &mut Site<'_>, rng: &mut Stream) {
    let first = Side::synthetic_output(rng);
    let count = if between(rng, 0.0, 1.0) < 0.5 { 1 } else { 2 };
    for zone in 0..count {
        let side = if zone == 0 || first == Side::Left {
            first
        } else {
            Side::Left
        };
        let centre = site.place(side, between(rng, 0.15, 0.55), between(rng, 0.4, 0.95), 1.0);
        let radii = (between(rng, 3.0, 4.5), between(rng, 3.0, 5.0));
        let slant = between(rng, 0.5, 1.1) * side.sign();
        let strength = between(rng, 0.34, 0.5) * mix(0.15, 1.0, site.severity);
        site.in_lung(Bounds::around(centre.0, centre.1, 8.0), |site, index, u, v| {
            if Side::of(u) != side {
                return;
            }
            let weight = site.blob(u, v, centre, radii, 1.4);
            // Stretched along the vessels.
            let (sin, cos) = slant.sin_cos();
            let (along, across) = (cos * u + sin * v, cos * v - sin * u);
            let streaks = (0.55 + 0.9 * site.grain.cloud(0.3 * along, across, 0.9, 2)).clamp(0.0, 1.3);
            site.fill(index, strength * weight * streaks);
            if weight > 0.45 {
                site.mark(index);
            }
        });
    }
}

/// Six to twelve soft patches in both lungs, peripheral, mostly below the hila.
pub(super) fn covid(site: &mut Site<'_>, rng: &mut Stream) {
    let mut haze = Plane::zero(site.frame.size());
    for side in Side::BOTH {
        let patches = 3 + (between(rng, 0.0, 3.99) as u32);
        for _ in 0..patches {
            let down = 1.0 - between(rng, 0.0, 0.75).powf(1.4);
            let outward = 1.0 - 0.4 * between(rng, 0.0, 1.0).powf(1.5);
            let centre = site.place(side, outward, down, 0.8);
            let radii = (between(rng, 1.3, 2.5), between(rng, 1.6, 3.2));
            let strength = between(rng, 0.26, 0.46);
            site.in_lung(Bounds::around(centre.0, centre.1, 6.5), |site, index, u, v| {
                if Side::of(u) == side {
                    let weight = site.blob(u, v, centre, radii, 0.95);
                    let value = &mut haze.values[index];
                    *value = 1.0 - (1.0 - *value) * (1.0 - strength * weight);
                }
            });
        }
    }
    let strength = mix(0.15, 1.0, site.severity);
    for side in Side::BOTH {
        site.in_lung(site.lung_bounds(side), |site, index, u, v| {
            let value = haze.values[index];
            if value > 0.01 {
                // Thickened septa in the haze: crazy paving.
                let net = 1.0 - 3.0 * site.grain.at(u, v, 0.55).abs();
                site.fill(index, strength * value * (0.9 + 0.25 * net.max(0.0)));
                if value > 0.14 {
                    site.mark(index);
                }
            }
        });
    }
}

/// Haze that spreads from both hila and spares the periphery, and septal lines at the bases.
pub(super) fn edema(site: &mut Site<'_>, rng: &mut Stream) {
    let strength = between(rng, 0.45, 0.6) * mix(0.15, 1.0, site.severity);
    for side in Side::BOTH {
        let (u0, v0) = site.body.hilum(side);
        let centre = (u0 + side.sign() * 1.6, v0 + between(rng, 1.0, 2.0));
        let radii = (between(rng, 5.2, 6.6), between(rng, 6.2, 8.0));
        site.in_lung(site.lung_bounds(side), |site, index, u, v| {
            let weight = site.blob(u, v, centre, radii, 1.5);
            let mottle = 0.8 + 0.5 * site.grain.cloud(u, v, 1.3, 2);
            site.fill(index, strength * weight * mottle);
            if weight > 0.4 {
                site.mark(index);
            }
        });
        septal_lines(site, rng, side);
    }
}

/// Kerley's B lines: short, level, at right angles to the wall.
fn septal_lines(site: &mut Site<'_>, rng: &mut Stream, side: Side) {
    let mut lines = Plane::zero(site.frame.size());
    let base = site.body.dome_top(side);
    for _ in 0..9 {
        let v = base - between(rng, -2.5, 4.0);
        let wall = site.body.cage.at(v) - 0.2;
        let (long, tilt) = (between(rng, 0.9, 1.7), 0.12 * normal(rng));
        let bead = |x: f32, v: f32| Bead {
            u: side.sign() * x,
            v,
            radius: 0.06,
            weight: 9.0,
        };
        site.pen
            .tube(&mut lines, &[bead(wall, v), bead(wall - long, v + tilt)], solid);
    }
    let strength = mix(0.15, 1.0, site.severity);
    site.in_lung(site.lung_bounds(side), |site, index, _, _| {
        let path = lines.values[index];
        if path > 0.0 {
            site.add(index, strength * path);
            site.mark(index);
        }
    });
}
