//! One phantom film: its specification, its image and its truth.

use serde::{Deserialize, Serialize};

use super::anatomy::{Body, Patient, Pose};
use super::canvas::{Frame, Pen, Plane};
use super::curve::{Lattice, mix};
use super::exposure::{Exposure, HOSPITALS, Style};
use super::finding::Finding;
use super::layout::Lettering;
use super::lesion::Disease;
use super::seed::{between, stream};
use super::thorax::Thorax;
use super::{devices, skeleton, vessels};
use pleura_manifest::Sex;

/// The projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum View {
    /// Back to front, standing.
    #[serde(rename = "PA")]
    Pa,
    /// Front to back, at the bedside.
    #[serde(rename = "AP")]
    Ap,
    /// Front to back, lying.
    #[serde(rename = "AP Supine")]
    ApSupine,
}

impl View {
    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pa => "PA",
            Self::Ap => "AP",
            Self::ApSupine => "AP Supine",
        }
    }
}

/// Everything that determines a phantom except its size in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilmSpec {
    /// Seed of anatomy and lesion positions: the same on all films of a patient.
    pub patient_seed: u64,
    /// Seed of pose, exposure, noise and markers: different on each film.
    pub film_seed: u64,
    /// The patient's sex.
    pub sex: Sex,
    /// The patient's age in years.
    pub age: f32,
    /// The projection.
    pub view: View,
    /// The visible findings; empty for a normal film.
    pub findings: Vec<Finding>,
    /// Difficulty: 0 is full contrast of lesions, 1 barely visible.
    pub difficulty: f32,
    /// The simulated hospital, an index into [`hospitals`].
    pub hospital: usize,
    /// The burned-in text, if any.
    pub word: Option<String>,
    /// The burned-in film code, if any.
    pub code: Option<String>,
}

/// A phantom with its truth. Every plane is `[size, size]`, row-major; masks are 0 or 255.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Pixels a side.
    pub size: usize,
    /// Grey levels, 0 black to 1 white, bones white.
    pub grey: Vec<f32>,
    /// The lung fields, healthy or not, without heart and mediastinum.
    pub lung_mask: Vec<u8>,
    /// Pixels changed by findings; for [`Finding::Cardiomegaly`] the heart, for [`Finding::Emphysema`] the
    /// lungs.
    pub lesion_mask: Vec<u8>,
    /// Pixels of text, markers and their plates.
    pub text_mask: Vec<u8>,
}

/// Names of the simulated hospitals, in the order of [`FilmSpec::hospital`]. All are invented.
pub fn hospitals() -> Vec<&'static str> {
    HOSPITALS.iter().map(|style| style.name).collect()
}

/// Draws the film with `size` pixels a side.
///
/// The geometry is the same at every size. The noise is not, because a larger pixel receives more quanta.
pub fn render(spec: &FilmSpec, size: usize) -> Rendered {
    let style = &HOSPITALS[spec.hospital % HOSPITALS.len()];
    let patient = Patient::of(spec.patient_seed, spec.sex, spec.age);
    let pose = Pose::draw(
        &mut stream(spec.film_seed, "pose"),
        spec.view != View::Pa,
        spec.view == View::ApSupine,
    );
    let severity = severity(spec);
    let body = Body::assemble(&patient, &pose, &spec.findings, severity);
    let frame = Frame::new(size, pose.field, pose.centre, pose.roll);
    let mut pen = Pen::new(frame);
    let thorax = Thorax::trace(&body, frame, &mut pen);
    let disease = Disease::of(&spec.findings, severity, &body, &thorax, frame, &mut pen);
    let mut attenuation = attenuation(&body, &thorax, &disease, frame, &mut pen);
    let mut monitor = stream(spec.film_seed, "monitor");
    if spec.view != View::Pa && between(&mut monitor, 0.0, 1.0) < 0.5 {
        devices::attach(&mut attenuation, &mut monitor, &body, frame, &mut pen);
    }
    let letters = Lettering::lay(spec, style, size);
    let grey = expose(spec, style, &attenuation, &thorax, &letters, frame);
    Rendered {
        size,
        grey,
        lung_mask: mask(&thorax.field),
        lesion_mask: mask(&disease.mask),
        text_mask: mask(&letters.mask),
    }
}

/// Contrast of the lesions, 0..1: the set's difficulty with a random part for each film.
fn severity(spec: &FilmSpec) -> f32 {
    let ease = 1.0 - spec.difficulty.clamp(0.0, 1.0);
    mix(0.22, 1.0, ease) * between(&mut stream(spec.film_seed, "severity"), 0.75, 1.0)
}

/// Attenuation of soft tissue, and the additional attenuation of bone, per centimetre at about 100 kV.
const TISSUE: f32 = 0.185;
const BONE: f32 = 0.26;

fn attenuation(body: &Body, thorax: &Thorax, disease: &Disease, frame: Frame, pen: &mut Pen) -> Plane {
    let blood = vessels::trace(body, frame, pen);
    let mut path = skeleton::trace(body, frame, pen);
    let markings = Lattice::new(body.seed ^ 0x1a7);
    let aerated = 1.0 - body.lung_tissue;
    frame.visit_all(|index, u, v| {
        let lung = thorax.lung.values[index];
        let bone = path.values[index];
        let mut tissue = thorax.body.values[index] - thorax.gas.values[index];
        if lung > 0.0 {
            let solid = disease.solid.values[index].min(1.0);
            let freed = disease.freed.values[index].min(1.0);
            // Interstitium: the fine texture of normal lung.
            let mottle = 0.05 * markings.cloud(u, v, 1.7, 3) * (1.0 - freed);
            tissue -= lung * (aerated - mottle) * (1.0 - solid) + lung * body.lung_tissue * freed;
            // Vessels are visible only against air.
            tissue +=
                1.25 * blood.values[index].min(lung) * (lung / 9.0).min(1.0) * (1.0 - solid) * (1.0 - freed);
        }
        tissue += disease.added.values[index];
        path.values[index] = (TISSUE * tissue + BONE * bone).max(0.0);
    });
    path
}

fn expose(
    spec: &FilmSpec,
    style: &Style,
    attenuation: &Plane,
    thorax: &Thorax,
    letters: &Lettering,
    frame: Frame,
) -> Vec<f32> {
    let mut rng = stream(spec.film_seed, "exposure");
    let exposure = Exposure::draw(&mut rng, style);
    let mut noise = stream(spec.film_seed, "noise");
    let mut grey = exposure.develop(attenuation, &thorax.field, &letters.lead, frame, &mut noise);
    letters.burn_in(&mut grey);
    grey
}

fn mask(inside: &[bool]) -> Vec<u8> {
    inside
        .iter()
        .map(|&inside| if inside { 255 } else { 0 })
        .collect()
}

#[cfg(test)]
mod tests;
