//! Raw relevance as a safetensors file.

use std::collections::HashMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::Error;

/// Relevance `[questions, 3, size, size]` as the bytes of a safetensors file: one tensor `relevance`, with
/// questions and methods in the header.
///
/// # Errors
/// [`Error::Format`] if the length of `values` does not match the shape.
pub fn raw_safetensors(
    shape: &[usize],
    values: &[f32],
    questions: &[String],
    methods: &str,
) -> Result<Vec<u8>, Error> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let failed = |error: safetensors::SafeTensorError| Error::Format {
        problem: error.to_string(),
    };
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).map_err(failed)?;
    let header = HashMap::from([
        ("methods".to_owned(), methods.to_owned()),
        ("questions".to_owned(), questions.join("\n")),
    ]);
    safetensors::serialize([("relevance", view)], Some(header)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes = raw_safetensors(&[1, 2], &[1.0, -2.0], &["normal".to_owned()], "lrp-0").unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensor = file.tensor("relevance").unwrap();
        assert_eq!(
            (tensor.shape(), tensor.data()),
            (&[1, 2][..], &[0, 0, 128, 63, 0, 0, 0, 192][..])
        );
        assert!(raw_safetensors(&[3], &[1.0], &[], "lrp-0").is_err());
    }
}
