//! Class maps: exclusive classes from the findings of several datasets.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::adapters::Findings;
use pleura_manifest::Label;

/// A map from findings to classes.
///
/// Example: `COVID-19 = COVID-19; pneumonia = Pneumonia | Infiltration & !COVID-19; normal = No Finding`.
/// Classes are separated by `;`, alternative findings by `|`. `& !NAME` excludes films with that finding.
///
/// In a hierarchy of findings (`Pneumonia/Viral/COVID-19`), the most specific finding that any class names
/// decides. This film is in the class COVID-19 only; `Pneumonia/Bacterial` is in the class pneumonia. A film
/// of two classes, of none, or with an uncertain class gets no class and is counted as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMap {
    classes: Vec<Class>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    name: String,
    any: Vec<String>,
    none: Vec<String>,
}

/// The class of a film, or the reason why it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassAssignment {
    /// The film's class.
    Class(usize),
    /// No class has its findings.
    Unmapped,
    /// Its findings belong to two or more classes.
    Conflict,
    /// A finding that decides the class is uncertain.
    Uncertain,
}

impl ClassMap {
    /// Names of the classes, in order.
    pub fn names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }

    /// All findings that the map names.
    pub fn findings(&self) -> impl Iterator<Item = &str> {
        self.classes
            .iter()
            .flat_map(|class| class.any.iter().chain(&class.none))
            .map(String::as_str)
    }

    /// The class for a film's findings.
    pub fn assign(&self, findings: &Findings) -> ClassAssignment {
        let present = findings.present();
        let named = |name: &String| present.iter().flatten().any(|element| element == name);
        let doubtful = |name: &String| match findings {
            Findings::Labelled(labels) | Findings::Hierarchical(labels, _) => {
                labels.get(name) == Some(&Label::Uncertain)
            }
            Findings::Unstated | Findings::Named(_) => false,
        };
        let mut found = None;
        let mut uncertain = false;
        for (number, class) in self.classes.iter().enumerate() {
            let asked = present.iter().any(|path| {
                self.deciding(path)
                    .is_some_and(|element| class.any.contains(element))
            });
            let kept_out = class.none.iter().any(named);
            let maybe_kept_out = asked && class.none.iter().any(doubtful);
            if asked && !kept_out && !maybe_kept_out {
                if found.is_some() {
                    return ClassAssignment::Conflict;
                }
                found = Some(number);
            }
            uncertain |= !kept_out && (maybe_kept_out || (!asked && class.any.iter().any(doubtful)));
        }
        match found {
            _ if uncertain => ClassAssignment::Uncertain,
            Some(class) => ClassAssignment::Class(class),
            None => ClassAssignment::Unmapped,
        }
    }

    /// The most specific element of a path that any class names.
    fn deciding<'a>(&self, path: &'a [String]) -> Option<&'a String> {
        path.iter()
            .rev()
            .find(|element| self.classes.iter().any(|class| class.any.contains(element)))
    }
}

impl FromStr for ClassMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fault = |problem: String| Error::Rule {
            what: "class map",
            text: text.to_string(),
            problem,
        };
        let mut classes: Vec<Class> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, rule)) = part.split_once('=') else {
                return Err(fault(format!(
                    "{part:?} has no `=`; write CLASS = FINDING | FINDING & !FINDING"
                )));
            };
            let name = name.trim();
            if name.is_empty() {
                return Err(fault(format!("{part:?} names no class before its `=`")));
            }
            if classes.iter().any(|class| class.name == name) {
                return Err(fault(format!(
                    "the class {name} is there twice; join its findings by `|`"
                )));
            }
            let mut clauses = rule.split('&').map(str::trim);
            let any: Vec<String> = clauses
                .next()
                .unwrap_or("")
                .split('|')
                .map(|finding| finding.trim().to_string())
                .collect();
            let mut none = Vec::new();
            for clause in clauses {
                match clause.strip_prefix('!').map(str::trim) {
                    Some(finding) if !finding.is_empty() => none.push(finding.to_string()),
                    _ => {
                        return Err(fault(format!(
                            "after `&`, {clause:?} should be ! and a finding that is not to be there"
                        )));
                    }
                }
            }
            if let Some(wrong) = any
                .iter()
                .find(|finding| finding.is_empty() || finding.starts_with('!'))
            {
                return Err(fault(format!(
                    "class {name}: {wrong:?} is no finding; begin with the findings that make the class"
                )));
            }
            classes.push(Class {
                name: name.to_string(),
                any,
                none,
            });
        }
        if classes.len() < 2 {
            return Err(fault("at least two classes are needed".into()));
        }
        Ok(Self { classes })
    }
}

impl fmt::Display for ClassMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, class) in self.classes.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{} = {}", class.name, class.any.join(" | "))?;
            class
                .none
                .iter()
                .try_for_each(|finding| write!(formatter, " & !{finding}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> ClassMap {
        text.parse().unwrap()
    }

    fn assign(map: &ClassMap, findings: &str) -> ClassAssignment {
        map.assign(&Findings::parse(findings, &[',', '|']))
    }

    #[test]
    fn the_most_particular_finding_that_is_asked_for_decides() {
        let three = map("COVID-19=COVID-19; pneumonia=Pneumonia; normal=No Finding");
        assert_eq!(
            assign(&three, "Pneumonia/Viral/COVID-19"),
            ClassAssignment::Class(0)
        );
        assert_eq!(assign(&three, "COVID-19, ARDS"), ClassAssignment::Class(0));
        assert_eq!(
            assign(&three, "Pneumonia/Bacterial/E.Coli"),
            ClassAssignment::Class(1)
        );
        assert_eq!(assign(&three, "Atelectasis|Pneumonia"), ClassAssignment::Class(1));
        assert_eq!(assign(&three, "No Finding"), ClassAssignment::Class(2));
        assert_eq!(assign(&three, "Hernia"), ClassAssignment::Unmapped);
        assert_eq!(assign(&three, "Pneumonia,COVID-19"), ClassAssignment::Conflict);
        // Substrings do not match.
        assert_eq!(assign(&three, "COVID-19 suspected"), ClassAssignment::Unmapped);
    }

    #[test]
    fn a_forbidden_finding_keeps_a_film_out() {
        let alone = map("sick = Pneumonia | Mass & !Edema & !Effusion; well = No Finding");
        assert_eq!(assign(&alone, "Mass"), ClassAssignment::Class(0));
        assert_eq!(assign(&alone, "Mass|Edema"), ClassAssignment::Unmapped);
        assert_eq!(
            alone.to_string(),
            "sick = Pneumonia | Mass & !Edema & !Effusion; well = No Finding"
        );
        assert_eq!(map(&alone.to_string()), alone);
    }

    #[test]
    fn doubt_about_what_decides_is_not_a_class() {
        let two = map("sick = Pneumonia; well = No Finding & !Mass");
        let labelled = |pairs: &[(&str, Label)]| {
            two.assign(&Findings::Labelled(
                pairs
                    .iter()
                    .map(|&(name, label)| (name.to_string(), label))
                    .collect(),
            ))
        };
        assert_eq!(
            labelled(&[("Pneumonia", Label::Uncertain)]),
            ClassAssignment::Uncertain
        );
        assert_eq!(
            labelled(&[("No Finding", Label::Positive), ("Pneumonia", Label::Uncertain)]),
            ClassAssignment::Uncertain
        );
        assert_eq!(
            labelled(&[("No Finding", Label::Positive), ("Mass", Label::Uncertain)]),
            ClassAssignment::Uncertain
        );
        assert_eq!(
            labelled(&[("Pneumonia", Label::Positive), ("Mass", Label::Uncertain)]),
            ClassAssignment::Class(0)
        );
        assert_eq!(
            labelled(&[("Pneumonia", Label::Unknown)]),
            ClassAssignment::Unmapped
        );
    }

    #[test]
    fn faulty_maps_say_what_is_wrong() {
        for (text, word) in [
            ("a", "no `=`"),
            ("a=x", "two classes"),
            ("a=x;a=y", "twice"),
            ("=x;b=y", "no class"),
            ("a=;b=y", "is no finding"),
            ("a=!x;b=y", "is no finding"),
            ("a=x & z;b=y", "should be !"),
        ] {
            let message = text.parse::<ClassMap>().unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
        }
    }
}
