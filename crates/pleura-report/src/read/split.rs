//! The names of splits in a report's input.

use pleura_manifest::Split;

/// `train`, `val`, `test`, or empty for films without a split.
pub(super) fn split_name(split: Option<Split>) -> &'static str {
    match split {
        Some(Split::Train) => "train",
        Some(Split::Validation) => "val",
        Some(Split::Test) => "test",
        None => "",
    }
}
