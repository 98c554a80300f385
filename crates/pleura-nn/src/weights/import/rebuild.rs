//! The few globals that a pickle may name, and the results of calling them.

use super::{
    numbers::Element,
    pickle::{Id, Value},
};

/// A global in pickles of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`
    Tensor,
    /// `torch._utils._rebuild_parameter` and its sister with state
    Parameter,
    /// `torch.Size`
    Size,
    /// `torch.FloatStorage` and its like
    Storage(Numbers),
    /// numpy's scalars (such as a best accuracy) and their parts; ignored
    Opaque,
}

/// The content of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Float(Element),
    /// Counters and masks, by the bytes of one number: only their size matters, to skip them.
    Other(usize),
}

/// Numbers of one type, elsewhere in the file.
#[derive(Clone, Debug)]
pub(super) struct Storage<'a> {
    pub(super) numbers: Numbers,
    pub(super) key: &'a [u8],
    pub(super) elements: usize,
    /// In files of old torch: this storage begins at this element of the storage `key`.
    pub(super) offset: usize,
}

/// A tensor as a view of a storage.
#[derive(Clone, Debug)]
pub(super) struct TensorView<'a> {
    pub(super) storage: Storage<'a>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// The most dimensions of a tensor; weights have fewer.
const MOST_DIMENSIONS: usize = 8;

impl Function {
    /// The known names.
    pub(super) fn named(module: &[u8], name: &[u8]) -> Option<Self> {
        Some(match (module, name) {
            (b"collections", b"OrderedDict") => Self::OrderedDict,
            (b"torch._utils", b"_rebuild_tensor" | b"_rebuild_tensor_v2") => Self::Tensor,
            (b"torch._utils", b"_rebuild_parameter" | b"_rebuild_parameter_with_state") => Self::Parameter,
            (b"torch", b"Size") => Self::Size,
            (b"torch", b"HalfStorage") => Self::Storage(Numbers::Float(Element::F16)),
            (b"torch", b"BFloat16Storage") => Self::Storage(Numbers::Float(Element::BF16)),
            (b"torch", b"FloatStorage") => Self::Storage(Numbers::Float(Element::F32)),
            (b"torch", b"DoubleStorage") => Self::Storage(Numbers::Float(Element::F64)),
            (b"torch", b"LongStorage") => Self::Storage(Numbers::Other(8)),
            (b"torch", b"IntStorage") => Self::Storage(Numbers::Other(4)),
            (b"torch", b"ShortStorage") => Self::Storage(Numbers::Other(2)),
            (b"torch", b"CharStorage" | b"ByteStorage" | b"BoolStorage") => Self::Storage(Numbers::Other(1)),
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"scalar")
            | (b"numpy", b"dtype")
            | (b"_codecs", b"encode") => Self::Opaque,
            _ => return None,
        })
    }
}

impl Numbers {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Float(element) => element.bytes(),
            Self::Other(bytes) => bytes,
        }
    }
}

/// Calls a function, as REDUCE in a pickle; `get` returns the members of tuples and lists.
pub(super) fn call<'a, 'v>(
    function: Function,
    arguments: &[&'v Value<'a>],
    get: &dyn Fn(Id) -> &'v Value<'a>,
) -> Result<Value<'a>, String> {
    match (function, arguments) {
        (Function::OrderedDict, []) => Ok(Value::Dict(Vec::new())),
        // Python 2 stores all items at once, as a list of lists.
        (Function::OrderedDict, [Value::List(items)]) => {
            let pairs = items.iter().map(|item| match get(*item) {
                Value::List(pair) | Value::Tuple(pair) => match pair[..] {
                    [key, value] => Ok((key, value)),
                    _ => Err(format!("an OrderedDict's item of {} parts", pair.len())),
                },
                _ => Err("an OrderedDict's item that is not a pair".to_owned()),
            });
            Ok(Value::Dict(pairs.collect::<Result<_, _>>()?))
        }
        // The remaining arguments (gradient flag, hooks, marks) do not change the numbers.
        (Function::Tensor, [Value::Storage(storage), offset, shape, strides, ..]) => {
            let view = TensorView {
                storage: (**storage).clone(),
                offset: size(offset)?,
                shape: sizes(shape, get)?,
                strides: sizes(strides, get)?,
            };
            if view.shape.len() != view.strides.len() {
                return Err(format!(
                    "a tensor of shape {:?} with strides {:?}",
                    view.shape, view.strides
                ));
            }
            Ok(Value::Tensor(Box::new(view)))
        }
        (Function::Parameter, [Value::Tensor(view), ..]) => Ok(Value::Tensor(view.clone())),
        (Function::Size, [Value::Tuple(items)]) if items.len() <= MOST_DIMENSIONS => {
            Ok(Value::Tuple(items.clone()))
        }
        (Function::Opaque, _) => Ok(Value::Opaque),
        _ => Err(format!(
            "a call of {function:?} with {} unexpected arguments",
            arguments.len()
        )),
    }
}

/// A storage from its persistent id: `('storage', type, key, device, elements)`, followed by a view of
/// another in old files.
pub(super) fn storage<'a, 'v>(
    id: &[&'v Value<'a>],
    get: &dyn Fn(Id) -> &'v Value<'a>,
) -> Result<Storage<'a>, String> {
    let (Value::Text(kind), parts) = id.split_first().ok_or("a persistent id of nothing")? else {
        return Err("a persistent id without its kind".to_owned());
    };
    if *kind != b"storage" {
        let kind = String::from_utf8_lossy(kind);
        return Err(format!(
            "a persistent {:?}: the file holds a whole model; load it where you trust it and save its state_dict() alone",
            kind.chars().take(40).collect::<String>()
        ));
    }
    let [
        Value::Function(Function::Storage(numbers)),
        Value::Text(key),
        _device,
        elements,
        view @ ..,
    ] = parts
    else {
        return Err("a storage of unknown form".to_owned());
    };
    let mut storage = Storage {
        numbers: *numbers,
        key,
        elements: size(elements)?,
        offset: 0,
    };
    match view {
        [] | [Value::None] => {}
        [Value::Tuple(view)] => match view[..] {
            [_key, offset, length] => {
                storage.offset = size(get(offset))?;
                storage.elements = size(get(length))?;
            }
            _ => return Err("a view of a storage of unknown form".to_owned()),
        },
        _ => return Err("a storage of unknown form".to_owned()),
    }
    Ok(storage)
}

fn size(value: &Value<'_>) -> Result<usize, String> {
    match value {
        Value::Int(value) => usize::try_from(*value).map_err(|_| format!("a size of {value}")),
        _ => Err("a size that is not a number".to_owned()),
    }
}

fn sizes<'a, 'v>(value: &'v Value<'a>, get: &dyn Fn(Id) -> &'v Value<'a>) -> Result<Vec<usize>, String> {
    match value {
        Value::Tuple(items) | Value::List(items) if items.len() <= MOST_DIMENSIONS => {
            items.iter().map(|item| size(get(*item))).collect()
        }
        Value::Tuple(items) | Value::List(items) => Err(format!("a tensor of {} dimensions", items.len())),
        _ => Err("sizes that are not a tuple".to_owned()),
    }
}
