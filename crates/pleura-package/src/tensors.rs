//! Arrays in safetensors, f32 only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors, View};

/// Shape and values.
pub(crate) type Tensor = (Vec<usize>, Vec<f32>);

struct Stored<'a>(&'a Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.0
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.1.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.0.1.len()
    }
}

/// Bytes of a file; equal tensors give equal bytes.
pub(crate) fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// Reads a file; every number must be finite.
pub(crate) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| format!("it is no safetensors file: {error}"))?;
    let mut found = BTreeMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("{name} holds {:?}, expected F32", view.dtype()));
        }
        let data: Vec<f32> = view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&four| f32::from_le_bytes(four))
            .collect();
        if data.iter().any(|value| !value.is_finite()) {
            return Err(format!("{name} holds what is no number"));
        }
        found.insert(name, (view.shape().to_vec(), data));
    }
    Ok(found)
}

/// Removes and returns a tensor of this shape.
pub(crate) fn take(
    tensors: &mut BTreeMap<String, Tensor>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, String> {
    let (found, data) = tensors.remove(name).ok_or_else(|| format!("{name} is missing"))?;
    if found != shape {
        return Err(format!("{name} has shape {found:?}, expected {shape:?}"));
    }
    Ok(data)
}
