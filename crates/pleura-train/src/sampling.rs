//! Draws training films so that attributes do not predict the class.
//!
//! The target is the field's group balance (Idrissi et al., "Simple data balancing achieves competitive
//! worst-group-accuracy", PMLR 177, 2022): the draws of a class are shared equally by the values of an attribute
//! that the class has. Several attributes are balanced one by one, by iterative proportional fitting (Deming
//! and Stephan 1940), not as joint groups, because few films would leave most joint groups empty. No film
//! may be drawn more often than `max_repeat` times in an epoch, on average.

use pleura_core::rng::{Scheme, shuffle, stream, unit};
use pleura_manifest::Manifest;
use pleura_run::{
    data::{BalancedAttribute, SamplingEffect},
    recipe::Sampling,
};

/// Rounds of the fit. The weights of real tables settle in some tens.
const ROUNDS: usize = 300;

/// The expected number of draws of each training film in an epoch, and their effect.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// One for each training film, in the plan's order. Their sum is the number of films.
    expected: Vec<f64>,
    /// The effect, for the records of the run.
    pub effect: SamplingEffect,
}

/// The films' values of one attribute.
struct Attribute {
    name: String,
    values: Vec<String>,
    /// The value of each film.
    of: Vec<usize>,
}

impl Sampler {
    /// Fits the draws. `films` holds the class and the row of each training film.
    ///
    /// # Errors
    /// An attribute that the manifest does not have; the message lists those that it has.
    pub(crate) fn new(
        sampling: &Sampling,
        classes: usize,
        films: &[(usize, usize)],
        manifest: &Manifest,
    ) -> Result<Self, String> {
        let attributes = sampling
            .attributes()
            .map(|name| Attribute::read(name, films, manifest))
            .collect::<Result<Vec<_>, String>>()?;
        let class: Vec<usize> = films.iter().map(|(class, _)| *class).collect();
        let expected = fit(sampling, classes, &class, &attributes);
        let effect = effect(&expected, classes, &class, attributes);
        Ok(Self { expected, effect })
    }

    /// The draws of an epoch, in the order of training: systematic sampling of the shuffled films. A film is
    /// drawn its expected number of times, rounded down or up.
    pub(crate) fn draw(&self, rows: &[usize], seed: u64, epoch: u64) -> Vec<usize> {
        let mut random = stream(
            Scheme::Sha256,
            seed,
            &[b"sampling of an epoch", &epoch.to_le_bytes()],
        );
        let mut films: Vec<usize> = (0..rows.len()).collect();
        shuffle(&mut films, &mut random);
        let start = unit(&mut random);
        let (mut drawn, mut sum) = (Vec::with_capacity(rows.len()), 0.0);
        for film in films {
            sum += self.expected[film];
            while drawn.len() < rows.len() && (drawn.len() as f64) + start < sum {
                drawn.push(rows[film]);
            }
        }
        shuffle(&mut drawn, &mut random);
        drawn
    }
}

impl Attribute {
    fn read(name: &str, films: &[(usize, usize)], manifest: &Manifest) -> Result<Self, String> {
        let value = manifest.attribute(name).map_err(|error| error.to_string())?;
        let of_films: Vec<String> = films.iter().map(|(_, row)| value(&manifest.rows[*row])).collect();
        let mut values = of_films.clone();
        values.sort();
        values.dedup();
        let of = of_films
            .iter()
            .map(|value| values.partition_point(|other| other < value))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            values,
            of,
        })
    }

    /// Sums of the films' weights, `[classes][values]`.
    fn table(&self, classes: usize, class: &[usize], weights: &[f64]) -> Vec<Vec<f64>> {
        let mut table = vec![vec![0.0; self.values.len()]; classes];
        for ((&class, &value), weight) in class.iter().zip(&self.of).zip(weights) {
            table[class][value] += weight;
        }
        table
    }
}

/// The expected number of draws of each film: fitted to each attribute in turn, then bounded.
fn fit(sampling: &Sampling, classes: usize, class: &[usize], attributes: &[Attribute]) -> Vec<f64> {
    let films = class.len();
    let ones = vec![1.0; films];
    let mut wanted = vec![0.0; classes];
    for &class in class {
        wanted[class] += 1.0;
    }
    if sampling.balances_class() {
        wanted = equal_shares(&wanted, sampling.max_repeat);
    }
    // The number of values that each class has, for each attribute.
    let values: Vec<Vec<f64>> = attributes
        .iter()
        .map(|attribute| {
            let table = attribute.table(classes, class, &ones);
            let filled = |row: &Vec<f64>| row.iter().filter(|films| **films > 0.0).count() as f64;
            table.iter().map(filled).collect()
        })
        .collect();
    let mut weights = ones;
    for _ in 0..ROUNDS {
        for (attribute, values) in attributes.iter().zip(&values) {
            let table = attribute.table(classes, class, &weights);
            for ((weight, &class), &value) in weights.iter_mut().zip(class).zip(&attribute.of) {
                *weight *= wanted[class] / values[class] / table[class][value];
            }
        }
        bound(&mut weights, class, &wanted, sampling.max_repeat);
    }
    weights
}

/// The draws of each class: equal, but for a class with too few films, which leaves the rest to the others.
fn equal_shares(films: &[f64], most: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..films.len()).collect();
    order.sort_by(|&a, &b| films[a].total_cmp(&films[b]));
    let mut left: f64 = films.iter().sum();
    let mut wanted = vec![0.0; films.len()];
    for (place, class) in order.into_iter().enumerate() {
        wanted[class] = (left / (films.len() - place) as f64).min(most * films[class]);
        left -= wanted[class];
    }
    wanted
}

/// Scales the weights of each class to its wanted sum, none above `most`.
fn bound(weights: &mut [f64], class: &[usize], wanted: &[f64], most: f64) {
    for (number, &wanted) in wanted.iter().enumerate() {
        let own: Vec<usize> = (0..class.len()).filter(|&film| class[film] == number).collect();
        let mut bounded = vec![false; own.len()];
        loop {
            let left = wanted - most * bounded.iter().filter(|bounded| **bounded).count() as f64;
            let free: f64 = own
                .iter()
                .zip(&bounded)
                .filter(|(_, bounded)| !**bounded)
                .map(|(&film, _)| weights[film])
                .sum();
            let mut changed = false;
            for (&film, bounded) in own.iter().zip(&mut bounded) {
                if !*bounded && weights[film] * left.max(0.0) / free > most {
                    *bounded = true;
                    changed = true;
                }
            }
            if changed {
                continue;
            }
            for (&film, bounded) in own.iter().zip(&bounded) {
                weights[film] = if *bounded {
                    most
                } else {
                    weights[film] * left.max(0.0) / free
                };
            }
            break;
        }
    }
}

fn effect(expected: &[f64], classes: usize, class: &[usize], attributes: Vec<Attribute>) -> SamplingEffect {
    let sum: f64 = expected.iter().sum();
    let squares: f64 = expected.iter().map(|draws| draws * draws).sum();
    let mut class_shares = vec![0.0; classes];
    for (&class, draws) in class.iter().zip(expected) {
        class_shares[class] += draws / sum;
    }
    let ones = vec![1.0; class.len()];
    let attributes = attributes.into_iter().map(|attribute| {
        let films = attribute.table(classes, class, &ones);
        let mut drawn = attribute.table(classes, class, expected);
        for share in drawn.iter_mut().flatten() {
            *share /= sum;
        }
        BalancedAttribute {
            association: cramers_v(&films),
            association_drawn: cramers_v(&drawn),
            films: films
                .iter()
                .map(|row| row.iter().map(|films| *films as usize).collect())
                .collect(),
            drawn,
            name: attribute.name,
            values: attribute.values,
        }
    });
    SamplingEffect {
        effective_films: sum * sum / squares,
        largest_repeat: expected.iter().copied().fold(0.0, f64::max),
        class_shares,
        attributes: attributes.collect(),
    }
}

/// Cramér's V of a table of weights, without a correction for its size; 0 with one class or one value.
fn cramers_v(table: &[Vec<f64>]) -> f64 {
    let sum: f64 = table.iter().flatten().sum();
    let rows: Vec<f64> = table.iter().map(|row| row.iter().sum()).collect();
    let width = table.first().map_or(0, Vec::len);
    let columns: Vec<f64> = (0..width)
        .map(|column| table.iter().map(|row| row[column]).sum())
        .collect();
    let filled = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count();
    let degrees = filled(&rows).min(filled(&columns)).saturating_sub(1);
    if degrees == 0 {
        return 0.0;
    }
    let mut squares = 0.0;
    for (row, weights) in rows.iter().zip(table) {
        for (column, weight) in columns.iter().zip(weights) {
            let independent = row * column / sum;
            if independent > 0.0 {
                squares += (weight - independent).powi(2) / independent;
            }
        }
    }
    (squares / sum / degrees as f64).sqrt()
}

#[cfg(test)]
mod tests;
