//! Observations on the films of manifests, as sentences with numbers.

use std::collections::BTreeMap;

use super::{Described, Description, Group, kind};
use pleura_manifest::Split;

/// Minimum number of films of a finding that is compared with others.
const ENOUGH: u64 = 20;
/// Minimum difference of shares between findings that is reported.
const APART: f64 = 0.3;
/// The same for unknown values and for sexes.
const LESS_APART: f64 = 0.2;
/// The same for median ages, in years.
const YEARS: f64 = 10.0;
/// Minimum number of test films of a finding for a reliable result.
const FEW: u64 = 30;

/// The observations, the most serious first.
pub(super) fn all(description: &Description, tables: &[Described<'_>]) -> Vec<String> {
    let mut says = Vec::new();
    says.extend(one_source(description));
    says.extend(told_by_source(description));
    says.extend(splits(description));
    says.extend(copies(description, tables));
    says.extend(without_contrast(tables));
    says.extend(shapes(description));
    says.extend(formats(description));
    says.extend(views(description));
    says.extend(ages(description));
    says.extend(sexes(description));
    says.extend(missing(description));
    says.extend(patients(description));
    says.extend(sizes(description));
    says.extend(terms(description));
    if !description.unreadable.is_empty() {
        says.push(format!(
            "{} cannot be opened: {}.",
            films(description.unreadable.len() as u64),
            description.unreadable[0]
        ));
    }
    says
}

/// Films that a manifest marks as without contrast.
fn without_contrast(tables: &[Described<'_>]) -> Option<String> {
    let marked = |table: &Described<'_>| -> Vec<String> {
        let rows = table.manifest.rows.iter();
        let faults = rows.filter_map(|row| Some((row, table.manifest.contrast_fault(row)?)));
        faults
            .map(|(row, fault)| format!("{}: {fault}", row.film))
            .collect()
    };
    let all: Vec<String> = tables.iter().flat_map(marked).collect();
    let first = all.first()?;
    Some(format!(
        "{} without contrast, which training leaves out ({first}).",
        films(all.len() as u64)
    ))
}

fn films(count: u64) -> String {
    match count {
        1 => "1 film".to_string(),
        count => format!("{count} films"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}

/// `a, b and c`
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Findings with enough films to compare.
fn compared(description: &Description) -> Vec<&Group> {
    description
        .findings
        .iter()
        .filter(|group| group.films >= ENOUGH)
        .collect()
}

/// The findings with the largest and the smallest share, if they differ enough.
fn extremes<'a>(
    groups: &[&'a Group],
    apart: f64,
    of: &dyn Fn(&Group) -> Option<f64>,
) -> Option<[(&'a Group, f64); 2]> {
    let mut shares: Vec<(&Group, f64)> = groups
        .iter()
        .filter_map(|group| Some((*group, of(group)?)))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (first, last) = (*shares.first()?, *shares.last()?);
    (first.1 - last.1 >= apart).then_some([first, last])
}

fn one_source(description: &Description) -> Vec<String> {
    if description.sources.len() < 2 {
        return Vec::new();
    }
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for group in &description.findings {
        if let Some(source) = group.sources.keys().next().filter(|_| group.sources.len() == 1) {
            by_source.entry(source).or_default().push(&group.name);
        }
    }
    let sentence = |(source, names): (&str, Vec<&str>)| {
        let every = if names.len() == 1 {
            format!("Every film with {} comes from {source}", names[0])
        } else {
            format!(
                "Every film with {} comes from {source}",
                listed(&names).replace(" and ", " or ")
            )
        };
        let of_source = description.all.sources.get(source).copied().unwrap_or(0);
        let named: u64 = description
            .findings
            .iter()
            .filter(|group| names.contains(&group.name.as_str()))
            .map(|group| group.films)
            .sum();
        let nothing_else = if description.exclusive && named == of_source && names.len() == 1 {
            ", which has no other films here"
        } else {
            ""
        };
        let told = if names.len() == 1 {
            "determines the finding"
        } else {
            "separates these findings from others"
        };
        format!("{every}{nothing_else}: the dataset alone {told}.")
    };
    by_source.into_iter().map(sentence).collect()
}

/// Accuracy of predicting a finding from the dataset alone.
fn told_by_source(description: &Description) -> Option<String> {
    if !description.exclusive || description.sources.len() < 2 || description.findings.len() < 2 {
        return None;
    }
    let labelled: u64 = description.findings.iter().map(|group| group.films).sum();
    let blind = description.findings.iter().map(|group| group.films).max()?;
    let best = |source: &str| {
        let of = |group: &Group| group.sources.get(source).copied().unwrap_or(0);
        description.findings.iter().map(of).max().unwrap_or(0)
    };
    let guessed: u64 = description.sources.iter().map(|source| best(&source.name)).sum();
    let (blind, guessed) = (share(blind, labelled), share(guessed, labelled));
    (guessed - blind >= 0.05).then(|| {
        format!(
            "Guessing the most frequent finding of each dataset is right in {}; guessing without the dataset, in {}.",
            percent(guessed),
            percent(blind)
        )
    })
}

fn splits(description: &Description) -> Vec<String> {
    let mut says = Vec::new();
    let splits = &description.all.splits;
    let unsplit = splits.get("").copied().unwrap_or(0);
    if unsplit == description.all.films {
        return vec!["The films are not split yet (pleura data split).".to_string()];
    }
    if unsplit > 0 {
        says.push(format!("{} are in no split.", films(unsplit)));
    }
    for split in Split::ALL {
        let name = split.to_string();
        if !splits.contains_key(&name) {
            says.push(format!("No film is in the split {name}."));
            continue;
        }
        let without: Vec<&str> = description
            .findings
            .iter()
            .filter(|group| group.films > 0 && !group.splits.contains_key(&name))
            .map(|group| group.name.as_str())
            .collect();
        if !without.is_empty() {
            says.push(format!(
                "The split {name} has no film with {}.",
                listed(&without).replace(" and ", " or ")
            ));
        }
    }
    let few: Vec<String> = description
        .findings
        .iter()
        .filter_map(|group| {
            let test = *group.splits.get("test")?;
            (test < FEW).then(|| format!("{} ({test})", group.name))
        })
        .collect();
    if !few.is_empty() {
        let few: Vec<&str> = few.iter().map(String::as_str).collect();
        says.push(format!(
            "Fewer than {FEW} test films have {}: their test results are very uncertain.",
            listed(&few).replace(" and ", " or ")
        ));
    }
    says
}

fn copies(description: &Description, tables: &[Described<'_>]) -> Vec<String> {
    let mut says = Vec::new();
    if description.repeated > 0 {
        says.push(format!(
            "{} occur more than once in the manifests, as equal files.",
            films(description.repeated)
        ));
    }
    for source in &description.sources {
        let of_kind = |overlap: &str| {
            let others = description.sources.iter().map(|other| other.name.as_str());
            let others = others.filter(|other| [kind(tables, other), other].contains(&overlap));
            others.filter(|other| source.name.as_str() < *other).collect()
        };
        let others: Vec<&str> = source
            .overlaps
            .iter()
            .flat_map(|overlap| -> Vec<&str> { of_kind(overlap) })
            .collect();
        if !others.is_empty() {
            says.push(format!(
                "{} is known to share films with {}: search for duplicates (pleura data duplicates).",
                source.name,
                listed(&others)
            ));
        }
    }
    for table in tables {
        match table
            .sidecar
            .as_ref()
            .and_then(|sidecar| sidecar.duplicates.as_ref())
        {
            None => says.push(format!(
                "The films of {} have not been searched for duplicates (pleura data duplicates).",
                table.name
            )),
            Some(record) => {
                let pairs = record.rows(table.manifest);
                let split = |row: usize| table.manifest.rows[row].split;
                let across = pairs
                    .iter()
                    .filter(|(one, other, _)| {
                        split(*one).is_some() && split(*other).is_some() && split(*one) != split(*other)
                    })
                    .count();
                if across > 0 {
                    says.push(format!(
                        "{across} of {} duplicate pairs of {} are in two splits: split again (pleura data split).",
                        pairs.len(),
                        table.name
                    ));
                }
                if !record.covers(table.manifest) {
                    says.push(format!(
                        "The films of {} have changed since the search for duplicates (pleura data duplicates).",
                        table.name
                    ));
                }
            }
        }
    }
    says
}

fn shapes(description: &Description) -> Option<String> {
    let square = |group: &Group| {
        let known: u64 = group.shapes.values().sum();
        (known > 0).then(|| share(group.shapes.get("square").copied().unwrap_or(0), known))
    };
    let [(most, high), (least, low)] = extremes(&compared(description), APART, &square)?;
    Some(format!(
        "{} of the films with {} are square, {} of those with {}: resizing to a square distorts only the others (padding does not).",
        percent(high),
        most.name,
        percent(low),
        least.name
    ))
}

fn formats(description: &Description) -> Option<String> {
    let groups = compared(description);
    let found = description.all.formats.keys().find_map(|format| {
        let of = |group: &Group| {
            let known: u64 = group.formats.values().sum();
            (known > 0).then(|| share(group.formats.get(format).copied().unwrap_or(0), known))
        };
        extremes(&groups, APART, &of).map(|ends| (format, ends))
    });
    let (format, [(most, high), (least, low)]) = found?;
    Some(format!(
        "{} of the films with {} are {format}, {} of those with {}: traces of the format may identify the finding.",
        percent(high),
        most.name,
        percent(low),
        least.name
    ))
}

fn views(description: &Description) -> Vec<String> {
    let groups = compared(description);
    let mut says = Vec::new();
    for view in description.all.views.keys().filter(|view| !view.is_empty()) {
        let of = |group: &Group| Some(share(group.views.get(view).copied().unwrap_or(0), group.films));
        if let Some([(most, high), (least, low)]) = extremes(&groups, APART, &of) {
            says.push(format!(
                "{} of the films with {} are {view}, {} of those with {}: a network can recognise the projection.",
                percent(high),
                most.name,
                percent(low),
                least.name
            ));
        }
    }
    // With two projections, one sentence covers both.
    if description.all.views.len() <= 2 {
        says.truncate(1);
    }
    says
}

fn ages(description: &Description) -> Vec<String> {
    let mut says = Vec::new();
    let groups = compared(description);
    let known = |group: &Group| group.ages.known >= ENOUGH;
    let median = |group: &Group| {
        group
            .ages
            .years
            .filter(|_| known(group))
            .map(|years| years.median)
    };
    if let Some([(old, high), (young, low)]) = extremes(&groups, YEARS, &median) {
        says.push(format!(
            "Patients with {} are older than those with {}: median ages {high:.0} and {low:.0}.",
            old.name, young.name
        ));
    }
    let told = |group: &Group| group.ages.known + group.ages.grouped;
    let children = |group: &Group| (told(group) >= ENOUGH).then(|| share(group.ages.children, told(group)));
    if let Some([(most, high), (least, low)]) = extremes(&groups, 0.1, &children) {
        says.push(format!(
            "{} of the films with {} whose patient's age is known are of people under 18, {} of those with {}.",
            percent(high),
            most.name,
            percent(low),
            least.name
        ));
    } else if description.all.ages.children > 0 {
        says.push(format!(
            "{} of people under 18 ({} of those of known age).",
            match description.all.ages.children {
                1 => "1 film is".to_string(),
                children => format!("{children} films are"),
            },
            percent(share(description.all.ages.children, told(&description.all)))
        ));
    }
    says
}

fn sexes(description: &Description) -> Option<String> {
    let women = |group: &Group| {
        let of = |sex: &str| group.sexes.get(sex).copied().unwrap_or(0);
        let known = of("F") + of("M");
        (known >= ENOUGH).then(|| share(of("F"), known))
    };
    let [(most, high), (least, low)] = extremes(&compared(description), LESS_APART, &women)?;
    Some(format!(
        "{} of the films with {} whose patient's sex is known are of women, {} of those with {}.",
        percent(high),
        most.name,
        percent(low),
        least.name
    ))
}

fn missing(description: &Description) -> Vec<String> {
    let groups = compared(description);
    let mut says = Vec::new();
    let of_ages: fn(&Group) -> u64 = |group| group.ages.unknown;
    let of_sexes: fn(&Group) -> u64 = |group| group.sexes.get("").copied().unwrap_or(0);
    let of_views: fn(&Group) -> u64 = |group| group.views.get("").copied().unwrap_or(0);
    for (what, count) in [("age", of_ages), ("sex", of_sexes), ("projection", of_views)] {
        let of = |group: &Group| Some(share(count(group), group.films));
        if let Some([(most, high), (least, low)]) = extremes(&groups, LESS_APART, &of) {
            says.push(format!(
                "The {what} is unknown for {} of the films with {}, and for {} of those with {}: whether it is known may identify the finding.",
                percent(high),
                most.name,
                percent(low),
                least.name
            ));
        } else if share(count(&description.all), description.all.films) >= LESS_APART {
            says.push(format!(
                "The {what} is unknown for {} of the films.",
                percent(share(count(&description.all), description.all.films))
            ));
        }
    }
    if description.without > 0 {
        let one = if description.without == 1 { "has" } else { "have" };
        says.push(format!("{} {one} no finding.", films(description.without)));
    }
    let open: Vec<String> = description
        .labels
        .iter()
        .filter(|count| count.uncertain > 0)
        .map(|count| format!("{} ({})", count.finding, count.uncertain))
        .collect();
    if !open.is_empty() {
        let open: Vec<&str> = open.iter().map(String::as_str).collect();
        says.push(format!("Uncertain on some films: {}.", listed(&open)));
    }
    says
}

fn patients(description: &Description) -> Vec<String> {
    let mut says = Vec::new();
    let repeated: u64 = description
        .films_a_patient
        .iter()
        .filter(|(count, _)| **count > 1)
        .map(|(count, patients)| count * patients)
        .sum();
    if repeated > 0 {
        says.push(format!(
            "{} of the films are of patients with more than one (up to {}): split by patient, and count patients, not films.",
            percent(share(repeated, description.all.films)),
            description.all.most_of_one
        ));
    } else {
        says.push(
            "Every film counts as one patient. If patients are unknown, a split may divide a patient."
                .to_string(),
        );
    }
    if description.of_several > 0 {
        let patients = match description.of_several {
            1 => "1 patient has".to_string(),
            patients => format!("{patients} patients have"),
        };
        says.push(format!("{patients} films of more than one finding."));
    }
    says
}

fn sizes(description: &Description) -> Option<String> {
    if !description.exclusive {
        return None;
    }
    let groups = description.findings.iter().filter(|group| group.films > 0);
    let most = groups.clone().max_by_key(|group| group.films)?;
    let least = groups.min_by_key(|group| group.films)?;
    (most.films >= 3 * least.films).then(|| {
        format!(
            "{} has {:.1} times the films of {}: accuracy favours the answer {}.",
            most.name,
            share(most.films, least.films),
            least.name,
            most.name
        )
    })
}

fn terms(description: &Description) -> Option<String> {
    let unknown: Vec<&str> = description
        .sources
        .iter()
        .filter(|source| source.licence.is_empty())
        .map(|source| source.name.as_str())
        .collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "The licence of the films of {} is not recorded.",
            listed(&unknown)
        )
    })
}
