//! Errors of a stream whose name is not known yet.

use crate::error::Error;
use crate::source::Format;

/// What is wrong with a stream, before the film's name is known.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The stream ends too early.
    Truncated(String),
    /// The stream breaks the format.
    Malformed(String),
    /// The stream is of a kind that is not decoded.
    Unsupported(String, &'static str),
}

impl Fault {
    pub(super) fn named(self, name: &str, format: Format) -> Error {
        let name = name.to_string();
        match self {
            Self::Truncated(detail) => Error::Truncated { name, format, detail },
            Self::Malformed(detail) => Error::Malformed { name, format, detail },
            Self::Unsupported(what, advice) => Error::Unsupported { name, what, advice },
        }
    }
}
