//! Model parameter randomisation (Adebayo et al., arXiv 1810.03292): a heatmap that stays the same when
//! weights are randomised does not explain the trained weights.

use pleura_nn::backend::Backend;
use pleura_nn::{Network, Weights};

use super::{Film, Score, rank_correlation, structural_similarity};
use crate::{Error, Map, Method};

/// A network whose layers are randomised group after group, from the head down; norms and their running
/// statistics too.
pub struct Cascade<B: Backend> {
    /// The group that was randomised last, and the network.
    steps: Vec<(String, Network<B>)>,
}

impl<B: Backend> Default for Cascade<B> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

/// Independent weights correlate by hundredths at most, even in small networks; weights correlate with their
/// initial values by tenths.
const REMEMBERED: f64 = 0.1;

/// Uncentred correlation of two networks' convolution weights.
fn likeness(one: &Weights, other: &Weights) -> f64 {
    let convolutions = one.tensors.iter().filter(|(_, tensor)| tensor.shape.len() == 4);
    let pairs = convolutions.filter_map(|(name, tensor)| Some((tensor, other.tensors.get(name)?)));
    let (mut both, mut squares) = (0.0, [0.0; 2]);
    for (a, b) in pairs.flat_map(|(a, b)| a.data.iter().zip(&b.data)) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        both += a * b;
        squares[0] += a * a;
        squares[1] += b * b;
    }
    both / (squares[0] * squares[1]).sqrt().max(f64::MIN_POSITIVE)
}

impl<B: Backend> Cascade<B> {
    /// Skips a seed that the network's own training began with.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn new(network: &Network<B>, seed: u64, backend: impl Fn() -> B) -> Result<Self, Error> {
        let mut weights = network.weights();
        let fresh = |seed: u64| {
            Weights::initialise(
                &weights.architecture,
                &weights.findings,
                weights.normalisation,
                seed,
            )
        };
        let mut drawn = fresh(seed);
        // The training may have used this seed: its weights still correlate with their initial values, so
        // this seed would randomise less.
        if likeness(&weights, &drawn).abs() > REMEMBERED {
            drawn = fresh(seed ^ (1 << 63));
        }
        let fresh = drawn;
        let mut groups: Vec<&str> = network
            .parameters()
            .iter()
            .map(|spec| spec.group.as_str())
            .collect();
        groups.dedup();
        groups.reverse();
        let mut steps = Vec::new();
        for group in groups {
            let specs = network.parameters().iter().filter(|spec| spec.group == group);
            for name in specs.map(|spec| &spec.name) {
                if let Some(tensor) = fresh.tensors.get(name) {
                    weights.tensors.insert(name.clone(), tensor.clone());
                }
            }
            steps.push((group.to_owned(), Network::new(backend(), &weights)?));
        }
        Ok(Self { steps })
    }

    /// The groups in order of randomisation.
    pub fn groups(&self) -> Vec<&str> {
        self.steps.iter().map(|(group, _)| group.as_str()).collect()
    }

    /// Similarity of the map to those of the same method in each network of the cascade: its mean, and the
    /// rank correlation of each.
    pub(super) fn scores(&self, film: &Film<'_>, method: &Method, map: &Map) -> Result<Vec<Score>, Error> {
        let (mut by_rank, mut by_structure) = (Vec::new(), Vec::new());
        for (_, network) in &self.steps {
            let starts = std::slice::from_ref(&map.start);
            let found = method.explain(network, film.grey, film.size, starts)?;
            let other = &found.maps[0].heatmap;
            by_rank.push(rank_correlation(&map.heatmap, other));
            by_structure.push(structural_similarity(&map.heatmap, other, film.size));
        }
        let mut scores = vec![
            Score::new("randomisation.rank", mean(&by_rank)),
            Score::new("randomisation.ssim", mean(&by_structure)),
        ];
        let each = self.steps.iter().zip(by_rank);
        scores
            .extend(each.map(|((group, _), value)| Score::new(format!("randomisation.rank.{group}"), value)));
        Ok(scores)
    }
}

/// Mean of the defined values: an empty map is similar to none.
fn mean(values: &[f64]) -> f64 {
    let defined: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    defined.iter().sum::<f64>() / defined.len() as f64
}
