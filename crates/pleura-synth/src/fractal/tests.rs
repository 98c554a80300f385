use super::*;
use pleura_manifest::Split;
use system::{SEARCH_POINTS, Square, Walk, search};

fn made(options: &FractalOptions, size: usize) -> Fractals {
    Fractals::search(options, size, &|_, _| ()).unwrap()
}

fn synthetic_output(fractals: &Fractals, row: usize, epoch: u64) -> Vec<f32> {
    let mut grey = vec![0.0; fractals.size() * fractals.size()];
    fractals.draw(row, epoch, &mut grey).unwrap();
    grey
}

fn lit(grey: &[f32]) -> f64 {
    grey.iter().filter(|level| **level > 0.0).count() as f64 / grey.len() as f64
}

#[test]
fn threads_change_nothing() {
    let options = FractalOptions::new(6, 2);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let fractals = made(&options, 40);
            let pictures: Vec<Vec<f32>> = (0..options.pictures())
                .map(|row| synthetic_output(&fractals, row, 3))
                .collect();
            (fractals.systems().cloned().collect::<Vec<_>>(), pictures)
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn more_classes_and_instances_leave_the_others_as_they_were() {
    let few = made(&FractalOptions::new(2, 1), 32);
    let many = made(&FractalOptions::new(5, 4), 32);
    assert!(few.systems().eq(many.systems().take(2)));
    for (class, instance) in [(0, 0), (0, 10), (1, 3)] {
        assert_eq!(
            synthetic_output(&few, class * 11 + instance, 0),
            synthetic_output(&many, class * 14 + instance, 0)
        );
    }
    let names = |options: &FractalOptions| options.manifest().rows.swap_remove(0).sha256;
    assert_eq!(names(few.options()), names(many.options()));
}

#[test]
fn a_picture_is_its_seeds_classes_instances_and_epochs_own() {
    let options = FractalOptions::new(3, 4);
    let fractals = made(&options, 48);
    let first = synthetic_output(&fractals, 0, 0);
    assert_eq!(first, synthetic_output(&fractals, 0, 0));
    for (row, epoch) in [(1, 0), (14, 0), (0, 1)] {
        assert_ne!(first, synthetic_output(&fractals, row, epoch));
    }
    let other = made(&FractalOptions { seed: 1, ..options }, 48);
    assert!(
        fractals
            .systems()
            .zip(other.systems())
            .all(|(one, other)| one != other)
    );
}

#[test]
fn every_class_fills_what_it_must() {
    // Drawn with another stream than the search, so slightly below the filling rate is accepted.
    for rate in [0.1, 0.2] {
        for class in 0..6 {
            let class = search(rate, 9, class).unwrap();
            let mut rng = stream(Scheme::Sha256, 0, &[b"other dice"]);
            let mut points = Vec::new();
            Walk::begin(&class.system, &mut rng).go(SEARCH_POINTS, &mut rng, &mut points);
            let filled = Square::new().filled(&points);
            assert!(filled > 0.9 * rate, "{filled} of {rate}");
            assert!((class.system.chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((2..=7).contains(&class.system.maps.len()));
        }
    }
}

#[test]
fn instances_are_figures_whatever_the_variation() {
    for variation in [0.0, 0.2, 0.8] {
        let options = FractalOptions {
            variation,
            ..FractalOptions::new(8, 6)
        };
        let fractals = made(&options, 64);
        for row in 0..options.pictures() {
            let grey = synthetic_output(&fractals, row, 0);
            assert!(grey.iter().all(|level| (0.0..=1.0).contains(level)));
            assert!(lit(&grey) > 0.02, "row {row}: {}", lit(&grey));
        }
    }
}

#[test]
fn renderings_differ_in_what_they_should() {
    let with = |rendering| {
        let options = FractalOptions {
            rendering,
            ..FractalOptions::new(2, 1)
        };
        synthetic_output(&made(&options, 64), 0, 0)
    };
    let (patch, point, density) = (
        with(Rendering::Patch),
        with(Rendering::Point),
        with(Rendering::Density),
    );
    assert!(lit(&patch) > lit(&point));
    let (brightest, greys) = (
        |grey: &[f32]| grey.iter().copied().fold(0.0, f32::max),
        |grey: &[f32]| {
            grey.iter()
                .map(|level| level.to_bits())
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        },
    );
    // The mean of four pixels of 0 or 127 has five values.
    assert!(brightest(&patch) <= 127.0 / 255.0 && greys(&patch) <= 5 && greys(&point) <= 5);
    assert!(brightest(&density) > 0.5 && greys(&density) > 20);
}

#[test]
fn the_table_has_every_picture_once_and_holds_instances_out() {
    let options = FractalOptions {
        held_out: 3,
        ..FractalOptions::new(12, 5)
    };
    let manifest = options.manifest();
    assert_eq!(manifest.rows.len(), options.pictures());
    let different: std::collections::BTreeSet<_> = manifest.rows.iter().map(|row| &row.sha256).collect();
    assert_eq!(different.len(), options.pictures());
    assert_eq!(manifest.split(Split::Validation).len(), 36);
    assert_eq!(manifest.split(Split::Train).len(), 60);
    assert_eq!(
        (manifest.rows[9].film.as_str(), options.class(9)),
        ("fractal-02-2", 1)
    );
    assert_eq!(options.names()[1], "fractal-02");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let usual = FractalOptions::new(4, 4);
    let refused = |options: FractalOptions, key: &str| {
        let (found, problem) = options.fault().unwrap();
        assert_eq!(found, key, "{problem}");
        let error = Fractals::search(&options, 32, &|_, _| ())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("fractals: {key}: ")), "{error}");
    };
    refused(
        FractalOptions {
            classes: 1,
            ..usual.clone()
        },
        "classes",
    );
    refused(
        FractalOptions {
            instances: 0,
            ..usual.clone()
        },
        "instances",
    );
    refused(
        FractalOptions {
            held_out: 0,
            ..usual.clone()
        },
        "held_out",
    );
    refused(FractalOptions::new(10_000, 10_000), "instances");
    refused(
        FractalOptions {
            filling_rate: 0.4,
            ..usual.clone()
        },
        "filling_rate",
    );
    refused(
        FractalOptions {
            filling_rate: f64::NAN,
            ..usual.clone()
        },
        "filling_rate",
    );
    refused(
        FractalOptions {
            variation: 1.0,
            ..usual.clone()
        },
        "variation",
    );
    refused(
        FractalOptions {
            seed: u64::MAX,
            ..usual.clone()
        },
        "seed",
    );
    assert_eq!(usual.fault(), None);
}

#[test]
fn what_is_written_reads_back_and_a_full_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("new/set");
    let fractals = made(
        &FractalOptions {
            held_out: 2,
            ..FractalOptions::new(3, 2)
        },
        32,
    );
    let manifest = write(&fractals, &at, &|_, of| assert_eq!(of, 12)).unwrap();
    let read = pleura_manifest::Manifest::read(&at.join(MANIFEST)).unwrap();
    assert_eq!(read, manifest);
    assert_eq!(read.findings, fractals.options().names());
    for (number, row) in read.rows.iter().enumerate() {
        assert_eq!(row.class(), Some(fractals.options().class(number)));
        let film = pleura_film::open(&read.file(row), &pleura_film::DecodeOptions::default()).unwrap();
        assert_eq!((film.width, film.height), (32, 32));
    }
    assert!(at.join(SHEET).exists() && at.join("fractals.json").exists());
    let error = write(&fractals, &at, &|_, _| ()).unwrap_err().to_string();
    assert!(error.contains("not empty"), "{error}");
}
