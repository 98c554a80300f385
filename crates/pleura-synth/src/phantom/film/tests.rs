use super::super::seed::derive;
use super::*;

fn spec(seed: u64, findings: &[Finding]) -> FilmSpec {
    FilmSpec {
        patient_seed: derive(seed, "patient"),
        film_seed: derive(seed, "film"),
        sex: if seed.is_multiple_of(2) {
            Sex::Female
        } else {
            Sex::Male
        },
        age: 20.0 + (seed * 17 % 65) as f32,
        view: [View::Pa, View::Ap, View::ApSupine][seed as usize % 3],
        findings: findings.to_vec(),
        difficulty: 0.2,
        hospital: seed as usize % HOSPITALS.len(),
        word: Some("BEDSIDE".to_string()),
        code: Some("XY-1234".to_string()),
    }
}

fn all_findings() -> impl Iterator<Item = Finding> {
    Finding::NIH.into_iter().chain([Finding::Covid19])
}

fn body(spec: &FilmSpec) -> (Body, Pose) {
    let pose = Pose::draw(
        &mut stream(spec.film_seed, "pose"),
        spec.view != View::Pa,
        spec.view == View::ApSupine,
    );
    let patient = Patient::of(spec.patient_seed, spec.sex, spec.age);
    (
        Body::assemble(&patient, &pose, &spec.findings, severity(spec)),
        pose,
    )
}

fn share(mask: &[u8]) -> f32 {
    mask.iter().filter(|&&inside| inside > 0).count() as f32 / mask.len() as f32
}

/// Mean absolute difference of two films inside a mask.
fn difference(a: &Rendered, b: &Rendered, inside: impl Fn(usize) -> bool) -> f32 {
    let changes: Vec<f32> = (0..a.grey.len())
        .filter(|&index| inside(index))
        .map(|index| (a.grey[index] - b.grey[index]).abs())
        .collect();
    changes.iter().sum::<f32>() / changes.len().max(1) as f32
}

#[test]
fn a_film_follows_from_its_spec_alone() {
    let first = spec(5, &[Finding::Covid19]);
    assert_eq!(render(&first, 80), render(&first, 80));
    let reordered = spec(6, &[Finding::Effusion, Finding::Mass]);
    let other_way = spec(6, &[Finding::Mass, Finding::Effusion]);
    assert_eq!(render(&reordered, 64), render(&other_way, 64));
    assert_ne!(
        render(&first, 80).grey,
        render(
            &FilmSpec {
                film_seed: 1,
                ..first
            },
            80
        )
        .grey
    );
}

#[test]
fn every_finding_leaves_a_mask_in_the_chest_and_a_normal_film_none() {
    for seed in 0..6 {
        assert_eq!(share(&render(&spec(seed, &[]), 96).lesion_mask), 0.0);
        for finding in all_findings() {
            let spec = FilmSpec {
                difficulty: 1.0,
                ..spec(seed, &[finding])
            };
            let (body, pose) = body(&spec);
            let frame = Frame::new(96, pose.field, pose.centre, pose.roll);
            let film = render(&spec, 96);
            assert!(
                share(&film.lesion_mask) > 0.0004,
                "{finding:?} on film {seed} is nowhere"
            );
            frame.visit_all(|index, u, v| {
                if film.lesion_mask[index] > 0 {
                    let inside = u.abs() < body.cage.at(v) && v > body.apex() && v < 20.0;
                    let heart = body.heart.reach(u, v) < 1.0;
                    assert!(
                        inside || heart,
                        "{finding:?} on film {seed} leaves the chest at {u} {v}"
                    );
                }
            });
        }
    }
}

#[test]
fn films_change_where_the_lesion_mask_says() {
    // Findings that change the chest's shape are left out: they change the film everywhere.
    let shapes = [
        Finding::Atelectasis,
        Finding::Cardiomegaly,
        Finding::Edema,
        Finding::Emphysema,
        Finding::Fibrosis,
    ];
    for finding in all_findings().filter(|finding| !shapes.contains(finding)) {
        let (mut within, mut without) = (0.0, 0.0);
        for seed in 0..6 {
            let ill = render(&spec(seed, &[finding]), 128);
            let well = render(&spec(seed, &[]), 128);
            within += difference(&ill, &well, |index| ill.lesion_mask[index] > 0);
            without += difference(&ill, &well, |index| ill.lesion_mask[index] == 0);
        }
        assert!(
            within > 3.0 * without,
            "{finding:?}: {within} inside, {without} outside"
        );
    }
}

#[test]
fn the_difficulty_dial_lowers_the_contrast_of_lesions() {
    for finding in [
        Finding::Pneumonia,
        Finding::Covid19,
        Finding::Mass,
        Finding::Effusion,
    ] {
        let contrast = |difficulty| {
            let total: f32 = (0..5)
                .map(|seed| {
                    let spec = FilmSpec {
                        difficulty,
                        ..spec(seed, &[finding])
                    };
                    let (ill, well) = (
                        render(&spec, 96),
                        render(
                            &FilmSpec {
                                findings: vec![],
                                ..spec
                            },
                            96,
                        ),
                    );
                    difference(&ill, &well, |index| ill.lesion_mask[index] > 0)
                })
                .sum();
            total / 5.0
        };
        let (easy, middle, hard) = (contrast(0.0), contrast(0.5), contrast(1.0));
        assert!(
            easy > 1.25 * middle && middle > 1.25 * hard,
            "{finding:?}: {easy} {middle} {hard}"
        );
    }
}

#[test]
fn the_text_mask_is_what_the_letters_touch() {
    for seed in 0..12 {
        let spec = spec(seed, &[]);
        let style = &HOSPITALS[spec.hospital];
        let (body, pose) = body(&spec);
        let size = 160;
        let frame = Frame::new(size, pose.field, pose.centre, pose.roll);
        let mut pen = Pen::new(frame);
        let thorax = Thorax::trace(&body, frame, &mut pen);
        let disease = Disease::of(&[], 1.0, &body, &thorax, frame, &mut pen);
        let rays = attenuation(&body, &thorax, &disease, frame, &mut pen);
        let letters = Lettering::lay(&spec, style, size);
        let lettered = expose(&spec, style, &rays, &thorax, &letters, frame);
        let plain = expose(&spec, style, &rays, &thorax, &Lettering::none(size), frame);
        let (mut changed, mut touched) = (0, 0);
        for index in 0..lettered.len() {
            let differs = lettered[index] != plain[index];
            assert!(
                !differs || letters.mask[index],
                "film {seed}: pixel {index} changed outside of the mask"
            );
            changed += usize::from(differs);
            touched += usize::from(letters.mask[index]);
        }
        // Black plates on black ground and white lead on saturated white are invisible.
        assert!(
            changed * 10 > touched * 6,
            "film {seed}: {changed} of {touched} masked pixels changed"
        );
    }
}

#[test]
fn every_film_says_phantom_at_the_same_place() {
    let size = 224;
    let notice = |film: &Rendered| {
        let rows = (0.95 * size as f32) as usize..(0.97 * size as f32) as usize;
        rows.flat_map(|row| film.grey[row * size + 6..row * size + 30].to_vec())
            .collect::<Vec<f32>>()
    };
    let first = notice(&render(&spec(0, &[]), size));
    assert!(first.iter().any(|&level| level > 0.9) && first.iter().any(|&level| level < 0.1));
    for seed in 1..5 {
        assert_eq!(notice(&render(&spec(seed, &[Finding::Covid19]), size)), first);
    }
}

#[test]
fn sizes_agree_in_geometry() {
    for (seed, finding) in [
        (1, Finding::Pneumonia),
        (2, Finding::Mass),
        (4, Finding::Covid19),
        (3, Finding::Effusion),
    ] {
        let spec = spec(seed, &[finding]);
        let (small, large) = (render(&spec, 96), render(&spec, 288));
        for (name, a, b, least) in [
            ("lungs", &small.lung_mask, &large.lung_mask, 0.95),
            ("lesion", &small.lesion_mask, &large.lesion_mask, 0.85),
            ("text", &small.text_mask, &large.text_mask, 0.6),
        ] {
            // The large mask's pixel at the centre of each small pixel.
            let (mut both, mut either) = (0.0, 0.0);
            for row in 0..96 {
                for column in 0..96 {
                    let (x, y) = (
                        a[row * 96 + column] > 0,
                        b[(3 * row + 1) * 288 + 3 * column + 1] > 0,
                    );
                    both += f32::from(x && y);
                    either += f32::from(x || y);
                }
            }
            assert!(
                both / either > least,
                "{finding:?}: {name} agree to {}",
                both / either
            );
        }
        let shrunk: Vec<f32> = (0..96 * 96)
            .map(|index| {
                let (row, column) = (3 * (index / 96), 3 * (index % 96));
                let sum: f32 = (0..9)
                    .map(|k| large.grey[(row + k / 3) * 288 + column + k % 3])
                    .sum();
                sum / 9.0
            })
            .collect();
        let apart = small
            .grey
            .iter()
            .zip(&shrunk)
            .map(|(a, b)| (a - b).abs())
            .sum::<f32>()
            / shrunk.len() as f32;
        assert!(apart < 0.02, "{finding:?}: grey levels differ by {apart}");
    }
}

#[test]
fn the_heart_points_to_the_images_right_and_is_half_the_chest_at_most_unless_large() {
    // Cardiothoracic ratio: the heart's width over the greatest inner width of the rib cage.
    let ratio = |seed: u64, findings: &[Finding]| {
        let spec = FilmSpec {
            view: View::Pa,
            difficulty: 0.5,
            ..spec(seed, findings)
        };
        let (body, _) = body(&spec);
        let (left, right) = body.heart.width();
        assert!(
            right > 1.4 * -left,
            "film {seed}: the heart reaches {left} to {right}"
        );
        (right - left) / (2.0 * body.cage.at(8.0))
    };
    let mean = |findings: &[Finding]| (0..40).map(|seed| ratio(seed, findings)).sum::<f32>() / 40.0;
    let normal = mean(&[]);
    let large = mean(&[Finding::Cardiomegaly]);
    assert!((0.4..0.5).contains(&normal), "{normal}");
    assert!((0.54..0.7).contains(&large), "{large}");
    assert!((0..40).all(|seed| ratio(seed, &[]) < 0.53));
}

#[test]
fn films_of_a_patient_share_the_lesion_but_not_the_noise() {
    let first = spec(9, &[Finding::Mass]);
    let again = FilmSpec {
        film_seed: 77,
        ..first.clone()
    };
    let centre = |spec: &FilmSpec| {
        let (_, pose) = body(spec);
        let frame = Frame::new(128, pose.field, pose.centre, pose.roll);
        let film = render(spec, 128);
        let (mut sum, mut count) = ((0.0, 0.0), 0.0);
        frame.visit_all(|index, u, v| {
            if film.lesion_mask[index] > 0 {
                sum = (sum.0 + u, sum.1 + v);
                count += 1.0;
            }
        });
        (sum.0 / count, sum.1 / count)
    };
    let (a, b) = (centre(&first), centre(&again));
    assert!((a.0 - b.0).abs() < 1.5 && (a.1 - b.1).abs() < 2.5, "{a:?} {b:?}");
    assert_ne!(render(&first, 64).grey, render(&again, 64).grey);
}
