//! Measurements for tests.

use super::case::{Answer, Case, Measurement, Mode};
use super::engine::Engine;
use super::machine::Machine;
use crate::measure::Cost;

pub(super) fn machine() -> Machine {
    Machine {
        processor: "a processor".to_owned(),
        cores: 2,
        load_before: Some(0.1),
        date: "2026-01-31".to_owned(),
        commit: None,
    }
}

pub(super) fn case() -> Case {
    Case {
        architecture: "densenet121".to_owned(),
        mode: Mode::Train,
        batch: 16,
        size: 224,
        outputs: 15,
        threads: 2,
        warm_up: 1,
        steps: 3,
        growth: false,
    }
}

pub(super) fn measurement(round: u32, engine: Engine, seconds: &[f64]) -> Measurement {
    Measurement {
        case: case(),
        round,
        engine,
        answer: Answer {
            seconds: seconds.to_vec(),
            ..Answer::default()
        },
        cost: Cost {
            wall_seconds: 1.0,
            peak_rss_bytes: Some(3 << 30),
        },
    }
}
