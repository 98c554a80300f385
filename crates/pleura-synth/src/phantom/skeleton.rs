//! Bones: path lengths of bone in centimetres.

use std::f32::consts::PI;

use super::anatomy::{Body, Side};
use super::canvas::{Bead, Bounds, Frame, Pen, Plane, solid};
use super::curve::{Lattice, Profile, mix, step};
use super::seed::{between, normal, stream};

/// All bones of the film.
pub(crate) fn trace(body: &Body, frame: Frame, pen: &mut Pen) -> Plane {
    let mut bone = Plane::zero(frame.size());
    ribs(body, pen, &mut bone);
    spine(body, frame, &mut bone);
    clavicles(body, pen, &mut bone);
    shoulders(body, frame, pen, &mut bone);
    sternum(body, pen, &mut bone);
    calcified_arch(body, pen, &mut bone);
    let strength = body.bone;
    bone.values.iter_mut().for_each(|path| *path *= strength);
    bone
}

/// A marrow core in a denser shell, which makes a bone's edges brighter than its centre.
fn shell(q: f32) -> f32 {
    let rim = ((q - 0.82) / 0.16).powi(2);
    0.75 * (1.0 - q * q).max(0.0).sqrt() + 0.75 * (1.0 - rim).max(0.0)
}

/// Eleven pairs of ribs, each a helix on the rib cage from the spine to the cartilage.
fn ribs(body: &Body, pen: &mut Pen, bone: &mut Plane) {
    const PIECES: usize = 40;
    let (_, h) = body.scale;
    // Ends of the bony part, as a share of the path from spine to sternum.
    let ends = Profile::through(&[
        (0.0, 0.86),
        (1.0, 0.84),
        (5.0, 0.79),
        (7.0, 0.74),
        (8.0, 0.66),
        (10.0, 0.5),
    ]);
    let mut rng = stream(body.seed, "ribs");
    let thickness = between(&mut rng, 0.52, 0.66);
    let slope = between(&mut rng, 0.92, 1.1);
    for side in Side::BOTH {
        for rib in 0..11 {
            let number = rib as f32;
            let start = (-13.7 + 2.15 * number + 0.08 * normal(&mut rng)) * h;
            let fall = (5.6 + 0.62 * number.min(7.0)) * slope * h;
            let end = ends.at(number) * PI;
            let beads: Vec<Bead> = (0..=PIECES)
                .map(|piece| {
                    let angle = mix(0.11 * PI, end, piece as f32 / PIECES as f32);
                    let turned = (1.0 - angle.cos()) / 2.0;
                    let v = start - 0.5 * (2.0 * angle).sin().max(0.0) * h + fall * turned.powf(1.15);
                    let cage = body.cage.at(v) + 0.35;
                    let reach = if rib == 0 { 0.93 } else { 1.0 };
                    let depth = -0.5 * body.lung_depth.at(v) * angle.cos();
                    // A ray tangential to the cage runs along the rib.
                    let graze = 1.0 / (angle.cos().abs() + 0.16 * angle.sin()).max(0.6);
                    let front = step(0.5, 0.62, angle / PI);
                    let fade = 1.0 - step(0.9, 1.0, (angle - 0.11 * PI) / (end - 0.11 * PI));
                    Bead {
                        u: side.sign() * cage * reach * angle.sin() + body.yaw * depth * 2.0,
                        v,
                        radius: thickness * mix(0.95, 1.12, front),
                        weight: graze * mix(0.85, 0.6, front) * mix(0.3, 1.0, fade),
                    }
                })
                .collect();
            pen.tube(bone, &beads, shell);
        }
    }
}

/// Vertebral bodies with discs between, pedicles, spinous processes.
fn spine(body: &Body, frame: Frame, bone: &mut Plane) {
    let h = body.scale.1;
    let grain = Lattice::new(body.seed ^ 0x5b1e);
    let bounds = Bounds {
        left: -6.0,
        right: 6.0,
        top: -28.0,
        bottom: 28.0,
    };
    frame.visit(bounds, |index, u, v| {
        let down = step(-16.0, 14.0, v / h);
        let half = mix(1.35, 2.1, down);
        let x = u - body.spine(v);
        let q = x.abs() / half;
        if q > 1.9 {
            return;
        }
        let height = 2.35 * h;
        let phase = (v / height).rem_euclid(1.0);
        // Vertebral bodies are narrow in the middle and wide at the end plates.
        let waist = half * (0.9 + 0.1 * (2.0 * (phase - 0.5)).powi(2));
        let across = x.abs() / waist;
        let disc = step(0.1, 0.02, phase.min(1.0 - phase));
        let plate = step(0.07, 0.0, (phase.min(1.0 - phase) - 0.1).abs());
        let mut path = 0.0;
        if across < 1.0 {
            path += (1.0 + 0.7 * down) * (1.0 - across.powi(4)).powf(0.6) * (1.0 - 0.6 * disc) + 0.5 * plate;
            path *= 1.0 + 0.08 * grain.at(u, v, 0.5);
        }
        let pedicle =
            (((x.abs() - 0.62 * half) / 0.36).powi(2) + ((phase - 0.36) * height / 0.55).powi(2)).sqrt();
        path += 0.8 * shell(pedicle.min(1.0));
        let process = ((x / 0.28).powi(2) + ((phase - 0.74) * height / 0.8).powi(2)).sqrt();
        path += 0.9 * solid(process.min(1.0)) * 0.5;
        // Transverse processes.
        let wing = ((phase - 0.3) * height / 0.42).powi(2) + ((x.abs() - 1.3 * half) / (0.55 * half)).powi(2);
        path += 0.5 * (1.0 - wing).max(0.0).sqrt();
        bone.values[index] += path;
    });
}

fn clavicles(body: &Body, pen: &mut Pen, bone: &mut Plane) {
    let (w, h) = body.scale;
    let mut rng = stream(body.seed, "clavicles");
    let steep = between(&mut rng, -0.6, 1.2);
    let drop = body.shoulder_drop;
    for side in Side::BOTH {
        let s = side.sign();
        let bead = |x: f32, v: f32, radius: f32| Bead {
            u: s * x * w + body.yaw * mix(9.0, 2.0, x / 16.0),
            v: v * h,
            radius,
            weight: 1.15,
        };
        let beads = [
            bead(1.7, -9.2, 0.95),
            bead(3.0, -9.7 - 0.2 * steep, 0.75),
            bead(5.0, -10.7 - 0.4 * steep, 0.6),
            bead(7.5, -11.7 - 0.7 * steep + 0.2 * drop, 0.55),
            bead(10.0, -12.2 - 0.9 * steep + 0.4 * drop, 0.55),
            bead(12.5, -12.4 - 1.0 * steep + 0.6 * drop, 0.62),
            bead(14.6, -12.4 - 1.0 * steep + 0.8 * drop, 0.75),
            bead(16.0, -12.3 - 1.0 * steep + 0.8 * drop, 0.7),
        ];
        pen.tube(bone, &smooth(&beads), shell);
    }
}

/// Scapula, head and shaft of the humerus.
fn shoulders(body: &Body, frame: Frame, pen: &mut Pen, bone: &mut Plane) {
    let (w, h) = body.scale;
    let drop = 0.8 * body.shoulder_drop * h;
    // With the shoulders rolled forward, the scapulae leave the lungs.
    let aside = mix(-1.6, 0.9, body.arms);
    for side in Side::BOTH {
        let s = side.sign();
        let bead = |x: f32, v: f32, radius: f32, weight: f32| Bead {
            u: s * (x + aside) * w,
            v: v * h + drop,
            radius,
            weight,
        };
        let glenoid = (15.6, -9.9);
        let tip = (13.2, 2.4);
        let top = (9.7, -10.4);
        pen.tube(
            bone,
            &smooth(&[
                bead(glenoid.0, glenoid.1, 0.6, 0.7),
                bead(14.6, -5.0, 0.5, 0.75),
                bead(tip.0, tip.1, 0.45, 0.6),
            ]),
            shell,
        );
        pen.tube(
            bone,
            &smooth(&[
                bead(tip.0, tip.1, 0.4, 0.4),
                bead(11.0, -4.0, 0.28, 0.45),
                bead(top.0, top.1, 0.3, 0.4),
            ]),
            shell,
        );
        pen.tube(
            bone,
            &smooth(&[
                bead(top.0, -9.0, 0.4, 0.35),
                bead(13.0, -11.2, 0.55, 0.5),
                bead(16.6, -12.4, 0.8, 0.55),
            ]),
            shell,
        );
        // The scapula's blade is a thin plate between its borders.
        frame.visit(
            Bounds {
                left: s.min(0.0) * 20.0 * w,
                right: s.max(0.0) * 20.0 * w,
                top: -13.0 * h,
                bottom: 5.0 * h,
            },
            |index, u, v| {
                let x = s * u / w - aside;
                let y = (v - drop) / h;
                let part = (y - top.1) / (tip.1 - top.1);
                if (0.0..1.0).contains(&part) {
                    let (inner, outer) = (mix(top.0, tip.0, part.powf(1.3)), mix(glenoid.0, tip.0, part));
                    bone.values[index] += 0.3 * step(inner, inner + 0.3, x) * step(outer, outer - 0.3, x);
                }
            },
        );
        let head = (17.6 + 0.6 * body.arms, -10.4);
        pen.tube(
            bone,
            &[
                bead(head.0, head.1, 2.2, 0.3),
                bead(head.0 + 0.05, head.1 + 0.1, 2.2, 0.3),
            ],
            shell,
        );
        let elbow = (19.8 + 7.0 * body.arms, head.1 + 24.0);
        pen.tube(
            bone,
            &[
                bead(head.0, head.1 + 1.0, 1.7, 0.45),
                bead(mix(head.0, elbow.0, 0.18), mix(head.1, elbow.1, 0.2), 1.15, 0.75),
                bead(elbow.0, elbow.1, 1.1, 0.8),
            ],
            shell,
        );
    }
}

fn sternum(body: &Body, pen: &mut Pen, bone: &mut Plane) {
    let h = body.scale.1;
    let u = body.yaw * 9.0;
    let bead = |v: f32, radius: f32| Bead {
        u,
        v: v * h,
        radius,
        weight: 0.13,
    };
    pen.tube(
        bone,
        &[bead(-9.0, 2.3), bead(-6.0, 1.8), bead(-4.0, 1.6), bead(6.0, 1.8)],
        shell,
    );
}

/// Calcium in the wall of the aortic arch: a thin crescent on its outer border.
fn calcified_arch(body: &Body, pen: &mut Pen, bone: &mut Plane) {
    let (u, v, radius) = body.aorta;
    let beads: Vec<Bead> = (0..=8_u8)
        .map(|piece| {
            let angle = -0.9 + 1.7 * f32::from(piece) / 8.0;
            let (sin, cos) = angle.sin_cos();
            let taper = (PI * f32::from(piece) / 8.0).sin();
            Bead {
                u: u + 0.93 * radius * cos,
                v: v + 0.93 * radius * sin,
                radius: 0.09,
                weight: 3.0 * body.calcified * taper,
            }
        })
        .collect();
    pen.tube(bone, &beads, solid);
}

/// Four beads between neighbours, on a Catmull-Rom curve.
fn smooth(beads: &[Bead]) -> Vec<Bead> {
    let at = |index: isize| beads[index.clamp(0, beads.len() as isize - 1) as usize];
    let mut fine = Vec::with_capacity(4 * beads.len());
    for index in 0..beads.len() as isize - 1 {
        let (before, from, to, after) = (at(index - 1), at(index), at(index + 1), at(index + 2));
        for quarter in 0..4 {
            let t = quarter as f32 / 4.0;
            let curve = |a: f32, b: f32, c: f32, d: f32| {
                b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
            };
            fine.push(Bead {
                u: curve(before.u, from.u, to.u, after.u),
                v: curve(before.v, from.v, to.v, after.v),
                radius: mix(from.radius, to.radius, t),
                weight: mix(from.weight, to.weight, t),
            });
        }
    }
    fine.push(beads[beads.len() - 1]);
    fine
}
