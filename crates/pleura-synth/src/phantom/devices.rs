//! Devices at the bedside: electrodes and their wires.

use super::anatomy::{Body, Side};
use super::canvas::{Bead, Frame, Pen, Plane, solid};
use super::curve::mix;
use super::seed::{Stream, between, normal};

/// Adds monitor leads to the `attenuation` of a bedside film. Whether a film has any is random and
/// independent of its findings.
pub(crate) fn attach(attenuation: &mut Plane, rng: &mut Stream, body: &Body, frame: Frame, pen: &mut Pen) {
    debug_assert_eq!(attenuation.size, frame.size());
    let mut metal = Plane::zero(frame.size());
    let spots = [
        (Side::Right, 8.5, -8.0),
        (Side::Left, 9.0, -8.5),
        (Side::Left, 11.5, 6.5),
        (Side::Right, 10.5, 7.0),
    ];
    for (side, across, down) in spots {
        let (present, u, v) = (
            between(rng, 0.0, 1.0) < 0.75,
            side.sign() * across * body.scale.0 + 1.1 * normal(rng),
            down * body.scale.1 + 1.2 * normal(rng),
        );
        let exit = (side.sign() * between(rng, 12.0, 24.0), between(rng, 15.0, 24.0));
        let sag = (between(rng, -5.0, 5.0), between(rng, 1.0, 6.0));
        if !present {
            continue;
        }
        let stud = |radius: f32, weight: f32| {
            [
                Bead { u, v, radius, weight },
                Bead {
                    u: u + 0.02,
                    v,
                    radius,
                    weight,
                },
            ]
        };
        pen.tube(&mut metal, &stud(0.5, 0.35), |q| if q > 0.7 { 1.6 } else { 0.5 });
        pen.tube(&mut metal, &stud(0.2, 2.5), solid);
        let wire: Vec<Bead> = (0..=12_u8)
            .map(|piece| {
                let part = f32::from(piece) / 12.0;
                let slack = 4.0 * part * (1.0 - part);
                Bead {
                    u: mix(u, exit.0, part) + sag.0 * slack,
                    v: mix(v, exit.1, part) + sag.1 * slack * (1.0 - part),
                    radius: 0.055,
                    weight: 4.0,
                }
            })
            .collect();
        pen.tube(&mut metal, &wire, solid);
    }
    attenuation
        .values
        .iter_mut()
        .zip(&metal.values)
        .for_each(|(path, extra)| *path += extra);
}
