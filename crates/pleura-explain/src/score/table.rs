//! The scores of many films, as a table.

use super::Score;
use crate::Error;

/// Scores of one heatmap.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The film.
    pub film: String,
    /// Patient; the film's name if unknown.
    pub patient: String,
    /// The method by name.
    pub method: String,
    /// The question.
    pub question: String,
    /// The scores.
    pub scores: Vec<Score>,
}

/// Heatmaps with their scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// In the order of computation.
    pub rows: Vec<Row>,
}

impl Table {
    /// All keys, in the order of their first rows.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        for score in self.rows.iter().flat_map(|row| &row.scores) {
            if !keys.contains(&score.key.as_str()) {
                keys.push(score.key.as_str());
            }
        }
        // Keys of one measure stay together, even if only some films have them.
        let family = |key: &str| key.split('.').next().map(str::to_owned);
        let order: Vec<Option<String>> = keys.iter().map(|key| family(key)).collect();
        keys.sort_by_key(|key| order.iter().position(|other| *other == family(key)));
        keys
    }

    /// All methods, in the order of their first rows.
    pub fn methods(&self) -> Vec<&str> {
        let mut methods = Vec::new();
        for row in &self.rows {
            if !methods.contains(&row.method.as_str()) {
                methods.push(row.method.as_str());
            }
        }
        methods
    }

    /// Defined values of a method's key, each with its patient.
    pub fn values(&self, method: &str, key: &str) -> Vec<(String, f64)> {
        let rows = self.rows.iter().filter(|row| row.method == method);
        let scores = rows.flat_map(|row| row.scores.iter().map(|score| (row.patient.clone(), score)));
        let of_key = scores.filter(|(_, score)| score.key == key && score.value.is_finite());
        of_key.map(|(patient, score)| (patient, score.value)).collect()
    }

    /// The table as CSV: a row per heatmap, a column per key; undefined values are empty.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn csv(&self) -> Result<Vec<u8>, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Format {
            problem: error.to_string(),
        };
        let keys = self.keys();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head = ["film", "patient", "method", "question"].into_iter();
        writer
            .write_record(head.chain(keys.iter().copied()))
            .map_err(|error| failed(&error))?;
        for row in &self.rows {
            let number = |key: &&str| {
                let score = row.scores.iter().find(|score| score.key == **key);
                let value = score.map(|score| score.value).filter(|value| value.is_finite());
                value.map_or_else(String::new, |value| value.to_string())
            };
            let names = [&row.film, &row.patient, &row.method, &row.question];
            let record = names.into_iter().cloned().chain(keys.iter().map(number));
            writer.write_record(record).map_err(|error| failed(&error))?;
        }
        writer.into_inner().map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_without_a_measure_leave_their_cell_empty() {
        let row = |film: &str, scores: &[(&str, f64)]| Row {
            film: film.to_owned(),
            patient: "p".to_owned(),
            method: "lrp-0".to_owned(),
            question: "a, b".to_owned(),
            scores: scores
                .iter()
                .map(|&(key, value)| Score::new(key, value))
                .collect(),
        };
        let table = Table {
            rows: vec![
                row("1", &[("flipping.gain", 0.5), ("pointing.lungs", 1.0)]),
                row("2", &[("mass.lesion", f64::NAN), ("pointing.lesion", 0.0)]),
            ],
        };
        let text = String::from_utf8(table.csv().unwrap()).unwrap();
        assert_eq!(
            text,
            "film,patient,method,question,flipping.gain,pointing.lungs,pointing.lesion,mass.lesion\n\
             1,p,lrp-0,\"a, b\",0.5,1,,\n2,p,lrp-0,\"a, b\",,,0,\n"
        );
        assert!(table.values("lrp-0", "mass.lesion").is_empty());
        assert_eq!(table.values("lrp-0", "flipping.gain"), [("p".to_owned(), 0.5)]);
    }
}
