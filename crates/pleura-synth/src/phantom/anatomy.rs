//! The chest of one patient, and its pose on one film. Lengths are centimetres.

use std::f32::consts::FRAC_PI_8;

use super::curve::{Outline, Profile, step};
use super::finding::Finding;
use super::seed::{Stream, between, normal, stream};
use pleura_manifest::Sex;

/// Properties that are the same on every film of a patient.
#[derive(Debug, Clone)]
pub(crate) struct Patient {
    pub(crate) seed: u64,
    sex: Sex,
    age: f32,
    width: f32,
    height: f32,
    depth: f32,
    /// Thickness of the lateral chest wall.
    wall: f32,
    heart: f32,
    heart_tilt: f32,
    shoulder_drop: f32,
    dome_difference: f32,
    scoliosis: f32,
    bone: f32,
    breast: f32,
}

impl Patient {
    /// The patient of a seed. Sex and age change the chest; findings do not.
    pub(crate) fn of(seed: u64, sex: Sex, age: f32) -> Self {
        let mut rng = stream(seed, "anatomy");
        let rng = &mut rng;
        let female = sex == Sex::Female;
        let habitus = between(rng, 0.0, 1.0).powi(2);
        let old = step(45.0, 85.0, age);
        Self {
            seed,
            sex,
            age,
            width: (if female { 0.95 } else { 1.03 }) * (1.0 + 0.035 * normal(rng)),
            height: (if female { 0.96 } else { 1.02 }) * (1.0 + 0.04 * normal(rng)),
            depth: 1.0 + 0.06 * normal(rng) + 0.05 * old,
            wall: 1.9 + 3.6 * habitus + 0.3 * between(rng, 0.0, 1.0),
            heart: 0.96 + 0.035 * normal(rng) + 0.03 * old,
            heart_tilt: 0.09 * normal(rng) - 0.12 * habitus,
            shoulder_drop: 1.2 * normal(rng),
            dome_difference: 0.9 + 0.4 * normal(rng),
            scoliosis: 0.5 * normal(rng),
            bone: 1.05 - 0.35 * old + 0.12 * normal(rng),
            breast: if female {
                between(rng, 0.6, 2.6) * (0.7 + 1.2 * habitus)
            } else {
                between(rng, 0.0, 0.5)
            },
        }
    }
}

/// The pose on one film.
#[derive(Debug, Clone)]
pub(crate) struct Pose {
    /// Width of the square film.
    pub(crate) field: f32,
    pub(crate) centre: (f32, f32),
    /// Rotation in the film's plane, radians.
    pub(crate) roll: f32,
    /// Rotation about the spine, radians.
    yaw: f32,
    /// Downward shift of the domes.
    inspiration: f32,
    /// True for rays from the front to the back, which enlarge the heart.
    pub(crate) anteroposterior: bool,
    pub(crate) supine: bool,
    arms: f32,
}

impl Pose {
    /// Draws the pose of one film.
    pub(crate) fn draw(rng: &mut Stream, anteroposterior: bool, supine: bool) -> Self {
        let lazy = if anteroposterior { 1.6 } else { 1.0 };
        Self {
            field: between(rng, 33.5, 39.5) - if anteroposterior { 1.0 } else { 0.0 },
            centre: (0.7 * lazy * normal(rng), -0.3 + 0.9 * lazy * normal(rng)),
            roll: 0.022 * lazy * normal(rng),
            yaw: 0.045 * lazy * normal(rng),
            inspiration: 0.7 * normal(rng)
                - if anteroposterior { 0.7 } else { 0.0 }
                - if supine { 0.6 } else { 0.0 },
            anteroposterior,
            supine,
            arms: between(rng, 0.6, 1.0) * if anteroposterior { 0.55 } else { 1.0 },
        }
    }
}

/// A side of the body, as a sign of `u`: the patient's right is on the image's left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Right,
    Left,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Right, Self::Left];

    pub(crate) fn sign(self) -> f32 {
        match self {
            Self::Right => -1.0,
            Self::Left => 1.0,
        }
    }

    pub(crate) fn of(u: f32) -> Self {
        if u < 0.0 { Self::Right } else { Self::Left }
    }

    pub(crate) fn synthetic_output(rng: &mut Stream) -> Self {
        if between(rng, 0.0, 1.0) < 0.5 {
            Self::Right
        } else {
            Self::Left
        }
    }
}

/// A patient on a film: the curves from which everything else is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) seed: u64,
    /// Inner half width of the rib cage over `v`.
    pub(crate) cage: Profile,
    /// Half width of the trunk, shoulders and neck over `v`.
    pub(crate) skin: Profile,
    /// Half depth of the body over `v`.
    pub(crate) half_depth: Profile,
    /// Front-to-back depth of the lungs over `v`.
    pub(crate) lung_depth: Profile,
    medial: [Profile; 2],
    dome: [f32; 2],
    dome_flatness: f32,
    pub(crate) heart: Outline,
    pub(crate) heart_depth: f32,
    pub(crate) aorta: (f32, f32, f32),
    /// Calcium in the aortic arch, 0..1.
    pub(crate) calcified: f32,
    /// Horizontal shift of parts `z` in front of (+) or behind (-) the middle, per centimetre.
    pub(crate) yaw: f32,
    /// Shift of the mediastinum towards a collapsed side.
    pub(crate) mediastinal_shift: f32,
    pub(crate) scoliosis: f32,
    pub(crate) bone: f32,
    pub(crate) breast: f32,
    pub(crate) wall: f32,
    pub(crate) shoulder_drop: f32,
    pub(crate) scale: (f32, f32),
    pub(crate) arms: f32,
    pub(crate) supine: bool,
    /// Relative calibre of the lung vessels, and of those in the upper zones.
    pub(crate) vessels: f32,
    pub(crate) cephalic: f32,
    /// Share of tissue in aerated lung.
    pub(crate) lung_tissue: f32,
    /// The side with volume loss.
    pub(crate) collapsed: Option<Side>,
}

impl Body {
    /// The patient in a pose, with the findings' changes of shape. `severity` is 0..1.
    pub(crate) fn assemble(patient: &Patient, pose: &Pose, findings: &[Finding], severity: f32) -> Self {
        let has = |finding| findings.contains(&finding);
        let degree = |finding| if has(finding) { severity } else { 0.0 };
        let (emphysema, fibrosis) = (degree(Finding::Emphysema), degree(Finding::Fibrosis));
        let collapsed = has(Finding::Atelectasis)
            .then(|| Side::synthetic_output(&mut stream(patient.seed, "side of atelectasis")));
        let collapse = 2.0 * degree(Finding::Atelectasis);
        let (w, h) = (patient.width * (1.0 + 0.02 * emphysema), patient.height);
        let d = patient.depth * (1.0 + 0.12 * emphysema - 0.06 * fibrosis);
        let base = 7.9 * h + pose.inspiration + 2.2 * emphysema - 1.6 * fibrosis;
        let raised = |side| if collapsed == Some(side) { collapse } else { 0.0 };
        let dome = [
            base - raised(Side::Right),
            base + patient.dome_difference - raised(Side::Left),
        ];
        let shift = collapsed.map_or(0.0, |side| 0.45 * collapse * side.sign());
        let large = patient.heart
            * patient.width
            * (1.0 + 0.38 * (0.55 + 0.45 * severity) * if has(Finding::Cardiomegaly) { 1.0 } else { 0.0 })
            * (1.0 + 0.07 * degree(Finding::Edema))
            * (1.0 - 0.12 * emphysema)
            * if pose.anteroposterior { 1.08 } else { 1.0 };
        let old = step(45.0, 80.0, patient.age);
        let fat = patient.wall;
        Self {
            seed: patient.seed,
            cage: Profile::through(&scaled(&CAGE, h, w)),
            skin: Profile::through(&skin(w, h, fat, patient.shoulder_drop)),
            half_depth: Profile::through(&scaled(&HALF_DEPTH, h, 0.86 * d + 0.05 * fat)),
            lung_depth: Profile::through(&scaled(&LUNG_DEPTH, h, d)),
            medial: [
                Profile::through(&scaled(&MEDIAL_RIGHT, h, 1.0)),
                Profile::through(&scaled(&MEDIAL_LEFT, h, 1.0)),
            ],
            dome,
            dome_flatness: 1.0 - 0.6 * emphysema,
            heart: heart(
                large,
                patient.heart_tilt,
                0.6 * (dome[1] - 8.8),
                shift + pose.yaw * 4.0,
                emphysema,
            ),
            heart_depth: 9.0 * large,
            aorta: (1.9 + 0.5 * old + shift, -5.4 * h, 1.55 + 0.45 * old),
            calcified: step(60.0, 80.0, patient.age) * if patient.seed.is_multiple_of(2) { 1.0 } else { 0.3 },
            yaw: pose.yaw,
            mediastinal_shift: shift,
            scoliosis: patient.scoliosis,
            bone: patient.bone,
            breast: if pose.supine { 0.7 } else { 1.0 } * patient.breast,
            wall: fat,
            shoulder_drop: patient.shoulder_drop,
            scale: (w, h),
            arms: pose.arms,
            supine: pose.supine,
            vessels: 1.0 + 0.3 * degree(Finding::Edema) - 0.35 * emphysema
                + if patient.sex == Sex::Male { 0.04 } else { 0.0 },
            cephalic: if pose.supine { 0.15 } else { 0.0 } + 0.35 * degree(Finding::Edema),
            lung_tissue: 0.31 - 0.1 * emphysema,
            collapsed,
        }
    }

    /// Medial border of a lung: distance from the midline at `v`.
    pub(crate) fn medial(&self, side: Side, v: f32) -> f32 {
        let shift = self.mediastinal_shift * side.sign();
        self.medial[side as usize].at(v) + shift
    }

    /// Height of a dome's top.
    pub(crate) fn dome_top(&self, side: Side) -> f32 {
        self.dome[side as usize]
    }

    /// Height of the dome at distance `x` from the midline, where the cage is `cage` wide.
    pub(crate) fn dome(&self, side: Side, x: f32, cage: f32) -> f32 {
        let top = self.dome[side as usize];
        let crown = 0.46 * cage;
        if x > crown {
            let t = (x - crown) / (cage - crown);
            top + self.dome_flatness * (1.1 * t * t + 4.2 * t.powi(4)) + 0.8 * (1.0 - self.dome_flatness) * t
        } else {
            let t = 1.0 - x / crown;
            top + self.dome_flatness * 1.6 * t * t
        }
    }

    /// The point where the vessels enter a lung.
    pub(crate) fn hilum(&self, side: Side) -> (f32, f32) {
        let v = if side == Side::Left { -2.1 } else { -1.1 };
        (
            side.sign() * (self.medial(side, v * self.scale.1) + 1.0),
            v * self.scale.1,
        )
    }

    /// Top of the lungs.
    pub(crate) fn apex(&self) -> f32 {
        CAGE[0].0 * self.scale.1
    }

    /// Height of the right lung's minor fissure at distance `x` from the midline.
    pub(crate) fn minor_fissure(&self, x: f32) -> f32 {
        self.hilum(Side::Right).1 + 1.0 - 0.5 * (x * FRAC_PI_8 / 2.0).sin()
    }

    /// Horizontal position of the spine at `v`.
    pub(crate) fn spine(&self, v: f32) -> f32 {
        self.scoliosis * (v * 0.16).cos() - self.yaw * 6.0
    }
}

const CAGE: [(f32, f32); 10] = [
    (-12.8, 4.3),
    (-12.4, 6.0),
    (-11.4, 7.8),
    (-9.0, 9.9),
    (-5.0, 11.9),
    (0.0, 13.1),
    (5.0, 13.6),
    (10.0, 13.8),
    (15.0, 13.5),
    (26.0, 12.6),
];

const LUNG_DEPTH: [(f32, f32); 7] = [
    (-12.8, 2.0),
    (-12.0, 4.5),
    (-10.0, 7.5),
    (-6.0, 10.5),
    (0.0, 13.2),
    (6.0, 14.6),
    (16.0, 14.4),
];

const HALF_DEPTH: [(f32, f32); 8] = [
    (-30.0, 6.2),
    (-18.0, 6.2),
    (-15.0, 7.4),
    (-12.0, 8.8),
    (-8.0, 9.8),
    (0.0, 10.3),
    (8.0, 10.4),
    (22.0, 10.2),
];

const MEDIAL_RIGHT: [(f32, f32); 8] = [
    (-12.8, 4.1),
    (-12.2, 3.0),
    (-11.0, 2.4),
    (-8.0, 2.2),
    (-4.0, 2.5),
    (-1.0, 2.0),
    (4.0, 1.6),
    (18.0, 1.6),
];

const MEDIAL_LEFT: [(f32, f32); 7] = [
    (-12.8, 4.1),
    (-12.2, 3.1),
    (-11.0, 2.6),
    (-8.0, 2.2),
    (-4.0, 2.3),
    (0.0, 2.0),
    (18.0, 1.8),
];

fn scaled(table: &[(f32, f32)], along: f32, across: f32) -> Vec<(f32, f32)> {
    table.iter().map(|&(v, x)| (v * along, x * across)).collect()
}

/// Neck, shoulders, armpit and flank.
fn skin(w: f32, h: f32, wall: f32, drop: f32) -> Vec<(f32, f32)> {
    let neck = 5.2 + 0.35 * wall;
    let flank = |v: f32, cage: f32| (v * h, cage * w + wall);
    vec![
        (-30.0 * h, neck),
        (-19.5 * h, neck + 0.2),
        ((-17.3 + 0.3 * drop) * h, neck + 1.6),
        ((-15.6 + 0.6 * drop) * h, 11.0 * w),
        ((-14.0 + 0.8 * drop) * h, 15.6 * w),
        ((-11.8 + 0.8 * drop) * h, 18.4 * w),
        (-8.3 * h, 17.9 * w),
        (-5.0 * h, 15.4 * w + 0.3 * wall),
        flank(-1.0, 13.2),
        flank(5.0, 13.9),
        flank(11.0, 14.0),
        flank(18.0, 13.4),
        flank(27.0, 13.0),
    ]
}

/// The silhouette of the heart and the roots of the great vessels. `size` scales it about its centre; the
/// domes shift it by `drop`.
fn heart(size: f32, tilt: f32, drop: f32, shift: f32, slender: f32) -> Outline {
    const LANDMARKS: [(f32, f32); 11] = [
        (-2.5, -1.9),
        (-3.7, 1.2),
        (-4.0, 4.2),
        (-3.1, 7.2),
        (1.4, 9.3),
        (6.2, 9.7),
        (8.6, 8.1),
        (7.7, 4.6),
        (5.1, 0.9),
        (3.9, -1.8),
        (1.0, -3.6),
    ];
    let centre = (1.7, 3.9);
    let narrow = 1.0 - 0.1 * slender;
    let points: Vec<(f32, f32)> = LANDMARKS
        .iter()
        .map(|&(u, v)| {
            // Only the part below the base grows; the great vessels stay.
            let below = step(-3.0, 3.0, v);
            let grown = 1.0 + (size - 1.0) * (0.25 + 0.75 * below);
            let (du, dv) = (
                (u - centre.0) * grown * narrow,
                (v - centre.1) * (1.0 + (grown - 1.0) * 0.6),
            );
            let (sin, cos) = (tilt * below).sin_cos();
            (
                centre.0 + shift + du * cos - dv * sin,
                centre.1 + drop + du * sin + dv * cos,
            )
        })
        .collect();
    Outline::through((centre.0 + shift, centre.1 + drop), &points)
}
