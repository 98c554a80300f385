//! The structure of a U-Net, and the names and shapes of its parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::architecture::{List, ParameterKind, ParameterSpec};
use crate::error::Error;

/// The names that [`UNet::by_name`] accepts.
pub const NAMES: [&str; 2] = ["unet-small", "unet-large"];

/// The largest side of a film.
const LARGEST_SIDE: usize = 1024;

/// A U-Net without weights: the channels of each level.
///
/// Immutable and always valid: constructors and `serde` check the limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Description")]
pub struct UNet {
    /// Its name.
    name: String,
    /// Channels of each level, from full resolution down. Each level has half the side of the one before.
    widths: Vec<usize>,
}

impl UNet {
    /// The architecture with this name, one of [`NAMES`]. With one region `unet-small` has about 0.22 million
    /// trained numbers, `unet-large` about 4.1 million.
    ///
    /// # Errors
    /// [`Error::UnknownUNet`], with the names that exist.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let widths: &[usize] = match name {
            "unet-small" => &[8, 16, 24, 32, 48, 64],
            "unet-large" => &[32, 64, 128, 256, 256],
            _ => {
                return Err(Error::UnknownUNet {
                    name: name.to_owned(),
                });
            }
        };
        Self::new(name, widths)
    }

    /// A custom architecture.
    ///
    /// # Errors
    /// [`Error::Architecture`] if there are fewer than 2 or more than 8 levels, or a level has no channel or
    /// more than 1024.
    pub fn new(name: &str, widths: &[usize]) -> Result<Self, Error> {
        let refuse = |problem: String| {
            Err(Error::Architecture {
                name: name.to_owned(),
                problem,
            })
        };
        if !(2..=8).contains(&widths.len()) {
            return refuse(format!("{} levels, expected 2 to 8 widths", widths.len()));
        }
        if let Some(width) = widths.iter().find(|width| !(1..=1024).contains(*width)) {
            return refuse(format!("a width is {width}, expected 1 to 1024"));
        }
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return refuse("a name is 1 to 100 bytes without control characters".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            widths: widths.to_vec(),
        })
    }

    /// Name as in [`UNet::by_name`], or that of the custom architecture.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Channels of each level, from full resolution down.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// The side of a film is a multiple of this number.
    pub fn multiple(&self) -> usize {
        1 << (self.widths.len() - 1)
    }

    /// Checks the side of films.
    ///
    /// # Errors
    /// [`Error::InputSide`].
    pub fn check_side(&self, size: usize) -> Result<(), Error> {
        let multiple = self.multiple();
        if size > 0 && size <= LARGEST_SIDE && size.is_multiple_of(multiple) {
            return Ok(());
        }
        Err(Error::InputSide {
            architecture: self.name.clone(),
            size,
            multiple,
            largest: LARGEST_SIDE,
        })
    }

    /// All parameters with a head of `regions` outputs, in the order of the passes.
    ///
    /// Groups are `encoder1` (full resolution) to `encoderN`, `decoderN−1` to `decoder1`, and `head`.
    pub fn parameters(&self, regions: usize) -> Vec<ParameterSpec> {
        let mut list = List::default();
        let last = self.widths.len() - 1;
        let mut inputs = 1;
        for (level, &width) in self.widths.iter().enumerate() {
            let prefix = format!("encoder{}", level + 1);
            list.group.clone_from(&prefix);
            list.weight(&format!("{prefix}.conv1"), &[width, inputs, 3, 3]);
            list.norm(&format!("{prefix}.norm1"), width);
            list.weight(&format!("{prefix}.conv2"), &[width, width, 3, 3]);
            if level < last {
                list.norm(&format!("{prefix}.norm2"), width);
            }
            inputs = width;
        }
        for (level, &width) in self.widths[..last].iter().enumerate().rev() {
            let prefix = format!("decoder{}", level + 1);
            list.group.clone_from(&prefix);
            let inputs = width + self.widths[level + 1];
            list.norm(&format!("{prefix}.norm"), inputs);
            list.weight(&format!("{prefix}.conv"), &[width, inputs, 3, 3]);
        }
        list.group = String::from("head");
        list.norm("head.norm", self.widths[0]);
        list.weight("head.conv", &[regions, self.widths[0], 1, 1]);
        list.push("head.conv.bias".to_owned(), &[regions], ParameterKind::Bias);
        list.specs
    }
}

/// An architecture from a file, before its numbers are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    widths: Vec<usize>,
}

impl TryFrom<Description> for UNet {
    type Error = Error;

    fn try_from(told: Description) -> Result<Self, Error> {
        Self::new(&told.name, &told.widths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_network_fits_in_a_megabyte() {
        let numbers = |name: &str, wanted: fn(&ParameterSpec) -> bool| -> usize {
            let specs = UNet::by_name(name).unwrap().parameters(1);
            let specs = specs.iter().filter(|spec| wanted(spec));
            specs.map(ParameterSpec::elements).sum()
        };
        let trained = numbers("unet-small", |spec| spec.kind.trainable());
        assert!((210_000..250_000).contains(&trained), "{trained}");
        let all = numbers("unet-small", |_| true);
        assert!(4 * all < 950_000, "{all}");
        let large = numbers("unet-large", |spec| spec.kind.trainable());
        assert!((4_000_000..4_300_000).contains(&large), "{large}");
    }

    #[test]
    fn sides_and_shapes_are_checked() {
        let unet = UNet::by_name("unet-small").unwrap();
        assert!(unet.check_side(256).is_ok());
        for size in [0, 8, 100, 2048] {
            let message = unet.check_side(size).unwrap_err().to_string();
            assert!(message.contains("multiple of 32 from 32 to 1024"), "{message}");
        }
        assert!(UNet::new("one", &[8]).is_err() && UNet::new("none", &[8, 0]).is_err());
        assert!(serde_json::from_str::<UNet>(r#"{"name":"x","widths":[8,4096]}"#).is_err());
        let message = UNet::by_name("unet").unwrap_err().to_string();
        assert!(message.contains("unet-small, unet-large"), "{message}");
    }
}
