//! Numbers in safetensors, f32 and nothing else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors, View};

/// Shape and numbers.
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

/// The bytes of a file; equal tensors make equal bytes.
pub(crate) fn write(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|(name, tensor)| (name, Stored(tensor)));
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// What such a file holds; every number is finite.
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

/// Takes a tensor of this shape out.
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
