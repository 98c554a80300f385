//! The speed of a stage, its remaining time, and the share of time spent waiting for films.

use std::time::Duration;

/// Times since the stage began or was resumed.
#[derive(Clone, Debug)]
pub(crate) struct Throughput {
    steps_per_epoch: usize,
    epochs: usize,
    steps: u32,
    films: usize,
    training: Duration,
    waited: Duration,
    validations: u32,
    validating: Duration,
}

impl Throughput {
    pub(crate) fn new(steps_per_epoch: usize, epochs: usize) -> Self {
        Self {
            steps_per_epoch,
            epochs,
            steps: 0,
            films: 0,
            training: Duration::ZERO,
            waited: Duration::ZERO,
            validations: 0,
            validating: Duration::ZERO,
        }
    }

    /// Adds a step over some films that took `whole`, including `waited` for films.
    pub(crate) fn step(&mut self, films: usize, whole: Duration, waited: Duration) {
        self.steps += 1;
        self.films += films;
        self.training += whole;
        self.waited += waited;
    }

    pub(crate) fn validated(&mut self, took: Duration) {
        self.validations += 1;
        self.validating += took;
    }

    pub(crate) fn films_per_second(&self) -> f64 {
        ratio(self.films as f64, self.training.as_secs_f64())
    }

    /// Share of the training time spent waiting for films.
    pub(crate) fn waiting(&self) -> f64 {
        ratio(self.waited.as_secs_f64(), self.training.as_secs_f64())
    }

    /// Time to the last step and the last validation, after `step` steps of the stage, in `epoch`.
    pub(crate) fn left(&self, step: u64, epoch: usize) -> Duration {
        let steps = (self.steps_per_epoch * self.epochs) as f64 - step as f64;
        let step = ratio(self.training.as_secs_f64(), f64::from(self.steps));
        let validation = ratio(self.validating.as_secs_f64(), f64::from(self.validations));
        let epochs = self.epochs.saturating_sub(epoch) as f64;
        Duration::try_from_secs_f64(steps.max(0.0) * step + epochs * validation).unwrap_or(Duration::MAX)
    }
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_steps_and_validations() {
        let mut pace = Throughput::new(10, 3);
        let second = Duration::from_secs(1);
        for _ in 0..10 {
            pace.step(16, 2 * second, second / 2);
        }
        assert_eq!((pace.films_per_second(), pace.waiting()), (8.0, 0.25));
        assert_eq!(pace.left(10, 1), 40 * second);
        pace.validated(5 * second);
        assert_eq!(pace.left(10, 1), 50 * second);
    }
}
