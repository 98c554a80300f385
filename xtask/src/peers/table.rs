//! One case's measurements as a table that fits a terminal.

use std::fmt::Write as _;

use super::case::{Answer, Case, Engine, Measurement, Mode};

/// Columns: films per second with their span over the rounds, how many times as fast pleura is, how much of the
/// machine's matrix product is used, and peak memory.
pub(super) fn of(case: &Case, measurements: &[&Measurement]) -> String {
    let what = match case.mode {
        Mode::Train => "training",
        Mode::Infer => "inference",
    };
    let mut text = format!(
        "{}, {what}, batch {}, {}²",
        case.architecture, case.batch, case.size
    );
    if let Some(rate) = median(rates(measurements)) {
        let _ = write!(text, "; matrix product {:.1} G multiply-adds/s", rate / 1e9);
    }
    let _ = write!(
        text,
        "\n  {:<14} {:>8} {:>15} {:>12} {:>11} {:>12}",
        "engine", "films/s", "least – most", "pleura is", "of product", "peak memory"
    );
    let mut engines: Vec<Engine> = measurements
        .iter()
        .map(|measurement| measurement.engine)
        .collect();
    engines.sort_unstable();
    engines.dedup();
    for engine in engines.into_iter().filter(|engine| *engine != Engine::Sgemm) {
        let speeds = speeds(case, measurements, engine);
        let least = speeds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = speeds.iter().copied().fold(0.0, f64::max);
        let _ = write!(
            text,
            "\n  {:<14} {:>8} {:>15} {:>12} {:>11} {:>12}",
            engine.name(),
            shown(median(speeds), |speed| format!("{speed:.2}")),
            format!("{least:.2} – {most:.2}"),
            shown(ratio(case, measurements, engine), |ratio| format!(
                "{ratio:.2} × it"
            )),
            shown(share(case, measurements, engine), |share| format!(
                "{:.0} %",
                100.0 * share
            )),
            shown(memory(measurements, engine), |bytes| format!(
                "{:.2} GiB",
                bytes / f64::from(1 << 30)
            )),
        );
    }
    text
}

/// Films per second by the median step.
pub(super) fn films_per_second(case: &Case, answer: &Answer) -> f64 {
    median(answer.seconds.clone()).map_or(f64::NAN, |seconds| f64::from(case.batch) / seconds)
}

fn shown(value: Option<f64>, form: impl Fn(f64) -> String) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| "–".to_owned(), form)
}

fn of_engine<'a>(measurements: &'a [&Measurement], engine: Engine) -> impl Iterator<Item = &'a Measurement> {
    measurements
        .iter()
        .copied()
        .filter(move |measurement| measurement.engine == engine)
}

fn speeds(case: &Case, measurements: &[&Measurement], engine: Engine) -> Vec<f64> {
    of_engine(measurements, engine)
        .map(|measurement| films_per_second(case, &measurement.answer))
        .collect()
}

fn rates(measurements: &[&Measurement]) -> Vec<f64> {
    of_engine(measurements, Engine::Sgemm)
        .filter_map(|measurement| measurement.answer.multiply_adds_per_second)
        .collect()
}

/// How many times as fast pleura is, measured in pairs: within each round, then the median.
fn ratio(case: &Case, measurements: &[&Measurement], peer: Engine) -> Option<f64> {
    if peer == Engine::Pleura {
        return None;
    }
    let pairs = of_engine(measurements, peer).filter_map(|other| {
        let own = of_engine(measurements, Engine::Pleura).find(|own| own.round == other.round)?;
        Some(films_per_second(case, &own.answer) / films_per_second(case, &other.answer))
    });
    median(pairs.collect())
}

/// Multiply-adds of the convolutions and the head, as a share of the matrix product's rate in the same round. A
/// training step counts three forward passes: its gradients by input and by weight are one more each.
fn share(case: &Case, measurements: &[&Measurement], engine: Engine) -> Option<f64> {
    let forward = measurements
        .iter()
        .find_map(|measurement| measurement.answer.multiply_adds)? as f64;
    let passes = if case.mode == Mode::Train { 3.0 } else { 1.0 };
    let shares = of_engine(measurements, engine).filter_map(|measurement| {
        let limit = of_engine(measurements, Engine::Sgemm).find(|limit| limit.round == measurement.round)?;
        let rate = limit.answer.multiply_adds_per_second?;
        Some(films_per_second(case, &measurement.answer) * forward * passes / rate)
    });
    median(shares.collect())
}

fn memory(measurements: &[&Measurement], engine: Engine) -> Option<f64> {
    median(
        of_engine(measurements, engine)
            .filter_map(|one| one.cost.peak_rss_bytes)
            .map(|bytes| bytes as f64)
            .collect(),
    )
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    Some(if values.len() % 2 == 1 {
        upper
    } else {
        f64::midpoint(values[values.len() / 2 - 1], upper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Cost;

    fn case() -> Case {
        Case {
            architecture: "densenet121".to_owned(),
            mode: Mode::Train,
            batch: 16,
            size: 224,
            outputs: 15,
            threads: 2,
            warm_up: 1,
            steps: 3,
        }
    }

    fn measurement(round: u32, engine: Engine, seconds: &[f64]) -> Measurement {
        let sgemm = engine == Engine::Sgemm;
        let answer = Answer {
            seconds: seconds.to_vec(),
            version: String::new(),
            parameters: None,
            multiply_adds: (engine == Engine::Eager).then_some(3_000_000_000),
            multiply_adds_per_second: sgemm.then_some(90e9),
            loss: None,
            missing: Vec::new(),
        };
        Measurement {
            case: 0,
            round,
            engine,
            answer,
            cost: Cost {
                wall_seconds: 1.0,
                peak_rss_bytes: Some(3 << 30),
            },
        }
    }

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // Round 1 ran on a machine half as fast: the pairs agree on 2 all the same.
        let all = [
            measurement(0, Engine::Pleura, &[2.0]),
            measurement(0, Engine::Eager, &[4.0]),
            measurement(1, Engine::Eager, &[8.0]),
            measurement(1, Engine::Pleura, &[4.0]),
        ];
        let all: Vec<_> = all.iter().collect();
        assert_eq!(ratio(&case(), &all, Engine::Eager), Some(2.0));
        assert_eq!(ratio(&case(), &all, Engine::Pleura), None);
    }

    #[test]
    fn the_share_counts_three_passes_a_training_step() {
        let all = [
            measurement(0, Engine::Sgemm, &[0.1]),
            measurement(0, Engine::Pleura, &[3.0, 3.2, 3.4]),
            measurement(0, Engine::Eager, &[6.4]),
        ];
        let all: Vec<_> = all.iter().collect();
        let share = share(&case(), &all, Engine::Pleura).unwrap();
        assert!((share - 0.5).abs() < 1e-12, "5 films/s · 9 G / 90 G, not {share}");
        let text = of(&case(), &all);
        assert!(
            text.contains("pleura             5.00     5.00 – 5.00            –        50 %     3.00 GiB"),
            "{text}"
        );
        assert!(text.contains("2.00 × it"), "{text}");
    }
}
