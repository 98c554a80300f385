//! Output neuron keeping (Bassi & Attux, arXiv 2005.01578; docs/method.md §2): a new head that takes over
//! old neurons by name.
//!
//! The new head is first drawn at its new size. Then the weight row and the bias of each finding that the
//! old head has are copied. A fresh neuron depends only on the seed and the name of its finding, so it does
//! not depend on which other neurons are kept.

use pleura_core::sha256::Hasher;
use pleura_nn::weights::Head;
use pleura_run::recipe::{Keep, KeepRule};
use pleura_run::{Neuron, NeuronOrigin, Neurons, Proof};

/// The reason why a head cannot be built: what was found and what is allowed.
pub type Problem = String;

/// The new head, and the origin of its neurons.
///
/// `old` is the head of the weights that the stage starts from, `None` for a random start.
///
/// # Errors
/// A map that names a finding the old head lacks (with those it has), or keeping without an old head.
pub fn new_head(
    old: Option<&Head>,
    findings: &[String],
    features: usize,
    keep: &Keep,
    seed: u64,
) -> Result<(Head, Neurons), Problem> {
    let sources = sources(old.map(|old| old.findings.as_slice()), findings, keep)?;
    let mut head = Head::fresh(findings, features, seed);
    let mut neurons = Vec::with_capacity(findings.len());
    for (finding, source) in findings.iter().zip(sources) {
        let source = old
            .zip(source)
            .and_then(|(old, name)| Some((name, old.neuron(name)?)));
        let mut neuron = Neuron {
            finding: finding.clone(),
            origin: NeuronOrigin::Fresh,
            from: None,
            weight_sha256: String::new(),
            old_weight_sha256: None,
            bias: 0.0,
            bias_kept: false,
        };
        let Some((row, bias)) = head.neuron_mut(finding) else {
            return Err(format!("the new head has no neuron {finding:?}"));
        };
        if let Some((name, (old_row, old_bias))) = source {
            if old_row.len() != row.len() {
                return Err(format!(
                    "the old head reads {} features, expected {}",
                    old_row.len(),
                    row.len()
                ));
            }
            row.copy_from_slice(old_row);
            neuron.origin = if name == finding {
                NeuronOrigin::Kept
            } else {
                NeuronOrigin::Mapped
            };
            neuron.from = Some(name.to_owned());
            neuron.old_weight_sha256 = Some(row_digest(old_row));
            if keep.rule == KeepRule::WeightAndBias {
                *bias = old_bias;
                neuron.bias_kept = true;
            }
        }
        neuron.weight_sha256 = row_digest(row);
        neuron.bias = *bias;
        neurons.push(neuron);
    }
    let left_behind = old.map_or(Vec::new(), |old| {
        let lives = |name: &String| neurons.iter().any(|neuron| neuron.from.as_ref() == Some(name));
        old.findings.iter().filter(|name| !lives(name)).cloned().collect()
    });
    Ok((
        head,
        Neurons {
            rule: keep.rule,
            neurons,
            left_behind,
            proof: None,
        },
    ))
}

/// The old finding that each new finding takes over, if any. `old` are the findings of the old head.
///
/// # Errors
/// A map that names a finding the old head lacks (with those it has), or keeping without an old head.
pub fn sources<'a>(
    old: Option<&[String]>,
    findings: &'a [String],
    keep: &'a Keep,
) -> Result<Vec<Option<&'a str>>, Problem> {
    if !keep.keeps_any() {
        return Ok(vec![None; findings.len()]);
    }
    let Some(old) = old else {
        return Err(
            "keep: there is no old head to keep neurons of; start from weights or from another stage".into(),
        );
    };
    let source = |finding: &'a String| {
        if keep.fresh.contains(finding) {
            return Ok(None);
        }
        let mapped = keep.map.get(finding);
        let name = mapped.unwrap_or(finding);
        match (old.contains(name), mapped) {
            (true, _) => Ok(Some(name.as_str())),
            (false, None) => Ok(None),
            (false, Some(_)) => Err(format!(
                "keep.map: {finding} ← {name:?}, but the old head has no such finding; it has {}",
                old.join(", ")
            )),
        }
    };
    findings.iter().map(source).collect()
}

/// Compares the logits of the old and the new network on the same films, before the first step.
///
/// `old_logits` is `[films, old.findings]`, `new_logits` `[films, new.findings]`, row-major. With fresh
/// biases the logits cannot be equal, so the weight rows are compared.
///
/// # Errors
/// The neuron and the film whose logits differ.
pub fn prove(
    neurons: &mut Neurons,
    (old, old_logits): (&Head, &[f32]),
    (new, new_logits): (&Head, &[f32]),
    films: usize,
) -> Result<(), Problem> {
    let (old_width, new_width) = (old.findings.len(), new.findings.len());
    let mut compared = 0;
    for (output, neuron) in neurons.neurons.iter().enumerate() {
        let Some(from) = &neuron.from else { continue };
        let Some(input) = old.findings.iter().position(|name| name == from) else {
            return Err(format!(
                "{} ← {from}: the old head has no such finding",
                neuron.finding
            ));
        };
        compared += 1;
        let rows = [old.neuron(from), new.neuron(&neuron.finding)];
        let [Some((old_row, _)), Some((new_row, _))] = rows else {
            return Err(format!("{} ← {from}: a row is missing", neuron.finding));
        };
        if !old_row
            .iter()
            .map(|value| value.to_bits())
            .eq(new_row.iter().map(|value| value.to_bits()))
        {
            return Err(format!("{} ← {from}: the weight rows differ", neuron.finding));
        }
        if neurons.rule != KeepRule::WeightAndBias {
            continue;
        }
        for film in 0..films {
            let before = old_logits
                .get(film * old_width + input)
                .copied()
                .unwrap_or(f32::NAN);
            let after = new_logits
                .get(film * new_width + output)
                .copied()
                .unwrap_or(f32::NAN);
            if before.to_bits() != after.to_bits() {
                return Err(format!(
                    "{} ← {from}: film {film} of the check had the logit {before:e} and now has {after:e}",
                    neuron.finding
                ));
            }
        }
    }
    if compared > 0 {
        let equal = if neurons.rule == KeepRule::WeightAndBias {
            "logits"
        } else {
            "weight rows"
        };
        neurons.proof = Some(Proof {
            films,
            neurons: compared,
            equal: equal.to_owned(),
        });
    }
    Ok(())
}

fn row_digest(row: &[f32]) -> String {
    let mut hash = Hasher::new();
    for value in row {
        hash.update(value.to_le_bytes());
    }
    hash.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: usize = 5;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn old() -> Head {
        Head::fresh(
            &names(&["No Finding", "Pneumonia", "Mass", "COVID-19"]),
            FEATURES,
            77,
        )
    }

    fn target() -> Vec<String> {
        names(&["COVID-19", "pneumonia", "normal"])
    }

    fn keep(rule: KeepRule) -> Keep {
        Keep {
            rule,
            map: [("normal", "No Finding"), ("pneumonia", "Pneumonia")]
                .map(|(new, old)| (new.to_owned(), old.to_owned()))
                .into(),
            fresh: Vec::new(),
        }
    }

    /// Logits of a head on artificial features.
    fn logits(head: &Head, films: usize) -> Vec<f32> {
        let feature = |film: usize, index: usize| ((film * 7 + index * 3) as f32).sin();
        (0..films)
            .flat_map(|film| {
                head.findings.iter().map(move |finding| {
                    let (row, bias) = head.neuron(finding).unwrap();
                    bias + row
                        .iter()
                        .enumerate()
                        .map(|(i, weight)| weight * feature(film, i))
                        .sum::<f32>()
                })
            })
            .collect()
    }

    #[test]
    fn three_rules() {
        let old = old();
        let fresh = Head::fresh(&target(), FEATURES, 5);
        for (rule, weight_kept, bias_kept) in [
            (KeepRule::WeightAndBias, true, true),
            (KeepRule::Weight, true, false),
            (KeepRule::Nothing, false, false),
        ] {
            let (head, neurons) = new_head(Some(&old), &target(), FEATURES, &keep(rule), 5).unwrap();
            for (new, from) in [
                ("normal", "No Finding"),
                ("pneumonia", "Pneumonia"),
                ("COVID-19", "COVID-19"),
            ] {
                let (row, bias) = head.neuron(new).unwrap();
                let expected_row = if weight_kept {
                    old.neuron(from)
                } else {
                    fresh.neuron(new)
                }
                .unwrap()
                .0;
                let expected_bias = if bias_kept {
                    old.neuron(from)
                } else {
                    fresh.neuron(new)
                }
                .unwrap()
                .1;
                assert_eq!((row, bias), (expected_row, expected_bias), "{rule:?} {new}");
            }
            let origins: Vec<NeuronOrigin> = neurons.neurons.iter().map(|neuron| neuron.origin).collect();
            if weight_kept {
                assert_eq!(
                    origins,
                    [NeuronOrigin::Kept, NeuronOrigin::Mapped, NeuronOrigin::Mapped]
                );
                assert_eq!(neurons.left_behind, ["Mass"]);
                let neuron = &neurons.neurons[1];
                assert_eq!(Some(&neuron.weight_sha256), neuron.old_weight_sha256.as_ref());
            } else {
                assert_eq!(origins, [NeuronOrigin::Fresh; 3]);
            }
        }
    }

    #[test]
    fn fresh_neurons_depend_on_the_seed_alone() {
        let mut partial = keep(KeepRule::WeightAndBias);
        partial.fresh = names(&["COVID-19"]);
        let (some, neurons) = new_head(Some(&old()), &target(), FEATURES, &partial, 5).unwrap();
        let (none, _) = new_head(Some(&old()), &target(), FEATURES, &keep(KeepRule::Nothing), 5).unwrap();
        let (other, _) = new_head(Some(&old()), &target(), FEATURES, &keep(KeepRule::Nothing), 6).unwrap();
        assert_eq!(neurons.neurons[0].origin, NeuronOrigin::Fresh);
        assert_eq!(some.neuron("COVID-19"), none.neuron("COVID-19"));
        assert_ne!(some.neuron("normal"), none.neuron("normal"));
        assert_ne!(none.neuron("COVID-19"), other.neuron("COVID-19"));
    }

    #[test]
    fn the_proof_holds_and_can_fail() {
        let old = old();
        let (mut head, mut neurons) =
            new_head(Some(&old), &target(), FEATURES, &keep(KeepRule::WeightAndBias), 5).unwrap();
        let before = logits(&old, 6);
        prove(&mut neurons, (&old, &before), (&head, &logits(&head, 6)), 6).unwrap();
        let proof = neurons.proof.clone().unwrap();
        assert_eq!(
            (proof.films, proof.neurons, proof.equal.as_str()),
            (6, 3, "logits")
        );
        let bias = head.neuron_mut("normal").unwrap().1;
        *bias = f32::from_bits(bias.to_bits() + 1);
        let after: Vec<f32> = logits(&head, 6);
        let problem = prove(&mut neurons, (&old, &before), (&head, &after), 6).unwrap_err();
        assert!(problem.contains("normal ← No Finding"), "{problem}");
        head.neuron_mut("pneumonia").unwrap().0[0] += 1.0;
        assert!(
            prove(&mut neurons, (&old, &before), (&head, &before), 0)
                .unwrap_err()
                .contains("rows differ")
        );
    }

    #[test]
    fn wrong_maps_say_what_there_is() {
        let mut wrong = keep(KeepRule::Weight);
        wrong.map.insert("normal".into(), "Healthy".into());
        let problem = new_head(Some(&old()), &target(), FEATURES, &wrong, 5).unwrap_err();
        assert!(
            problem.contains("Healthy") && problem.contains("No Finding"),
            "{problem}"
        );
        assert!(new_head(None, &target(), FEATURES, &keep(KeepRule::Weight), 5).is_err());
        assert!(new_head(None, &target(), FEATURES, &keep(KeepRule::Nothing), 5).is_ok());
    }

    #[test]
    fn the_table_reads_well() {
        let (_, mut neurons) =
            new_head(Some(&old()), &target(), FEATURES, &keep(KeepRule::Weight), 5).unwrap();
        neurons.proof = Some(Proof {
            films: 8,
            neurons: 3,
            equal: "weight rows".into(),
        });
        let table = neurons.to_string();
        assert!(
            table.contains("normal     kept from No Finding (weight only)"),
            "{table}"
        );
        assert!(table.contains("COVID-19   kept (weight only)"), "{table}");
        assert!(
            table.contains("3 of 3 kept; weight rows equal bit for bit on 8 films"),
            "{table}"
        );
    }
}
