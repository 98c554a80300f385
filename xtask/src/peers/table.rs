//! A record as text: one table per case.

use std::fmt::Write as _;

use super::case::{Case, Measurement, Mode};
use super::engine::Engine;
use super::record::Record;

/// All tables of a record.
pub(super) fn all(record: &Record) -> Vec<String> {
    let cases = record.cases();
    cases.iter().map(|case| table(case, &record.of(case))).collect()
}

/// Columns: time per film with its range over the rounds, films per second, ratio to pleura, share of the
/// matrix product, peak memory.
fn table(case: &Case, measurements: &[&Measurement]) -> String {
    let threads = case.threads;
    let mut text = format!("{}, {}², {threads} threads", case.title(), case.size);
    let limit = measurements.iter().filter(|one| one.engine == Engine::Sgemm);
    if let Some(rate) = median(limit.filter_map(|one| one.answer.multiply_adds_per_second)) {
        let _ = write!(text, "; matrix product {:.1} G multiply-adds/s", rate / 1e9);
    }
    let mut engines: Vec<Engine> = measurements.iter().map(|one| one.engine).collect();
    engines.sort_unstable();
    engines.dedup();
    engines.retain(|engine| *engine != Engine::Sgemm);
    let _ = write!(
        text,
        "\n{:<36} {:>9} {:>19} {:>8} {:>9} {:>10} {:>9}\n",
        "engine", "ms a film", "least to most", "films/s", "pleura is", "of product", "memory"
    );
    for engine in engines {
        let own = of(measurements, engine);
        let seconds: Vec<f64> = own.iter().map(|one| seconds_a_film(one)).collect();
        let Some(middle) = median(seconds.iter().copied()) else {
            continue;
        };
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let version = own.first().map_or("", |one| one.answer.version.as_str());
        let memory = own.iter().filter_map(|one| one.cost.peak_rss_bytes);
        let _ = writeln!(
            text,
            "{:<36} {:>9.1} {:>19} {:>8.2} {:>9} {:>10} {:>9}",
            format!("{} {version}", engine.title()),
            1e3 * middle,
            format!("{:.1} to {:.1}", 1e3 * least, 1e3 * most),
            1.0 / middle,
            shown(ratio(measurements, engine), |ratio| format!("{ratio:.2} ×")),
            shown(product_share(case, measurements, engine), |share| format!(
                "{:.0} %",
                100.0 * share
            )),
            shown(median(memory.map(|bytes| bytes as f64)), |bytes| format!(
                "{:.2} GiB",
                bytes / f64::from(1 << 30)
            )),
        );
        // Parts of a step, or other work that was timed with it.
        for part in own.first().iter().flat_map(|one| one.answer.parts.keys()) {
            let parts = own
                .iter()
                .filter_map(|one| median(one.answer.parts.get(part)?.iter().copied()));
            if let Some(seconds) = median(parts) {
                let _ = writeln!(
                    text,
                    "  {part}: {:.1} ms a film",
                    1e3 * seconds / f64::from(case.batch)
                );
            }
        }
    }
    text
}

/// Speed of pleura divided by that of a peer: the median of the ratios within rounds.
fn ratio(measurements: &[&Measurement], peer: Engine) -> Option<f64> {
    let ratios = of(measurements, peer).into_iter().filter_map(|other| {
        let same_round = |own: &&&Measurement| own.engine == Engine::Pleura && own.round == other.round;
        let own = measurements.iter().find(same_round)?;
        Some(seconds_a_film(other) / seconds_a_film(own))
    });
    median(ratios).filter(|_| peer != Engine::Pleura)
}

/// Multiply-adds of the convolutions and the head, as a share of the matrix product's rate in the same round.
/// A training step counts three forward passes: its gradients by input and by weight are one more each.
fn product_share(case: &Case, measurements: &[&Measurement], engine: Engine) -> Option<f64> {
    let passes = match case.mode {
        Mode::Train => 3.0,
        Mode::Infer => 1.0,
        Mode::Explain | Mode::Start | Mode::Film => return None,
    };
    // pleura does not count its own; networks are of one size, which is checked.
    let forward = measurements.iter().find_map(|one| one.answer.multiply_adds)? as f64;
    let shares = of(measurements, engine).into_iter().filter_map(|one| {
        let same_round = |limit: &&&Measurement| limit.engine == Engine::Sgemm && limit.round == one.round;
        let rate = measurements
            .iter()
            .find(same_round)?
            .answer
            .multiply_adds_per_second?;
        Some(forward * passes / seconds_a_film(one) / rate)
    });
    median(shares)
}

fn of<'a>(measurements: &[&'a Measurement], engine: Engine) -> Vec<&'a Measurement> {
    let mut own = measurements.to_vec();
    own.retain(|one| one.engine == engine);
    own
}

/// Of the median step.
fn seconds_a_film(one: &Measurement) -> f64 {
    median(one.answer.seconds.iter().copied()).map_or(f64::NAN, |seconds| seconds / f64::from(one.case.batch))
}

fn shown(value: Option<f64>, form: impl Fn(f64) -> String) -> String {
    value.map_or_else(String::new, form)
}

/// The median; `None` without values.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{case, measurement};
    use super::*;

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
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
        let all: Vec<&Measurement> = all.iter().collect();
        assert_eq!(ratio(&all, Engine::Eager), Some(2.0));
        assert_eq!(ratio(&all, Engine::Pleura), None);
    }

    #[test]
    fn the_share_counts_three_passes_a_training_step() {
        let mut all = [
            measurement(0, Engine::Sgemm, &[0.1]),
            measurement(0, Engine::Pleura, &[3.0, 3.2, 3.4]),
            measurement(0, Engine::Eager, &[6.4]),
        ];
        all[0].answer.multiply_adds_per_second = Some(90e9);
        all[2].answer.multiply_adds = Some(3_000_000_000);
        let all: Vec<&Measurement> = all.iter().collect();
        let share = product_share(&case(), &all, Engine::Pleura).unwrap();
        assert!((share - 0.5).abs() < 1e-12, "5 films/s · 9 G / 90 G, not {share}");
        let text = table(&case(), &all);
        assert!(text.contains("matrix product 90.0 G"), "{text}");
        assert!(text.contains("2.00 ×") && text.contains("50 %"), "{text}");
    }
}
