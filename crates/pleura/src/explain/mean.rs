//! The mean of the heatmaps of several films.

use pleura_explain::{Explanation, Map};

/// Sums of heatmaps and their accounts, method by method and question by question.
#[derive(Clone, Debug, Default)]
pub struct Mean {
    films: usize,
    sums: Vec<Vec<Map>>,
}

impl Mean {
    /// Adds a film's explanations. All films must be asked the same questions by the same methods.
    pub fn add(&mut self, explanations: Vec<Explanation>) {
        self.films += 1;
        if self.sums.is_empty() {
            self.sums = explanations
                .into_iter()
                .map(|explanation| explanation.maps)
                .collect();
            return;
        }
        for (sums, explanation) in self.sums.iter_mut().zip(explanations) {
            for (sum, map) in sums.iter_mut().zip(explanation.maps) {
                for (sum, value) in sum.heatmap.iter_mut().zip(map.heatmap) {
                    *sum += value;
                }
                sum.value += map.value;
                sum.account.add(&map.account);
            }
        }
    }

    /// The number of films.
    pub fn films(&self) -> usize {
        self.films
    }

    /// The mean maps, method by method.
    pub(super) fn maps(&self) -> impl Iterator<Item = Vec<Map>> {
        let films = self.films as f64;
        self.sums
            .iter()
            .map(move |sums| sums.iter().map(|sum| divided(sum, films)).collect())
    }
}

fn divided(sum: &Map, films: f64) -> Map {
    let mut map = sum.clone();
    for value in &mut map.heatmap {
        *value = (f64::from(*value) / films) as f32;
    }
    map.value /= films;
    map.account.divide(films);
    map
}
