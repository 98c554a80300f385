//! Fills for covered parts of a film, and baselines.

use std::fmt;
use std::str::FromStr;

use pleura_draw::picture::smooth;

/// The fill of covered parts, or the baseline of a comparison. None is neutral: each hides structures that
/// look like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Black. Black parts of the film, such as air, get no attribution.
    Black,
    /// Half of white.
    Grey,
    /// White. White parts of the film, such as bone and consolidations, get no attribution.
    White,
    /// The film's mean grey level.
    Mean,
    /// The film blurred by a Gaussian of 1/14 of its side: coarse structure stays, so large smooth structures
    /// get little attribution.
    Blurred,
}

impl Fill {
    /// All fills, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Black, Self::Grey, Self::White, Self::Mean, Self::Blurred];

    /// The film `[size, size]` that replaces `grey`.
    pub fn film(self, grey: &[f32], size: usize) -> Vec<f32> {
        match self {
            Self::Black => vec![0.0; grey.len()],
            Self::Grey => vec![0.5; grey.len()],
            Self::White => vec![1.0; grey.len()],
            Self::Mean => {
                let sum: f64 = grey.iter().map(|&grey| f64::from(grey)).sum();
                vec![(sum / grey.len().max(1) as f64) as f32; grey.len()]
            }
            Self::Blurred => smooth(grey, size, size as f32 / 14.0),
        }
    }

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::Grey => "grey",
            Self::White => "white",
            Self::Mean => "mean",
            Self::Blurred => "blurred",
        }
    }

    /// Name in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Mean => "the film's mean",
            Self::Blurred => "the blurred film",
            _ => self.name(),
        }
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fill| fill.name() == text);
        found.ok_or_else(|| "expected black, grey, white, mean or blurred".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_is_what_its_name_says() {
        let mut film = vec![0.2; 400];
        film[10] = 1.0;
        for fill in Fill::ALL {
            assert_eq!(fill.name().parse(), Ok(fill));
            let filled = fill.film(&film, 20);
            let spread = filled
                .iter()
                .fold(0f32, |most, grey| most.max((grey - filled[0]).abs()));
            assert_eq!(fill == Fill::Blurred, spread > 1e-6, "{fill} {spread}");
            assert!(spread < 0.1);
        }
        assert!((Fill::Mean.film(&film, 20)[3] - 0.202).abs() < 1e-6);
        assert!("dark".parse::<Fill>().is_err());
    }
}
