//! Errors of a decoder, before the film's name is added.

use crate::error::Error;
use crate::source::Format;

/// An error of a stream without the film's name.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The stream ends too early.
    Truncated(String),
    /// The stream violates the format.
    Malformed(String),
    /// The stream is of an unsupported kind.
    Unsupported(String, &'static str),
}

impl Fault {
    pub(crate) fn named(self, name: &str, format: Format) -> Error {
        let name = name.to_string();
        match self {
            Self::Truncated(detail) => Error::Truncated { name, format, detail },
            Self::Malformed(detail) => Error::Malformed { name, format, detail },
            Self::Unsupported(what, advice) => Error::Unsupported { name, what, advice },
        }
    }
}
