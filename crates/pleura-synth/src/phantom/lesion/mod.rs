//! Findings, as changes of the rays' paths.
//!
//! The position of a finding depends only on the patient, so it is the same on all of a patient's films.

mod airspace;
mod focal;
mod interstitial;
mod pleural;

use super::anatomy::{Body, Side};
use super::canvas::{Bead, Bounds, Frame, Pen, Plane};
use super::curve::{Lattice, length, step};
use super::finding::Finding;
use super::seed::{Stream, between, derive, stream};
use super::thorax::Thorax;
use super::vessels;

/// The effect of a film's findings on its rays.
pub(crate) struct Disease {
    /// Share of the lung's air that is replaced by tissue or fluid, 0..1.
    pub(crate) solid: Plane,
    /// Share of the lung's path that is free air without lung, 0..1.
    pub(crate) freed: Plane,
    /// Tissue added to the path, centimetres; negative for gas.
    pub(crate) added: Plane,
    /// The visible lesion.
    pub(crate) mask: Vec<bool>,
}

impl Disease {
    /// All `findings` of one film, at `severity` 0..1.
    pub(crate) fn of(
        findings: &[Finding],
        severity: f32,
        body: &Body,
        thorax: &Thorax,
        frame: Frame,
        pen: &mut Pen,
    ) -> Self {
        let size = frame.size();
        let none = Self {
            solid: Plane::zero(size),
            freed: Plane::zero(size),
            added: Plane::zero(size),
            mask: vec![false; size * size],
        };
        let mut site = Site {
            body,
            thorax,
            frame,
            pen,
            severity,
            disease: none,
            grain: Lattice::new(0),
        };
        // Drawn in a fixed order, independent of the order of the labels.
        let mut findings = findings.to_vec();
        findings.sort_unstable();
        findings.dedup();
        for finding in findings {
            let mut rng = stream(body.seed, finding.name());
            site.grain = Lattice::new(derive(body.seed, finding.name()));
            site.draw(finding, &mut rng);
        }
        site.disease
    }
}

/// Working data of a finding.
struct Site<'a> {
    body: &'a Body,
    thorax: &'a Thorax,
    frame: Frame,
    pen: &'a mut Pen,
    severity: f32,
    disease: Disease,
    /// The finding's own noise.
    grain: Lattice,
}

impl Site<'_> {
    fn draw(&mut self, finding: Finding, rng: &mut Stream) {
        match finding {
            Finding::Atelectasis => interstitial::atelectasis(self, rng),
            Finding::Cardiomegaly => self.mark_all(|thorax, index| thorax.heart[index]),
            Finding::Effusion => pleural::effusion(self, rng),
            Finding::Infiltration => airspace::infiltration(self, rng),
            Finding::Mass => focal::mass(self, rng),
            Finding::Nodule => focal::nodules(self, rng),
            Finding::Pneumonia => airspace::lobar_pneumonia(self, rng),
            Finding::Pneumothorax => pleural::pneumothorax(self, rng),
            Finding::Consolidation => airspace::consolidation(self, rng),
            Finding::Edema => airspace::edema(self, rng),
            Finding::Emphysema => interstitial::emphysema(self, rng),
            Finding::Fibrosis => interstitial::fibrosis(self, rng),
            Finding::PleuralThickening => pleural::thickening(self, rng),
            Finding::Hernia => focal::hernia(self, rng),
            Finding::Covid19 => airspace::covid(self, rng),
        }
    }

    /// Replaces a share of the air at a pixel. Solid parts stay solid.
    fn fill(&mut self, index: usize, share: f32) {
        let solid = &mut self.disease.solid.values[index];
        *solid = 1.0 - (1.0 - *solid) * (1.0 - share.clamp(0.0, 0.97));
    }

    /// Adds tissue to the path at a pixel.
    fn add(&mut self, index: usize, tissue: f32) {
        self.disease.added.values[index] += tissue;
    }

    /// Marks a pixel as lesion if lung is visible there: in the lung fields or through the heart.
    fn mark(&mut self, index: usize) {
        let through_heart = self.thorax.heart[index] && self.thorax.lung.values[index] > 2.5;
        self.disease.mask[index] |= self.thorax.field[index] || through_heart;
    }

    /// Marks a pixel as lesion if it is inside the chest.
    fn mark_in_chest(&mut self, index: usize) {
        self.disease.mask[index] |= self.thorax.chest[index];
    }

    fn mark_all(&mut self, inside: impl Fn(&Thorax, usize) -> bool) {
        for index in 0..self.disease.mask.len() {
            if inside(self.thorax, index) {
                self.mark_in_chest(index);
            }
        }
    }

    /// Calls `each(site, index, u, v)` for the pixels of `bounds` whose rays meet lung.
    fn in_lung(&mut self, bounds: Bounds, mut each: impl FnMut(&mut Self, usize, f32, f32)) {
        let frame = self.frame;
        frame.visit(bounds, |index, u, v| {
            if self.thorax.lung.values[index] > 0.0 {
                each(self, index, u, v);
            }
        });
    }

    /// The rectangle around one lung.
    fn lung_bounds(&self, side: Side) -> Bounds {
        let s = side.sign();
        Bounds {
            left: (s * 17.0).min(0.0),
            right: (s * 17.0).max(0.0),
            top: self.body.apex(),
            bottom: 20.0,
        }
    }

    /// A point in the lung: `outward` 0 at the mediastinum to 1 at the wall, `down` 0 at the apex to 1 at the
    /// dome, `margin` centimetres from every border.
    fn place(&self, side: Side, outward: f32, down: f32, margin: f32) -> (f32, f32) {
        let top = self.body.apex() + margin;
        // The dome's height and the lung's width depend on each other: two iterations suffice.
        let mut v = top + down * (self.body.dome_top(side) - margin - top);
        let mut x = 0.0;
        for _ in 0..2 {
            let cage = self.body.cage.at(v);
            let near = self.inner_border(side, v) + margin;
            x = near + outward * (cage - margin - near).max(0.0);
            v = top + down * (self.body.dome(side, x, cage) - margin - top);
        }
        (side.sign() * x, v)
    }

    /// The medial limit of visible lung (mediastinum or heart), as a distance from the midline.
    fn inner_border(&self, side: Side, v: f32) -> f32 {
        let mut x = self.body.medial(side, v);
        while x < 12.0 && self.body.heart.reach(side.sign() * x, v) < 1.0 {
            x += 0.25;
        }
        x
    }

    /// A round weight with an irregular border: 1 inside, 0 outside.
    fn blob(&self, u: f32, v: f32, centre: (f32, f32), radii: (f32, f32), softness: f32) -> f32 {
        let q = length((u - centre.0) / radii.0, (v - centre.1) / radii.1);
        let ragged = q * (1.0 + 0.38 * self.grain.cloud(u, v, 2.8, 3));
        step(1.0 + 0.5 * softness, 1.0 - 0.5 * softness, ragged)
    }

    /// Share of each ray's path inside the bronchi that branch from `start` towards `heading`: 0..1.
    fn bronchi(&mut self, side: Side, rng: &mut Stream, start: (f32, f32), heading: f32) -> Plane {
        let mut air = Plane::zero(self.frame.size());
        for fan in [-0.3, 0.3] {
            let heading = heading + fan + between(rng, -0.1, 0.1);
            for branch in vessels::twigs(self.body, side, rng, start, heading, 0.3) {
                let branch: Vec<Bead> = branch
                    .into_iter()
                    .map(|bead| Bead {
                        radius: 0.75 * bead.radius,
                        weight: 1.0 / bead.radius,
                        ..bead
                    })
                    .collect();
                self.pen
                    .tube(&mut air, &branch, |q| (1.0 - q * q).max(0.0).sqrt());
            }
        }
        air.values.iter_mut().for_each(|share| *share = share.min(1.0));
        air
    }
}
