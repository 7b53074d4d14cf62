//! The trees of an ONNX model, read from its bytes: Python takes 0.2 s for those of a shipped one.
//!
//! Sources: onnx.proto (`ModelProto`, `GraphProto`, `NodeProto`, `AttributeProto`), the encoding of Protocol Buffers, and
//! `TreeEnsembleClassifier` of the operators `ai.onnx.ml`.

use hashbrown::{HashMap, HashSet};

use super::{Forest, Node};

// Numbers of fields.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const NODE_TYPE: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const NAME: u64 = 1;
const TEXT: u64 = 4;
const FLOATS: u64 = 7;
const INTEGERS: u64 = 8;
const TEXTS: u64 = 9;

const OPERATOR: &[u8] = b"TreeEnsembleClassifier";
const BRANCH: &[u8] = b"BRANCH_LEQ";
const LEAF: &[u8] = b"LEAF";

/// The trees of a model that is nothing but trees of one weight a leaf, over rows of `width` values; `None` for any
/// other model, and for what is none.
pub fn read(onnx: &[u8], width: usize) -> Option<Forest> {
    let mut found = None;
    for graph in Fields(onnx).parts(MODEL_GRAPH) {
        for node in Fields(graph?).parts(GRAPH_NODE) {
            if found.replace(node?).is_some() {
                return None;
            }
        }
    }
    let node = found?;
    if Fields(node).parts(NODE_TYPE).next()?? != OPERATOR {
        return None;
    }
    let mut attributes = HashMap::new();
    for attribute in Fields(node).parts(NODE_ATTRIBUTE) {
        let (name, values) = Values::read(attribute?)?;
        attributes.insert(name, values);
    }
    forest_of(&attributes, width)
}

fn forest_of(attributes: &HashMap<&[u8], Values<'_>>, width: usize) -> Option<Forest> {
    let of = |name: &str| attributes.get(name.as_bytes());
    if of("post_transform").is_some_and(|one| one.texts != [b"NONE"]) {
        return None;
    }
    let classes = &of("class_ids")?.integers;
    if classes.is_empty() || classes.iter().any(|&class| class != 0) {
        return None;
    }
    let keys = paired(&of("nodes_treeids")?.integers, &of("nodes_nodeids")?.integers)?;
    let mut at = HashMap::with_capacity(keys.len());
    for (position, &key) in keys.iter().enumerate() {
        if at.insert(key, u32::try_from(position).ok()?).is_some() {
            return None;
        }
    }
    let leaves = paired(&of("class_treeids")?.integers, &of("class_nodeids")?.integers)?;
    let weights = &of("class_weights")?.floats;
    if leaves.len() != weights.len() {
        return None;
    }
    let by_leaf: HashMap<_, _> = leaves.iter().zip(weights).collect();
    if by_leaf.len() != weights.len() {
        return None;
    }
    let (modes, features) = (&of("nodes_modes")?.texts, &of("nodes_featureids")?.integers);
    let (thresholds, yes) = (&of("nodes_values")?.floats, &of("nodes_truenodeids")?.integers);
    let no = &of("nodes_falsenodeids")?.integers;
    let nan = of("nodes_missing_value_tracks_true").map(|one| &one.integers);
    let nan = nan.filter(|found| !found.is_empty());
    let count = keys.len();
    if [features.len(), yes.len(), no.len(), nan.map_or(count, Vec::len)] != [count; 4]
        || [modes.len(), thresholds.len()] != [count; 2]
    {
        return None;
    }
    let mut nodes = Vec::with_capacity(count);
    let (mut roots, mut trees) = (Vec::new(), HashSet::new());
    for (i, key) in keys.iter().enumerate() {
        if trees.insert(key.0) {
            roots.push(*at.get(&(key.0, 0))?);
        }
        nodes.push(match modes[i] {
            LEAF => Node::Leaf {
                weight: **by_leaf.get(key)?,
            },
            BRANCH => Node::Branch {
                feature: u32::try_from(features[i]).ok()?,
                threshold: thresholds[i],
                yes: *at.get(&(key.0, yes[i]))?,
                no: *at.get(&(key.0, no[i]))?,
                nan_is_yes: nan.is_some_and(|found| found[i] != 0),
            },
            _ => return None,
        });
    }
    let base = of("base_values").map_or(0.0, |one| one.floats.iter().map(|&value| f64::from(value)).sum::<f64>());
    Forest::new(&nodes, roots, base as f32, width).ok()
}

/// Both side by side; `None` where one is longer.
fn paired(trees: &[u64], nodes: &[u64]) -> Option<Vec<(u64, u64)>> {
    (trees.len() == nodes.len()).then(|| trees.iter().copied().zip(nodes.iter().copied()).collect())
}

/// What an attribute holds, numbers or texts.
#[derive(Default)]
struct Values<'a> {
    floats: Vec<f32>,
    integers: Vec<u64>,
    texts: Vec<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// With its name. Lists of numbers may be packed into one field or be one field each.
    fn read(attribute: &'a [u8]) -> Option<(&'a [u8], Self)> {
        let (mut name, mut values) = (b"".as_slice(), Self::default());
        for field in Fields(attribute) {
            match field? {
                (NAME, Field::Bytes(text)) => name = text,
                (TEXT | TEXTS, Field::Bytes(text)) => values.texts.push(text),
                (INTEGERS, Field::Integer(value)) => values.integers.push(value),
                (INTEGERS, Field::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        values.integers.push(varint(&mut packed)?);
                    }
                }
                (FLOATS, Field::Bytes(packed)) => {
                    let (words, []) = packed.as_chunks::<4>() else {
                        return None;
                    };
                    values.floats.extend(words.iter().map(|word| f32::from_le_bytes(*word)));
                }
                _ => {}
            }
        }
        Some((name, values))
    }
}

/// What a field holds; numbers of fixed width are bytes.
enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
}

/// Number and value of each field of a message; `None`, and then no more, where it is none.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The values of the fields of this number that are bytes.
    fn parts(self, wanted: u64) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.filter_map(move |field| match field {
            Some((number, Field::Bytes(bytes))) => (number == wanted).then_some(Some(bytes)),
            Some(_) => None,
            None => Some(None),
        })
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = varint(&mut self.0)?;
        let length = match key & 7 {
            0 => return Some((key >> 3, Field::Integer(varint(&mut self.0)?))),
            1 => 8,
            2 => usize::try_from(varint(&mut self.0)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((key >> 3, Field::Bytes(bytes)))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = b"";
        }
        Some(field)
    }
}

/// The integer that `data` begins with, seven bits a byte; `data` then begins after it.
fn varint(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
