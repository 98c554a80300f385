//! Path lengths through the soft parts: body, lungs, heart, great vessels, airways, stomach.

use super::anatomy::{Body, Side};
use super::canvas::{Bead, Bounds, Frame, Pen, Plane, solid};
use super::curve::{Lattice, length, mix, step};
use super::seed::{Stream, between, stream};

/// Path lengths of the rays without findings, in centimetres.
pub(crate) struct Thorax {
    /// Tissue if the lungs were solid.
    pub(crate) body: Plane,
    /// Path through lung.
    pub(crate) lung: Plane,
    /// Air outside the lungs: trachea, bronchi, stomach.
    pub(crate) gas: Plane,
    /// The lung fields as a radiologist would draw them, without heart and mediastinum.
    pub(crate) field: Vec<bool>,
    /// Inside the heart's silhouette.
    pub(crate) heart: Vec<bool>,
    /// Inside the rib cage, above the domes or in the mediastinum.
    pub(crate) chest: Vec<bool>,
}

impl Thorax {
    pub(crate) fn trace(body: &Body, frame: Frame, pen: &mut Pen) -> Self {
        let size = frame.size();
        let mut thorax = Self {
            body: Plane::zero(size),
            lung: Plane::zero(size),
            gas: Plane::zero(size),
            field: vec![false; size * size],
            heart: vec![false; size * size],
            chest: vec![false; size * size],
        };
        thorax.trace_body(body, frame);
        thorax.trace_lungs(body, frame);
        thorax.trace_breasts(body, frame);
        thorax.trace_airways(body, pen);
        thorax.trace_stomach(body, frame);
        thorax
    }

    fn trace_body(&mut self, body: &Body, frame: Frame) {
        let fat = Lattice::new(body.seed ^ 0x0fa7);
        let (w, h) = body.scale;
        let drop = body.shoulder_drop * h;
        let arm = |side: Side| {
            let s = side.sign();
            // Shoulder, then elbow: further lateral if the shoulders are rolled forward.
            let shoulder = (s * 17.2 * w, -10.3 * h + 0.8 * drop);
            (shoulder, (s * (19.8 + 7.0 * body.arms) * w, shoulder.1 + 24.0))
        };
        let arms = Side::BOTH.map(arm);
        let arm_radius = 3.6 + 0.35 * body.wall;
        frame.visit_all(|index, u, v| {
            let half = body.skin.at(v);
            let x = u.abs();
            let trunk = if x < half {
                2.0 * body.half_depth.at(v) * barrel(x / half)
            } else {
                0.0
            };
            let (from, to) = arms[Side::of(u) as usize];
            let limb = 2.0
                * (arm_radius.powi(2) - squared_distance((u, v), from, to))
                    .max(0.0)
                    .sqrt();
            // Overlapping parts of arm and trunk count once.
            let path = trunk.max(limb) + 0.25 * trunk.min(limb);
            self.body.values[index] = path * (1.0 + 0.03 * fat.cloud(u, v, 9.0, 2));
        });
    }

    fn trace_lungs(&mut self, body: &Body, frame: Frame) {
        let soft = (1.2 * frame.pixel()).max(0.12);
        let (knob_u, knob_v, knob_r) = body.aorta;
        let bounds = Bounds {
            left: -17.0,
            right: 17.0,
            top: body.apex() - 0.5,
            bottom: 20.0,
        };
        let (heart_u, heart_v) = body.heart.centre();
        let heart_reach = body.heart.extent();
        frame.visit(bounds, |index, u, v| {
            let side = Side::of(u - body.mediastinal_shift);
            let x = u.abs();
            let cage = body.cage.at(v);
            if x >= cage || v < body.apex() {
                return;
            }
            let medial = body.medial(side, v);
            // Below the great vessels, the lungs approach each other in front of and behind the mediastinum.
            let narrow = 0.3 * step(-9.0, -2.0, v) * step(body.apex(), body.apex() + 6.0, v);
            let border = step(medial - 0.15 - soft, medial + 0.2 + soft, x);
            let open = mix(narrow, 1.0, border);
            let dome = body.dome(side, x, cage);
            let above = step(-soft, soft, dome - v);
            // Behind the dome the lung continues downwards and gets thinner.
            let recess = if v > dome {
                0.2 * (1.0 - step(0.0, 5.0, v - dome))
            } else {
                0.2
            };
            let through = body.lung_depth.at(v) * barrel(x / cage);
            let near = (u - heart_u).abs() < heart_reach && (v - heart_v).abs() < heart_reach;
            let reach = if near { body.heart.reach(u, v) } else { 2.0 };
            let mut solid_before = if reach < 1.0 {
                body.heart_depth * (1.0 - reach.powi(3)).sqrt()
            } else {
                0.0
            };
            let knob = length(u - knob_u, v - knob_v) / knob_r;
            solid_before += 7.0 * (1.0 - knob * knob).max(0.0).sqrt();
            // The descending aorta, left of the spine and behind the heart.
            let aorta = (u - mix(knob_u + 0.2, 1.3, step(-5.0, 9.0, v))).abs() / 1.35;
            if v > knob_v {
                solid_before += 2.6 * (1.0 - aorta * aorta).max(0.0).sqrt();
            }
            let air = through * open;
            self.lung.values[index] = (air - solid_before).max(0.0) * above + (air * recess) * (1.0 - above);
            let inside = above > 0.5;
            self.heart[index] = reach < 1.0;
            self.chest[index] = inside || (x < 5.0 && v < body.dome_top(side) + 2.5) || reach < 1.0;
            self.field[index] = inside && border > 0.5 && reach >= 1.0 && knob >= 1.0;
        });
    }

    fn trace_breasts(&mut self, body: &Body, frame: Frame) {
        if body.breast < 0.05 {
            return;
        }
        let (w, h) = body.scale;
        let (across, down) = (5.6 * w + 0.3 * body.breast, 5.0 + 0.7 * body.breast);
        for side in Side::BOTH {
            let (u0, v0) = (
                side.sign() * (8.2 * w + 0.3 * body.breast) + body.yaw * 11.0,
                2.6 * h + 0.9 * body.breast,
            );
            frame.visit(Bounds::around(u0, v0, across.max(down) * 1.6), |index, u, v| {
                // Solid below, fading above.
                let stretch = if v < v0 { 1.5 } else { 1.0 };
                let q = ((u - u0) / across).powi(2) + ((v - v0) / (down * stretch)).powi(2);
                if q < 1.0 && self.body.values[index] > 0.5 {
                    let hang = mix(0.35, 1.0, step(-1.4, 0.4, (v - v0) / down));
                    self.body.values[index] += 1.5 * body.breast * hang * (1.0 - q).powf(0.6);
                }
            });
        }
    }

    fn trace_airways(&mut self, body: &Body, pen: &mut Pen) {
        let h = body.scale.1;
        let shift = body.mediastinal_shift + body.yaw * 1.5;
        let bead = |u: f32, v: f32, radius: f32| Bead {
            u: u + shift,
            v: v * h,
            radius,
            weight: 0.85,
        };
        pen.tube(
            &mut self.gas,
            &[
                bead(0.0, -25.0, 0.9),
                bead(0.0, -14.0, 0.85),
                bead(0.3, -8.0, 0.85),
                bead(0.5, -3.9, 0.95),
            ],
            solid,
        );
        for side in Side::BOTH {
            let (u, v) = body.hilum(side);
            let steep = if side == Side::Right { 0.9 } else { 0.4 };
            let bronchus = [
                bead(0.5, -4.2, 0.75),
                Bead {
                    u: mix(0.5, u, 0.6),
                    v: mix(-4.0 * h, v, 0.75),
                    radius: 0.6,
                    weight: 0.75,
                },
                Bead {
                    u,
                    v: v + steep,
                    radius: 0.45,
                    weight: 0.6,
                },
            ];
            pen.tube(&mut self.gas, &bronchus, solid);
        }
    }

    fn trace_stomach(&mut self, body: &Body, frame: Frame) {
        let mut rng = stream(body.seed, "stomach");
        let rng: &mut Stream = &mut rng;
        let lumps = Lattice::new(body.seed ^ 0x57);
        let mut bubble = |u0: f32, v0: f32, across: f32, down: f32, path: f32, level: f32| {
            frame.visit(Bounds::around(u0, v0, across.max(down) + 0.6), |index, u, v| {
                let ragged = 1.0 + 0.14 * lumps.cloud(u, v, 2.2, 2);
                let q = (((u - u0) / across).powi(2) + ((v - v0) / down).powi(2)) * ragged;
                if q < 1.0 {
                    let dry = 1.0 - step(level - 0.12, level + 0.12, v);
                    self.gas.values[index] += path * (1.0 - q).sqrt() * dry;
                }
            });
        };
        let (size, path) = (between(rng, 0.7, 1.35), between(rng, 2.5, 6.0));
        let u = between(rng, 4.6, 7.2);
        let cage = body.cage.at(8.0);
        let roof = body.dome(Side::Left, u, cage) + 0.5;
        let down = 1.35 * size;
        let level = if body.supine {
            99.0
        } else {
            roof + down + between(rng, 0.0, 1.0) * down
        };
        bubble(u, roof + down, 2.5 * size, down, path, level);
        for _ in 0..4 {
            // The left flexure of the colon, and gas in the small bowel: low on the film, if within the
            // field.
            let (u, v) = (between(rng, 2.0, 10.0), roof + between(rng, 5.0, 9.0));
            bubble(
                u,
                v,
                between(rng, 0.8, 1.8),
                between(rng, 0.7, 1.4),
                between(rng, 0.8, 3.0),
                99.0,
            );
        }
    }
}

/// Depth of a rounded box at a fraction of its half width: a superellipse with powers 5/2 and 2.
fn barrel(part: f32) -> f32 {
    (1.0 - part * part * part.sqrt()).max(0.0).sqrt()
}

fn squared_distance(point: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (x, y) = (point.0 - from.0, point.1 - from.1);
    let along = ((x * dx + y * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - along * dx).powi(2) + (y - along * dy).powi(2)
}
