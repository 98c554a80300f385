//! The stages that the weights of a stage went through.

use super::{Recipe, Stage, Start};

impl Recipe {
    /// The number of the stage whose best weights stage `number` starts from, if it starts from a stage.
    pub fn previous_stage(&self, number: usize) -> Option<usize> {
        match &self.stages.get(number)?.start {
            Some(Start::Stage(name)) => self.stages[..number].iter().position(|stage| stage.name == *name),
            Some(_) => None,
            None => number.checked_sub(1),
        }
    }

    /// The numbers of the stages that the weights of stage `name` went through, the last stage first.
    pub fn lineage(&self, name: &str) -> Vec<usize> {
        let last = self.stages.iter().position(|stage| stage.name == name);
        std::iter::successors(last, |&number| self.previous_stage(number)).collect()
    }

    /// The stage whose result is the result of the run: of the stages that no other stage starts from, the
    /// first that keeps output neurons, or else the last. A recipe that trains with and without keeping has
    /// many such stages.
    pub fn lead_stage(&self) -> Option<&Stage> {
        let is_last =
            |number: usize| (0..self.stages.len()).all(|other| self.previous_stage(other) != Some(number));
        let last: Vec<&Stage> = (0..self.stages.len())
            .filter(|&number| is_last(number))
            .map(|number| &self.stages[number])
            .collect();
        let keeping = last.iter().find(|stage| stage.keep.keeps_any());
        keeping.or(last.last()).copied()
    }
}
