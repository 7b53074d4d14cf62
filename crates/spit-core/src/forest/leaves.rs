//! Many rows at once: every branch strikes out the leaves that a row can't reach, and the first that is left is its leaf.
//!
//! Source: Lucchese and others 2015, QuickScorer. No step depends on the one before, and rows side by side are what vector
//! instructions are for: a third of the time of walking from node to node.

use super::Node;

/// Rows that are scored at a time: their values fit the first cache, their leaves the registers.
pub(super) const ROWS: usize = 16;
/// Leaves of a tree are bits of this.
type Leaves = u32;

/// A branch as it strikes out leaves: of rows that go to `no`, those of `yes`.
#[derive(Debug, Clone, Copy)]
struct Strike {
    feature: u32,
    threshold: f32,
    kept: Leaves,
}

/// Ends of a tree's parts in the lists of all trees.
#[derive(Debug, Clone, Copy)]
struct Tree {
    nan_is_yes: usize,
    nan_is_no: usize,
    weights: usize,
}

/// Trees of few leaves.
#[derive(Debug, Clone)]
pub(super) struct LeafSets {
    /// Of each tree those whose NaN goes to `yes`, then the others.
    strikes: Vec<Strike>,
    /// Of each tree, from `yes` to `no`.
    weights: Vec<f32>,
    trees: Vec<Tree>,
}

impl LeafSets {
    /// None where a tree has more leaves than [`Leaves`] has bits. Nodes and roots are known to be trees.
    pub(super) fn new(nodes: &[Node], roots: &[u32]) -> Option<Self> {
        let mut sets = Self {
            strikes: Vec::new(),
            weights: Vec::new(),
            trees: Vec::new(),
        };
        for &root in roots {
            let (mut nan_is_yes, mut nan_is_no, mut weights) = (Vec::new(), Vec::new(), Vec::new());
            // A branch is met before its leaves and again between those of `yes` and of `no`.
            let mut open = vec![(root, None)];
            while let Some((at, yes_from)) = open.pop() {
                match (nodes.get(at as usize)?, yes_from) {
                    (&Node::Leaf { weight }, _) => weights.push(weight),
                    (&Node::Branch { yes, no, .. }, None) => {
                        open.extend([(no, None), (at, Some(weights.len())), (yes, None)]);
                    }
                    (
                        &Node::Branch {
                            feature,
                            threshold,
                            nan_is_yes: to_yes,
                            ..
                        },
                        Some(from),
                    ) => {
                        let kept = !(below(weights.len())? & !below(from)?);
                        let strikes = if to_yes { &mut nan_is_yes } else { &mut nan_is_no };
                        strikes.push(Strike {
                            feature,
                            threshold,
                            kept,
                        });
                    }
                }
            }
            below(weights.len())?;
            sets.strikes.append(&mut nan_is_yes);
            let nan_is_yes = sets.strikes.len();
            sets.strikes.append(&mut nan_is_no);
            sets.weights.append(&mut weights);
            sets.trees.push(Tree {
                nan_is_yes,
                nan_is_no: sets.strikes.len(),
                weights: sets.weights.len(),
            });
        }
        Some(sets)
    }

    /// What the trees say of each row, in the order of the trees; `columns`: the rows' values by feature.
    pub(super) fn sums(&self, columns: &[[f32; ROWS]]) -> [f32; ROWS] {
        let mut sums = [0.0; ROWS];
        let (mut strikes_from, mut weights_from) = (0, 0);
        for tree in &self.trees {
            let mut left = [Leaves::MAX; ROWS];
            for strike in &self.strikes[strikes_from..tree.nan_is_yes] {
                let values = &columns[strike.feature as usize];
                for (left, value) in left.iter_mut().zip(values) {
                    *left &= strike.kept | !all_if(*value > strike.threshold);
                }
            }
            for strike in &self.strikes[tree.nan_is_yes..tree.nan_is_no] {
                let values = &columns[strike.feature as usize];
                for (left, value) in left.iter_mut().zip(values) {
                    *left &= strike.kept | all_if(*value <= strike.threshold);
                }
            }
            let weights = &self.weights[weights_from..tree.weights];
            for (sum, left) in sums.iter_mut().zip(left) {
                *sum += weights[left.trailing_zeros() as usize];
            }
            (strikes_from, weights_from) = (tree.nan_is_no, tree.weights);
        }
        sums
    }
}

/// The first `count` leaves; None where there are not so many.
fn below(count: usize) -> Option<Leaves> {
    match u32::try_from(count).ok()? {
        Leaves::BITS => Some(Leaves::MAX),
        count => 1_u32.checked_shl(count).map(|bit| bit - 1),
    }
}

#[inline]
fn all_if(holds: bool) -> Leaves {
    Leaves::from(holds).wrapping_neg()
}
