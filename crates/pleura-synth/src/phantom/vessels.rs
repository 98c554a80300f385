//! The lungs' vessels: trees that start at the hila, branch, taper and end short of the pleura.

use super::anatomy::{Body, Side};
use super::canvas::{Bead, Frame, Pen, Plane, solid};
use super::curve::{mix, step};
use super::seed::{Stream, between, normal, stream};

/// Path through blood vessels, centimetres.
pub(crate) fn trace(body: &Body, frame: Frame, pen: &mut Pen) -> Plane {
    let mut blood = Plane::zero(frame.size());
    for side in Side::BOTH {
        let mut rng = stream(
            body.seed,
            if side == Side::Left {
                "vessels left"
            } else {
                "vessels right"
            },
        );
        let mut tree = Tree {
            body,
            side,
            beads: Vec::new(),
        };
        tree.hilum(&mut rng);
        for (angle, radius) in ROOTS {
            let radius = 1.25 * radius * between(&mut rng, 0.85, 1.15) * body.vessels;
            let upwards = step(0.2, -0.8, angle);
            let radius = radius * mix(1.0, 1.0 + body.cephalic, upwards);
            let heading = angle + 0.12 * normal(&mut rng);
            let (u, v) = body.hilum(side);
            let start = (
                u + side.sign() * between(&mut rng, -0.5, 0.9),
                v + 1.6 * angle.sin() + 0.5,
            );
            tree.grow(&mut rng, start, heading, radius, 0);
        }
        for branch in &tree.beads {
            pen.tube(&mut blood, branch, solid);
        }
    }
    blood
}

/// A branching line from `start` in direction `heading` (0 lateral, positive downwards), for air
/// bronchograms.
pub(crate) fn twigs(
    body: &Body,
    side: Side,
    rng: &mut Stream,
    start: (f32, f32),
    heading: f32,
    radius: f32,
) -> Vec<Vec<Bead>> {
    let mut tree = Tree {
        body,
        side,
        beads: Vec::new(),
    };
    tree.grow(rng, start, heading, radius, 2);
    tree.beads
}

/// Directions (radians below horizontal) and radii (cm) of the segmental vessels of one lung.
const ROOTS: [(f32, f32); 13] = [
    (-1.42, 0.25),
    (-1.15, 0.3),
    (-0.85, 0.26),
    (-0.5, 0.24),
    (-0.15, 0.24),
    (0.2, 0.27),
    (0.5, 0.3),
    (0.75, 0.34),
    (0.95, 0.36),
    (1.1, 0.38),
    (1.28, 0.34),
    (1.42, 0.28),
    (1.6, 0.26),
];

struct Tree<'a> {
    body: &'a Body,
    side: Side,
    beads: Vec<Vec<Bead>>,
}

impl Tree<'_> {
    /// The pulmonary artery's trunk of this side and its interlobar continuation.
    fn hilum(&mut self, rng: &mut Stream) {
        let (u, v) = self.body.hilum(self.side);
        let s = self.side.sign();
        let wide = self.body.vessels * between(rng, 0.85, 1.1);
        let bead = |du: f32, dv: f32, radius: f32| Bead {
            u: u + s * du,
            v: v + dv,
            radius: radius * wide,
            weight: 0.8,
        };
        self.beads.push(vec![
            bead(-2.2, -0.4, 1.15),
            bead(-0.6, 0.0, 1.05),
            bead(0.3, 1.1, 0.85),
            bead(0.9, 3.0, 0.68),
            bead(1.2, 4.6, 0.5),
        ]);
        self.beads.push(vec![
            bead(-1.0, -0.3, 0.8),
            bead(0.1, -1.5, 0.55),
            bead(0.7, -3.0, 0.36),
        ]);
    }

    fn grow(&mut self, rng: &mut Stream, start: (f32, f32), heading: f32, radius: f32, order: u32) {
        if radius < 0.04 || order > 9 {
            return;
        }
        let s = self.side.sign();
        let length = between(rng, 0.8, 1.6) * (1.0 + 3.0 * radius);
        let bend = 0.3 * normal(rng);
        let end_radius = radius * between(rng, 0.78, 0.9);
        let mut branch = Vec::with_capacity(4);
        let (mut u, mut v) = start;
        for piece in 0..4 {
            let part = piece as f32 / 3.0;
            branch.push(Bead {
                u,
                v,
                radius: mix(radius, end_radius, part),
                weight: 1.0,
            });
            let angle = heading + bend * part;
            u += s * angle.cos() * length / 3.0;
            v += angle.sin() * length / 3.0;
        }
        let tip = (branch[3].u, branch[3].v);
        self.beads.push(branch);
        if !self.inside(tip) {
            return;
        }
        let heading = heading + bend;
        let fork = between(rng, 0.18, 0.55);
        // Murray's law: the cubes of the radii add up.
        let share = between(rng, 0.35, 0.65);
        let turn = if between(rng, 0.0, 1.0) < 0.5 { fork } else { -fork };
        self.grow(
            rng,
            tip,
            heading + turn * (1.0 - share),
            end_radius * share.cbrt(),
            order + 1,
        );
        self.grow(
            rng,
            tip,
            heading - turn * share,
            end_radius * (1.0 - share).cbrt(),
            order + 1,
        );
    }

    /// True if at least a centimetre from the pleura.
    fn inside(&self, (u, v): (f32, f32)) -> bool {
        let x = u.abs();
        let cage = self.body.cage.at(v);
        v > self.body.apex() + 0.8
            && x < cage - 1.0
            && u * self.side.sign() > 0.0
            && v < self.body.dome(self.side, x, cage) + 0.5
    }
}
