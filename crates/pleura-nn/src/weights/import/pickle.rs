//! A pickle reader that builds plain values, dictionaries and tensors, and nothing else.
//!
//! Values are in one list and refer to each other by number, so neither sharing nor nesting can multiply them
//! or overflow a stack. Every operation makes at most one value, and the number of operations is limited,
//! which bounds memory. Text stays in the file's bytes.

use std::collections::HashMap;

use super::rebuild::{self, Function, Storage, TensorView};
use crate::error::Error;

/// Operations in one pickle. A checkpoint of `DenseNet`-201 with its optimiser's state has several hundred
/// thousand.
const MOST_OPERATIONS: usize = 1 << 20;

/// Number of a value in its [`Pickle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// The values that a pickle can hold here.
#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits: its little-endian bytes.
    Long(&'a [u8]),
    /// A number or an object that no tensor needs (numpy's scalars). Its content is ignored.
    Opaque,
    /// Text or bytes; this depends on the Python that wrote it.
    Text(&'a [u8]),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Function(Function),
    Storage(Box<Storage<'a>>),
    Tensor(Box<TensorView<'a>>),
}

/// A pickle: its values and its root.
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// Offset of the bytes after it.
    pub(super) end: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that begins at `start`; `name` is the file name, for messages.
    pub(super) fn read(bytes: &'a [u8], start: usize, name: &'a str) -> Result<Self, Error> {
        let mut machine = Machine {
            bytes,
            at: start,
            operation: start,
            name,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            walked: 0,
        };
        for _ in 0..MOST_OPERATIONS {
            if let Some(root) = machine.step()? {
                return Ok(Self {
                    values: machine.values,
                    root,
                    end: machine.at,
                });
            }
        }
        Err(machine.refuse(format!("more than {MOST_OPERATIONS} operations")))
    }

    pub(super) fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// All values, in the order of their creation.
    pub(super) fn values(&self) -> &[Value<'a>] {
        &self.values
    }

    /// Looks up a text key of a dictionary; as in Python, the last entry counts.
    pub(super) fn entry(&self, dictionary: &Value<'a>, key: &[u8]) -> Option<&Value<'a>> {
        let Value::Dict(entries) = dictionary else {
            return None;
        };
        let found = entries
            .iter()
            .rev()
            .find(|(name, _)| matches!(self.get(*name), Value::Text(text) if *text == key));
        found.map(|(_, value)| self.get(*value))
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offset of the current operation.
    operation: usize,
    name: &'a str,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Arguments that calls have visited: a file can repeat them for a byte or two each.
    walked: usize,
}

impl<'a> Machine<'a> {
    /// Runs one operation; returns the root after the last one.
    fn step(&mut self) -> Result<Option<Id>, Error> {
        self.operation = self.at;
        let operation = self.take(1)?[0];
        match operation {
            // PROTO, FRAME
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return self.pop().map(Some),
            // Stack: MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            b'K' => {
                let value = self.take(1)?[0];
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let length = self.length(1)?;
                self.long(length)?;
            }
            0x8b => {
                let length = self.length(4)?;
                self.long(length)?;
            }
            b'G' => {
                self.take(8)?;
                self.push(Value::Opaque);
            }
            // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE; BINSTRING, BINBYTES, BINUNICODE;
            // BINUNICODE8, BINBYTES8
            b'U' | b'C' | 0x8c => self.text(1)?,
            b'T' | b'B' | b'X' => self.text(4)?,
            0x8d | 0x8e => self.text(8)?,
            // Tuples: EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let mut items = (0x84..operation)
                    .map(|_| self.pop())
                    .collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            // Lists: EMPTY_LIST, APPEND, APPENDS
            b']' => self.push(Value::List(Vec::new())),
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            // Dictionaries: EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.push(Value::Dict(Vec::new())),
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set(&items)?;
            }
            // The memo: BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => {
                let key = self.take(1)?[0];
                self.put(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.put(key)?;
            }
            0x94 => self.put(self.memo.len() as u32)?,
            b'h' => {
                let key = self.take(1)?[0];
                self.fetch(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.fetch(key)?;
            }
            // Objects: GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.function(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (self.get(module), self.get(name)) else {
                    return Err(self.refuse("a global whose name is not text".to_owned()));
                };
                let (module, name) = (*module, *name);
                self.function(module, name)?;
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            _ => {
                return Err(self.refuse(format!(
                    "operation {operation:#04x} ({:?}), which no file of tensors needs",
                    char::from(operation)
                )));
            }
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..count) else {
            return Err(self.refuse(format!(
                "{count} bytes are wanted, the file has {} more",
                rest.len()
            )));
        };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A length of `width` bytes.
    fn length(&mut self, width: usize) -> Result<usize, Error> {
        let mut word = [0; 8];
        word[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(word))
            .map_err(|_| self.refuse("a length larger than memory".to_owned()))
    }

    fn line(&mut self) -> Result<&'a [u8], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().take(1000).position(|byte| *byte == b'\n') else {
            return Err(self.refuse("a name without end".to_owned()));
        };
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn text(&mut self, width: usize) -> Result<(), Error> {
        let length = self.length(width)?;
        let text = self.take(length)?;
        self.push(Value::Text(text));
        Ok(())
    }

    fn long(&mut self, length: usize) -> Result<(), Error> {
        let bytes = self.take(length)?;
        let value = if length <= 8 {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut word = if negative { [0xff; 8] } else { [0; 8] };
            word[..length].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(word))
        } else {
            Value::Long(bytes)
        };
        self.push(value);
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(Id(self.values.len() as u32));
        self.values.push(value);
    }

    fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id.0 as usize]
    }

    /// The values on the stack above the last mark.
    fn own(&self) -> &[Id] {
        &self.stack[self.marks.last().copied().unwrap_or(0)..]
    }

    fn top(&self) -> Result<Id, Error> {
        self.own()
            .last()
            .copied()
            .ok_or_else(|| self.refuse("the stack is empty".to_owned()))
    }

    fn pop(&mut self) -> Result<Id, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Error> {
        let Some(mark) = self.marks.pop() else {
            return Err(self.refuse("a mark is missing".to_owned()));
        };
        Ok(self.stack.split_off(mark))
    }

    fn append(&mut self, items: &[Id]) -> Result<(), Error> {
        let list = self.top()?;
        let Value::List(list) = &mut self.values[list.0 as usize] else {
            return Err(self.refuse("an append to something other than a list".to_owned()));
        };
        list.extend(items);
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), Error> {
        let dictionary = self.top()?;
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.refuse("a key without a value".to_owned()));
        };
        let Value::Dict(entries) = &mut self.values[dictionary.0 as usize] else {
            return Err(self.refuse("an entry set in something other than a dictionary".to_owned()));
        };
        entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
        Ok(())
    }

    fn put(&mut self, key: u32) -> Result<(), Error> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn fetch(&mut self, key: u32) -> Result<(), Error> {
        let Some(&id) = self.memo.get(&key) else {
            return Err(self.refuse(format!("memo {key} was never set")));
        };
        self.stack.push(id);
        Ok(())
    }

    fn function(&mut self, module: &[u8], name: &[u8]) -> Result<(), Error> {
        match Function::named(module, name) {
            Some(function) => {
                self.push(Value::Function(function));
                Ok(())
            }
            None => Err(self.refuse(format!(
                "{}.{}, which is not needed to hold tensors. If the file holds a whole model or other objects, load it where you trust \
                 it and save its state_dict() alone",
                String::from_utf8_lossy(module).escape_debug(),
                String::from_utf8_lossy(name).escape_debug()
            ))),
        }
    }

    fn reduce(&mut self) -> Result<(), Error> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Value::Function(function), Value::Tuple(arguments)) = (self.get(function), self.get(arguments))
        else {
            return Err(self.refuse("a call of something other than a function".to_owned()));
        };
        let function = *function;
        let within = |id: &Id| match self.get(*id) {
            Value::List(items) => items.len(),
            _ => 0,
        };
        let walked = self.walked + arguments.len() + arguments.iter().map(within).sum::<usize>();
        if walked > MOST_OPERATIONS {
            return Err(self.refuse(format!("calls with more than {MOST_OPERATIONS} arguments in all")));
        }
        let arguments: Vec<&Value<'a>> = arguments.iter().map(|id| self.get(*id)).collect();
        let value = rebuild::call(function, &arguments, &|id| self.get(id))
            .map_err(|problem| self.refuse(problem))?;
        self.walked = walked;
        self.push(value);
        Ok(())
    }

    /// Sets the state of an object: `_metadata` of a `state_dict`, the byte order of a numpy type. Both are
    /// ignored.
    fn build(&mut self) -> Result<(), Error> {
        self.pop()?;
        match self.get(self.top()?) {
            Value::Dict(_) | Value::Opaque => Ok(()),
            _ => Err(self.refuse("state for something without state".to_owned())),
        }
    }

    fn persistent(&mut self) -> Result<(), Error> {
        let id = self.pop()?;
        let storage = match self.get(id) {
            Value::Tuple(items) => {
                let items: Vec<&Value<'a>> = items.iter().map(|id| self.get(*id)).collect();
                rebuild::storage(&items, &|id| self.get(id))
            }
            _ => Err("a persistent object that is not a storage".to_owned()),
        };
        let storage = storage.map_err(|problem| self.refuse(problem))?;
        self.push(Value::Storage(Box::new(storage)));
        Ok(())
    }

    fn refuse(&self, problem: String) -> Error {
        Error::Pickle {
            name: self.name.to_owned(),
            offset: self.operation,
            problem,
        }
    }
}
