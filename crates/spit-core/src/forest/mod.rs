//! Sums of decision trees, as ONNX's TreeEnsembleClassifier describes them.
//!
//! A runtime for any network takes longer to begin than a few hundred trees take to read. Additions are of f32 and in
//! the order of the trees, so the sum has the bits of that runtime.

mod leaves;
pub mod onnx;

use leaves::{LeafSets, ROWS};

/// What was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForestError(String);

impl std::fmt::Display for ForestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ForestError {}

/// One node, as it is declared: children are positions in the list of nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// `value <= threshold` goes to `yes`, else `no`; NaN goes where `nan_is_yes` says.
    Branch {
        /// Column of the row.
        feature: u32,
        /// The last value that goes to `yes`.
        threshold: f32,
        /// Position of a node.
        yes: u32,
        /// Position of a node.
        no: u32,
        /// Where an unknown value goes.
        nan_is_yes: bool,
    },
    /// What the tree adds.
    Leaf {
        /// Log-odds.
        weight: f32,
    },
}

/// Rows from which on a block that is not full takes less time than walking with each of them.
const WORTH_A_BLOCK: usize = 4;
/// Trees that are walked at a time: the next node of one is fetched while others are compared.
const LANES: usize = 8;
/// In [`Step::feature`]: NaN goes to the first child.
const NAN_IS_YES: u32 = 1 << 31;

/// A node as it is walked. A leaf has itself as children, so a walk needs no other end than the depth.
#[derive(Debug, Clone, Copy)]
struct Step {
    threshold: f32,
    feature: u32,
    /// For `value <= threshold`, and for more.
    children: [u32; 2],
}

/// Trees over rows of `width` values.
#[derive(Debug, Clone)]
pub struct Forest {
    steps: Vec<Step>,
    /// What each node adds where a walk ends.
    weights: Vec<f32>,
    roots: Vec<u32>,
    /// Steps that every walk of a group of [`LANES`] trees takes.
    depths: Vec<u32>,
    base: f32,
    width: usize,
    /// For rows in numbers; None where a tree has too many leaves.
    leaf_sets: Option<LeafSets>,
}

impl Forest {
    /// `roots`: positions of the trees' first nodes, in the order of addition; `base` is added last.
    ///
    /// Fails when a position or a column does not exist, or a node is reached twice (which a tree never does, and which
    /// might never end).
    pub fn new(nodes: &[Node], roots: Vec<u32>, base: f32, width: usize) -> Result<Self, ForestError> {
        if width == 0 || width >= NAN_IS_YES as usize {
            return Err(ForestError(format!(
                "trees: expected rows of some values, found {width}"
            )));
        }
        let mut reached = vec![false; nodes.len()];
        let depths = roots
            .chunks(LANES)
            .map(|group| {
                let mut depths = group.iter().map(|&root| depth(nodes, root, width, &mut reached));
                depths.try_fold(0, |deepest, depth| Ok(deepest.max(depth?)))
            })
            .collect::<Result<_, _>>()?;
        let step = |(at, node): (usize, &Node)| match *node {
            Node::Leaf { .. } => Step {
                threshold: 0.0,
                feature: 0,
                children: [at as u32; 2],
            },
            Node::Branch {
                feature,
                threshold,
                yes,
                no,
                nan_is_yes,
            } => Step {
                threshold,
                feature: feature | if nan_is_yes { NAN_IS_YES } else { 0 },
                children: [yes, no],
            },
        };
        let weight = |node: &Node| match *node {
            Node::Leaf { weight } => weight,
            Node::Branch { .. } => 0.0,
        };
        Ok(Self {
            steps: nodes.iter().enumerate().map(step).collect(),
            weights: nodes.iter().map(weight).collect(),
            leaf_sets: LeafSets::new(nodes, &roots),
            roots,
            depths,
            base,
            width,
        })
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What the trees say of rows of [`Forest::width`] values each; a rest that is no whole row is left out.
    pub fn sums(&self, rows: &[f32]) -> Vec<f32> {
        let mut sums = Vec::with_capacity(rows.len() / self.width);
        let mut rest = rows;
        if let Some(leaf_sets) = &self.leaf_sets {
            let mut columns = vec![[0.0; ROWS]; self.width];
            let few = rows.len() / self.width % ROWS < WORTH_A_BLOCK;
            let whole = rows.len() - rows.len() % (ROWS * self.width);
            let (blocks, alone) = rows.split_at(if few { whole } else { rows.len() });
            rest = alone;
            for block in blocks.chunks(ROWS * self.width) {
                for (i, row) in block.chunks_exact(self.width).enumerate() {
                    for (column, &value) in columns.iter_mut().zip(row) {
                        column[i] = value;
                    }
                }
                // Of a block that is not full, places hold what another row left there.
                let of_block = leaf_sets.sums(&columns).map(|sum| sum + self.base);
                sums.extend_from_slice(&of_block[..block.len() / self.width]);
            }
        }
        sums.extend(rest.chunks_exact(self.width).map(|row| self.sum(row)));
        sums
    }

    /// What the trees say of a row of [`Forest::width`] values.
    pub fn sum(&self, row: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (group, &depth) in self.roots.chunks(LANES).zip(&self.depths) {
            let mut at = [0; LANES];
            at[..group.len()].copy_from_slice(group);
            for _ in 0..depth {
                let mut moved = 0;
                for at in &mut at {
                    let step = &self.steps[*at as usize];
                    let value = row[(step.feature & !NAN_IS_YES) as usize];
                    // Without branches: which way a row goes can't be guessed.
                    let is_yes = (value <= step.threshold) | (value.is_nan() & (step.feature & NAN_IS_YES != 0));
                    let next = step.children[usize::from(!is_yes)];
                    moved |= next ^ *at;
                    *at = next;
                }
                if moved == 0 {
                    break;
                }
            }
            for &at in &at[..group.len()] {
                sum += self.weights[at as usize];
            }
        }
        sum + self.base
    }
}

/// The steps to the deepest leaf under `root`.
fn depth(nodes: &[Node], root: u32, width: usize, reached: &mut [bool]) -> Result<u32, ForestError> {
    let mut deepest = 0;
    let mut open = vec![(root, 0)];
    while let Some((at, depth)) = open.pop() {
        let (Some(node), Some(seen)) = (nodes.get(at as usize), reached.get_mut(at as usize)) else {
            return Err(ForestError(format!(
                "trees: expected one of {} nodes, found {at}",
                nodes.len()
            )));
        };
        if std::mem::replace(seen, true) {
            return Err(ForestError(format!("trees: expected node {at} once, found it twice")));
        }
        deepest = deepest.max(depth);
        if let Node::Branch { feature, yes, no, .. } = *node {
            if feature as usize >= width {
                return Err(ForestError(format!(
                    "trees: expected columns below {width}, found {feature}"
                )));
            }
            open.extend([(yes, depth + 1), (no, depth + 1)]);
        }
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(feature: u32, yes: u32, no: u32, nan_is_yes: bool) -> Node {
        Node::Branch {
            feature,
            threshold: 0.5,
            yes,
            no,
            nan_is_yes,
        }
    }

    fn leaf(weight: f32) -> Node {
        Node::Leaf { weight }
    }

    #[test]
    fn trees_add_up() {
        let nodes = vec![
            branch(0, 1, 2, true),
            leaf(1.0),
            branch(1, 3, 4, false),
            leaf(2.0),
            leaf(3.0),
            leaf(10.0),
        ];
        let forest = Forest::new(&nodes, vec![0, 5], 100.0, 2).unwrap();
        assert_eq!(forest.sum(&[0.5, 9.0]), 111.0);
        assert_eq!(forest.sum(&[0.6, 0.0]), 112.0);
        assert_eq!(forest.sum(&[0.6, 0.6]), 113.0);
        assert_eq!(forest.sum(&[f32::NAN, 0.6]), 111.0);
        assert_eq!(forest.sum(&[1.0, f32::NAN]), 113.0);
    }

    /// A tree of `leaves` leaves, the deepest one at a depth of `leaves - 1` on either side by turns.
    fn chain(nodes: &mut Vec<Node>, leaves: u32, seed: u32) -> u32 {
        let root = nodes.len() as u32;
        for i in 0..leaves - 1 {
            let at = nodes.len() as u32;
            let on = (i + seed).is_multiple_of(3);
            let (yes, no) = if on { (at + 2, at + 1) } else { (at + 1, at + 2) };
            let step = f32::from((i * 31 + seed * 17) as u8 % 8) / 8.0;
            nodes.push(Node::Branch {
                feature: (i * 7 + seed) % 5,
                threshold: if on { 8.0 + step } else { step - 0.5 },
                yes,
                no,
                nan_is_yes: i % 2 == 0,
            });
            nodes.push(leaf(0.1 + (at * 13 % 101) as f32));
        }
        nodes.push(leaf(-0.7));
        root
    }

    #[test]
    fn many_rows_have_the_bits_of_each_alone() {
        for leaves in [1, 2, 31, 32, 33] {
            let mut nodes = Vec::new();
            let roots: Vec<_> = (0..9).map(|seed| chain(&mut nodes, leaves, seed)).collect();
            let forest = Forest::new(&nodes, roots, -0.3, 5).unwrap();
            assert_eq!(forest.leaf_sets.is_some(), leaves <= 32);
            let mut state = 1_u64;
            let rows: Vec<f32> = (0..5 * 77)
                .map(|_| {
                    state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    match state >> 60 {
                        0 => f32::NAN,
                        1 => f32::INFINITY,
                        2 => f32::NEG_INFINITY,
                        _ => ((state >> 33) % 80) as f32 / 8.0 - 1.0,
                    }
                })
                .collect();
            let alone: Vec<_> = rows.chunks(5).map(|row| forest.sum(row).to_bits()).collect();
            for count in [0, 1, 3, 4, 15, 16, 19, 20, 77] {
                let together = forest.sums(&rows[..5 * count]).into_iter().map(f32::to_bits);
                assert_eq!(together.collect::<Vec<_>>(), alone[..count], "{count} rows");
            }
            assert!(leaves < 31 || alone.iter().collect::<std::collections::HashSet<_>>().len() > 40);
        }
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let refused = |nodes: Vec<Node>, roots| Forest::new(&nodes, roots, 0.0, 1).unwrap_err().to_string();
        assert!(refused(vec![leaf(1.0)], vec![1]).contains("found 1"));
        assert!(refused(vec![branch(0, 0, 0, false)], vec![0]).contains("twice"));
        assert!(refused(vec![branch(1, 1, 2, false), leaf(0.0), leaf(0.0)], vec![0]).contains("columns below 1"));
        assert!(refused(vec![branch(0, 1, 7, false), leaf(0.0)], vec![0]).contains("found 7"));
    }
}
