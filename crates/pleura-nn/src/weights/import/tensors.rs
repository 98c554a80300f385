//! From a pickle's dictionary to arrays: finds the dictionary and copies views of storages.

use std::collections::BTreeMap;

use super::{
    Array, Container, StateDict,
    pickle::{Pickle, Value},
    rebuild::{Numbers, TensorView},
};
use crate::error::Error;

/// Keys under which training scripts store the tensors in checkpoints.
const WRAPPERS: [&[u8]; 5] = [b"state_dict", b"model_state_dict", b"model", b"net", b"network"];
const DEEPEST: usize = 4;

/// The longest name of a tensor in bytes; torchvision's are below 60. A file can repeat one text for two
/// bytes.
const LONGEST_NAME: usize = 1000;

/// Makes arrays of all floating-point tensors in the pickle's dictionary, or in the dictionary inside a
/// checkpoint.
///
/// `storage` returns the bytes of a storage's key, and checks that its elements fit.
pub(super) fn state_dict<'a>(
    pickle: &Pickle<'a>,
    container: Container,
    bytes_of_file: usize,
    name: &str,
    storage: &dyn Fn(&[u8]) -> Option<&'a [u8]>,
) -> Result<StateDict, Error> {
    let refuse = |problem: String| Error::Format {
        name: name.to_owned(),
        problem,
    };
    let mut dictionary = pickle.root();
    for _ in 0..DEEPEST {
        let mut inner = WRAPPERS.iter().filter_map(|key| pickle.entry(dictionary, key));
        match inner.find(|value| matches!(value, Value::Dict(_))) {
            Some(inner) => dictionary = inner,
            None => break,
        }
    }
    let Value::Dict(entries) = dictionary else {
        return Err(refuse(
            "has no dictionary of tensors; save a state_dict".to_owned(),
        ));
    };
    // Names first: repeated entries cost nothing, since only the last of each name is read.
    let mut views: BTreeMap<String, Option<&TensorView<'a>>> = BTreeMap::new();
    for (key, value) in entries {
        let Value::Text(key) = pickle.get(*key) else {
            continue;
        };
        if key.len() > LONGEST_NAME {
            return Err(refuse(format!(
                "a name of {} bytes; a tensor's has at most {LONGEST_NAME}",
                key.len()
            )));
        }
        let key = std::str::from_utf8(key).map_err(|_| {
            refuse(format!(
                "a name that is no text: {:?}",
                String::from_utf8_lossy(key)
            ))
        })?;
        let view = match pickle.get(*value) {
            Value::Tensor(view) => Some(view.as_ref()),
            _ => None,
        };
        views.insert(key.to_owned(), view);
    }
    // float16 doubles in size. Beyond that, tensors share storages, which weights do not need. Counted in
    // bytes visited, so that time is bounded too.
    let mut budget = bytes_of_file.saturating_mul(2);
    let mut state = StateDict {
        container,
        tensors: BTreeMap::new(),
        skipped: Vec::new(),
    };
    for (tensor, view) in views {
        let Some(view) = view else {
            state.skipped.push(tensor);
            continue;
        };
        let Numbers::Float(element) = view.storage.numbers else {
            state.skipped.push(tensor);
            continue;
        };
        let at_fault = |problem: String| refuse(format!("{tensor}: {problem}"));
        let reach = reach(view).map_err(at_fault)?;
        budget = reach
            .checked_mul(4)
            .and_then(|bytes| budget.checked_sub(bytes))
            .ok_or_else(|| {
                at_fault("more numbers than the file can hold: tensors share their storage".to_owned())
            })?;
        let bytes = storage(view.storage.key).ok_or_else(|| {
            at_fault(format!(
                "its storage {:?} is not in the file",
                String::from_utf8_lossy(view.storage.key)
            ))
        })?;
        let bytes =
            slice(bytes, view.storage.offset, view.storage.elements, element.bytes()).ok_or_else(|| {
                at_fault(format!(
                    "its storage has {} bytes: the file is cut off",
                    bytes.len()
                ))
            })?;
        let numbers = slice(bytes, view.offset, reach, element.bytes()).unwrap_or_default();
        let data = gather(view, element.read(numbers));
        state.tensors.insert(
            tensor,
            Array {
                shape: view.shape.clone(),
                data,
            },
        );
    }
    if state.tensors.is_empty() {
        return Err(refuse(format!(
            "holds no tensors by name; {} other entries",
            state.skipped.len()
        )));
    }
    Ok(state)
}

/// `count` numbers of `width` bytes, after `offset` others.
pub(super) fn slice(bytes: &[u8], offset: usize, count: usize, width: usize) -> Option<&[u8]> {
    let start = offset.checked_mul(width)?;
    bytes.get(start..start.checked_add(count.checked_mul(width)?)?)
}

/// The distance from the view's first to its last number, if all are in its storage and none appears twice.
fn reach(view: &TensorView<'_>) -> Result<usize, String> {
    let TensorView {
        storage,
        offset,
        shape,
        strides,
    } = view;
    let told = format!(
        "shape {shape:?}, strides {strides:?}, offset {offset} in a storage of {}",
        storage.elements
    );
    if shape.contains(&0) {
        return Ok(0);
    }
    let mut dimensions: Vec<(usize, usize)> = strides
        .iter()
        .copied()
        .zip(shape.iter().copied())
        .filter(|(_, size)| *size > 1)
        .collect();
    dimensions.sort_unstable();
    let mut last = 0_usize;
    for (stride, size) in dimensions {
        // Each stride must step over everything that smaller strides reach.
        if stride <= last {
            return Err(format!("{told}: entries overlap"));
        }
        let further = stride
            .checked_mul(size - 1)
            .and_then(|step| last.checked_add(step));
        last = further.ok_or_else(|| format!("{told}: larger than memory"))?;
    }
    match offset.checked_add(last) {
        Some(end) if end < storage.elements => Ok(last + 1),
        _ => Err(format!("{told}: out of range")),
    }
}

/// The entries in row-major order, from the numbers that the view reaches.
fn gather(view: &TensorView<'_>, numbers: Vec<f32>) -> Vec<f32> {
    if numbers.is_empty() {
        return numbers;
    }
    let mut expected = 1;
    let contiguous = view.shape.iter().zip(&view.strides).rev().all(|(size, stride)| {
        let fits = *size == 1 || *stride == expected;
        expected *= size;
        fits
    });
    if contiguous {
        return numbers;
    }
    let mut places = vec![0];
    for (size, stride) in view.shape.iter().zip(&view.strides) {
        places = places
            .iter()
            .flat_map(|place| (0..*size).map(move |index| place + index * stride))
            .collect();
    }
    places
        .into_iter()
        .filter_map(|place| numbers.get(place).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{numbers::Element, rebuild::Storage},
        *,
    };

    fn view(elements: usize, offset: usize, shape: &[usize], strides: &[usize]) -> TensorView<'static> {
        let storage = Storage {
            numbers: Numbers::Float(Element::F32),
            key: b"0",
            elements,
            offset: 0,
        };
        TensorView {
            storage,
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    #[test]
    fn views_stay_in_their_storage() {
        assert_eq!(reach(&view(6, 0, &[2, 3], &[3, 1])), Ok(6));
        assert_eq!(reach(&view(6, 0, &[2, 3], &[1, 2])), Ok(6));
        assert_eq!(reach(&view(1, 0, &[], &[])), Ok(1));
        assert_eq!(
            reach(&view(0, 0, &[0, usize::MAX, usize::MAX], &[1, 1, 1])),
            Ok(0)
        );
        assert_eq!(reach(&view(9, 2, &[2, 1, 2], &[4, 77, 2])), Ok(7));
        for (bad, said) in [
            (view(6, 1, &[2, 3], &[3, 1]), "out of range"),
            (view(0, 0, &[], &[]), "out of range"),
            (view(6, usize::MAX, &[2], &[1]), "out of range"),
            (view(6, 0, &[2, 3], &[0, 1]), "overlap"),
            (view(6, 0, &[2, 3], &[2, 1]), "overlap"),
            (
                view(6, 0, &[usize::MAX, 2], &[usize::MAX, 1]),
                "larger than memory",
            ),
        ] {
            let problem = reach(&bad).unwrap_err();
            assert!(problem.contains(said), "{problem}");
        }
    }

    #[test]
    fn entries_come_in_row_major_order() {
        let numbers: Vec<f32> = (0..6_u8).map(f32::from).collect();
        assert_eq!(gather(&view(6, 0, &[2, 3], &[3, 1]), numbers.clone()), numbers);
        assert_eq!(
            gather(&view(6, 0, &[2, 3], &[1, 2]), numbers.clone()),
            [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]
        );
        assert_eq!(
            gather(&view(6, 0, &[2, 1, 2], &[4, 9, 1]), numbers),
            [0.0, 1.0, 4.0, 5.0]
        );
    }
}
