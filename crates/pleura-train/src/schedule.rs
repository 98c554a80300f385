//! The schedule: a factor for every learning rate, which depends only on the step.

use pleura_run::recipe::ScheduleRecipe;

/// A schedule for a stage of known length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    recipe: ScheduleRecipe,
    steps_per_epoch: u64,
    steps: u64,
    warm_up_steps: u64,
}

impl Schedule {
    /// The schedule over `epochs` epochs of `steps_per_epoch` steps.
    pub fn new(recipe: ScheduleRecipe, epochs: usize, steps_per_epoch: usize) -> Self {
        let steps_per_epoch = steps_per_epoch.max(1) as u64;
        let warm_up_steps = recipe.warm_up().map_or(0, |warm_up| {
            (warm_up.epochs * steps_per_epoch as f64).round() as u64
        });
        Self {
            recipe,
            steps_per_epoch,
            steps: epochs as u64 * steps_per_epoch,
            warm_up_steps,
        }
    }

    /// Factor at `step`, counted from 0 over the whole stage.
    ///
    /// Warm-up: from + (1 − from)·step/length. Then 1; or `factor` to the power of the number of complete
    /// `every` epochs since the stage began; or floor + (1 − floor)·(1 + cos πt)/2 with t from 0 at the end
    /// of the warm-up to 1 at the end of the stage.
    pub fn factor(&self, step: u64) -> f64 {
        if step < self.warm_up_steps {
            let from = self.recipe.warm_up().map_or(1.0, |warm_up| warm_up.from);
            return from + (1.0 - from) * step as f64 / self.warm_up_steps as f64;
        }
        match self.recipe {
            ScheduleRecipe::Constant { .. } => 1.0,
            ScheduleRecipe::Step { every, factor, .. } => {
                let drops = step / self.steps_per_epoch / every.max(1) as u64;
                (0..drops).fold(1.0, |product, _| product * factor)
            }
            ScheduleRecipe::Cosine { floor, .. } => {
                let length = self.steps.saturating_sub(self.warm_up_steps).max(1);
                let passed = (step - self.warm_up_steps).min(length) as f64 / length as f64;
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * passed).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests;
