//! What many measurements of one case come to.

use super::case::{Case, Measurement, Mode};
use super::engine::Engine;

/// One case's measurements.
pub(super) struct Summary<'a> {
    pub(super) case: &'a Case,
    measurements: Vec<&'a Measurement>,
}

/// The middle of some values, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Span {
    /// Nothing where there are no values.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        Some(Self {
            least: values.iter().copied().reduce(f64::min)?,
            most: values.iter().copied().reduce(f64::max)?,
            median: median(values)?,
        })
    }
}

impl<'a> Summary<'a> {
    pub(super) fn new(case: &'a Case, measurements: Vec<&'a Measurement>) -> Self {
        Self { case, measurements }
    }

    /// Those that were measured, pleura first; not the matrix product.
    pub(super) fn engines(&self) -> Vec<Engine> {
        let mut engines: Vec<Engine> = self.measurements.iter().map(|one| one.engine).collect();
        engines.sort_unstable();
        engines.dedup();
        engines.retain(|engine| *engine != Engine::Sgemm);
        engines
    }

    /// Seconds a film, round by round: the median step's.
    pub(super) fn seconds(&self, engine: Engine) -> Option<Span> {
        Span::of(self.of(engine).map(seconds_a_film))
    }

    /// Films a second, round by round.
    pub(super) fn speed(&self, engine: Engine) -> Option<Span> {
        Span::of(self.of(engine).map(|one| 1.0 / seconds_a_film(one)))
    }

    /// How many times as fast pleura is, measured in pairs: within each round.
    pub(super) fn ratio(&self, peer: Engine) -> Option<Span> {
        if peer == Engine::Pleura {
            return None;
        }
        Span::of(self.of(peer).filter_map(|other| {
            let own = self.of(Engine::Pleura).find(|own| own.round == other.round)?;
            Some(seconds_a_film(other) / seconds_a_film(own))
        }))
    }

    /// Multiply-adds of the convolutions and the head, as a share of the matrix product's rate in the same round. A
    /// training step counts three forward passes: its gradients by input and by weight are one more each.
    pub(super) fn share(&self, engine: Engine) -> Option<f64> {
        let passes = match self.case.mode {
            Mode::Train => 3.0,
            Mode::Infer => 1.0,
            Mode::Explain | Mode::Start | Mode::Film => return None,
        };
        let forward = self.multiply_adds()? as f64;
        let shares = self.of(engine).filter_map(|one| {
            let limit = self.of(Engine::Sgemm).find(|limit| limit.round == one.round)?;
            let rate = limit.answer.multiply_adds_per_second?;
            Some(forward * passes / seconds_a_film(one) / rate)
        });
        median(shares.collect())
    }

    /// The matrix product's multiply-adds a second.
    pub(super) fn product(&self) -> Option<f64> {
        median(
            self.of(Engine::Sgemm)
                .filter_map(|one| one.answer.multiply_adds_per_second)
                .collect(),
        )
    }

    /// Largest resident set in bytes.
    pub(super) fn memory(&self, engine: Engine) -> Option<f64> {
        median(
            self.of(engine)
                .filter_map(|one| one.cost.peak_rss_bytes)
                .map(|bytes| bytes as f64)
                .collect(),
        )
    }

    /// A step's time over that of a part of it, or of work beside it, round by round.
    pub(super) fn over_part(&self, engine: Engine, part: &str) -> Option<f64> {
        let ratios = self.of(engine).filter_map(|one| {
            let part = median(one.answer.parts.get(part)?.clone())?;
            Some(median(one.answer.seconds.clone())? / part)
        });
        median(ratios.collect())
    }

    /// The engine's version as it says it.
    pub(super) fn version(&self, engine: Engine) -> Option<&'a str> {
        self.of(engine)
            .map(|one| one.answer.version.as_str())
            .find(|version| !version.is_empty())
    }

    /// The way that pleura took on this machine.
    pub(super) fn path(&self) -> Option<&'a str> {
        self.of(Engine::Pleura).find_map(|one| one.answer.path.as_deref())
    }

    /// Rounds that were measured.
    pub(super) fn rounds(&self) -> usize {
        self.of(Engine::Pleura).count()
    }

    /// Of one film's forward pass. pleura does not count its own; networks are of one size, which is checked.
    fn multiply_adds(&self) -> Option<u64> {
        self.measurements.iter().find_map(|one| one.answer.multiply_adds)
    }

    fn of(&self, engine: Engine) -> impl Iterator<Item = &'a Measurement> {
        self.measurements
            .iter()
            .copied()
            .filter(move |one| one.engine == engine)
    }
}

/// Of the median step.
fn seconds_a_film(one: &Measurement) -> f64 {
    median(one.answer.seconds.clone()).map_or(f64::NAN, |seconds| seconds / f64::from(one.case.batch))
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
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
    use super::super::samples::{case, measurement};
    use super::*;

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(Span::of([f64::NAN]), None);
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
        let case = case();
        let summary = Summary::new(&case, all.iter().collect());
        assert_eq!(
            summary.ratio(Engine::Eager),
            Some(Span {
                least: 2.0,
                median: 2.0,
                most: 2.0
            })
        );
        assert_eq!(summary.ratio(Engine::Pleura), None);
        assert_eq!(summary.rounds(), 2);
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
        let case = case();
        let share = Summary::new(&case, all.iter().collect())
            .share(Engine::Pleura)
            .unwrap();
        assert!((share - 0.5).abs() < 1e-12, "5 films/s · 9 G / 90 G, not {share}");
    }

    #[test]
    fn a_step_is_compared_with_its_parts_in_the_same_round() {
        let mut all = [
            measurement(0, Engine::Pleura, &[0.6]),
            measurement(1, Engine::Pleura, &[1.2]),
        ];
        for (one, part) in all.iter_mut().zip([0.1, 0.2]) {
            one.answer.parts.insert("forward".to_owned(), vec![part]);
        }
        let case = case();
        let over = Summary::new(&case, all.iter().collect()).over_part(Engine::Pleura, "forward");
        assert!((over.unwrap() - 6.0).abs() < 1e-12);
    }
}
