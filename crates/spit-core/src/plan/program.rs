//! Expressions over columns, worked out for many rows at once: one loop for each step, over rows side by side.

use crate::fold::FoldError;

/// Rows that are worked out together at most: what stands between the steps fits the processor's caches.
pub const MAX_ROWS: usize = 128;

/// From one column to the next. Eight more than rows: were it a power of two, the columns of a row would lie in the
/// same few places of the caches.
pub(super) const STRIDE: usize = MAX_ROWS + 8;

/// One column. Operands are numbers of columns before it; truths are 0 and 1, NaN is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the names of the operations")]
pub enum Node {
    /// Written by whoever runs the program.
    Input,
    Constant(f64),
    /// Of a truth.
    Not(usize),
    /// Whether it is a number, and a finite one.
    IsFinite(usize),
    Magnitude(usize),
    Floor(usize),
    Negated(usize),
    /// `ln(1 + x)`.
    LogOnePlus(usize),
    /// Of truths.
    And(usize, usize),
    Or(usize, usize),
    /// Comparisons with NaN are false.
    Less(usize, usize),
    AtMost(usize, usize),
    Equal(usize, usize),
    Difference(usize, usize),
    Product(usize, usize),
    Quotient(usize, usize),
    /// The lesser; where one is NaN, the other.
    Lesser(usize, usize),
    /// Within two numbers; NaN stays.
    Clipped(usize, f64, f64),
    /// The second where the first, a truth, holds; else the third.
    Choice(usize, usize, usize),
}

impl Node {
    fn operands(&self) -> [Option<usize>; 3] {
        match *self {
            Self::Input | Self::Constant(_) => [None; 3],
            Self::Not(x)
            | Self::IsFinite(x)
            | Self::Magnitude(x)
            | Self::Floor(x)
            | Self::Negated(x)
            | Self::LogOnePlus(x)
            | Self::Clipped(x, ..) => [Some(x), None, None],
            Self::And(x, y)
            | Self::Or(x, y)
            | Self::Less(x, y)
            | Self::AtMost(x, y)
            | Self::Equal(x, y)
            | Self::Difference(x, y)
            | Self::Product(x, y)
            | Self::Quotient(x, y)
            | Self::Lesser(x, y) => [Some(x), Some(y), None],
            Self::Choice(x, y, z) => [Some(x), Some(y), Some(z)],
        }
    }
}

/// Columns of up to [`MAX_ROWS`] rows, of which a [`Program`] works out those that are no input.
#[derive(Debug, Clone)]
pub(super) struct Program {
    nodes: Vec<Node>,
    /// After which step of a plan each node is known.
    known_after: Vec<usize>,
    /// What is worked out after each step.
    order: Vec<Vec<usize>>,
    values: Vec<f64>,
}

impl Program {
    /// Fails where an operand is not before its node.
    pub(super) fn new(name: &str, nodes: &[Node]) -> Result<Self, FoldError> {
        for (i, node) in nodes.iter().enumerate() {
            if let Some(operand) = node.operands().into_iter().flatten().find(|&operand| operand >= i) {
                return Err(FoldError::new(format!(
                    "{name}, column {i}: expected operands before it, found {operand}"
                )));
            }
        }
        let mut values = vec![0.0; nodes.len() * STRIDE];
        for (column, node) in values.chunks_exact_mut(STRIDE).zip(nodes) {
            if let Node::Constant(value) = node {
                column.fill(*value);
            }
        }
        Ok(Self {
            nodes: nodes.to_vec(),
            known_after: vec![0; nodes.len()],
            order: Vec::new(),
            values,
        })
    }

    /// Columns.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Notes that an input is written by a step, and everything made of it known after that.
    pub(super) fn written_by(&mut self, input: usize, step: usize) {
        self.known_after[input] = step;
        for i in input + 1..self.nodes.len() {
            for operand in self.nodes[i].operands().into_iter().flatten() {
                self.known_after[i] = self.known_after[i].max(self.known_after[operand]);
            }
        }
    }

    /// Settles what is worked out after each of so many steps.
    pub(super) fn schedule(&mut self, steps: usize) {
        self.order = vec![Vec::new(); steps + 1];
        for (i, &step) in self.known_after.iter().enumerate() {
            if !matches!(self.nodes[i], Node::Input | Node::Constant(_)) {
                self.order[step].push(i);
            }
        }
    }

    /// After which step a column is known.
    pub(super) fn known_after(&self, node: usize) -> usize {
        self.known_after[node]
    }

    /// Whether a column is an input.
    pub(super) fn is_input(&self, node: usize) -> bool {
        matches!(self.nodes.get(node), Some(Node::Input))
    }

    /// The values of a column.
    pub(super) fn column(&self, node: usize) -> &[f64] {
        &self.values[node * STRIDE..node * STRIDE + MAX_ROWS]
    }

    /// One value.
    pub(super) fn value(&self, node: usize, row: usize) -> f64 {
        self.values[node * STRIDE + row]
    }

    /// Writes one value of an input.
    pub(super) fn put(&mut self, node: usize, row: usize, value: f64) {
        self.values[node * STRIDE + row] = value;
    }

    /// Works out, for the first `rows` rows, what is known after a step and not before.
    pub(super) fn run(&mut self, step: usize, rows: usize) {
        for &i in &self.order[step] {
            let (before, rest) = self.values.split_at_mut(i * STRIDE);
            work_out(self.nodes[i], before, &mut rest[..rows]);
        }
    }
}

fn work_out(node: Node, before: &[f64], out: &mut [f64]) {
    let rows = out.len();
    let of = |operand: usize| &before[operand * STRIDE..operand * STRIDE + rows];
    let mut one = |x: usize, f: fn(f64) -> f64| {
        for (out, &x) in out.iter_mut().zip(of(x)) {
            *out = f(x);
        }
    };
    match node {
        Node::Input | Node::Constant(_) => {}
        Node::LogOnePlus(x) => one(x, f64::ln_1p),
        Node::Floor(x) => one(x, f64::floor),
        Node::Not(x) => each(out, of(x), |x| 1.0 - x),
        Node::IsFinite(x) => each(out, of(x), |x| truth(x.is_finite())),
        Node::Magnitude(x) => each(out, of(x), f64::abs),
        Node::Negated(x) => each(out, of(x), |x| -x),
        // As numpy.clip: what is NaN stays.
        Node::Clipped(x, low, high) => each(out, of(x), |x| {
            let raised = if x < low { low } else { x };
            if raised > high {
                high
            } else {
                raised
            }
        }),
        Node::And(x, y) | Node::Product(x, y) => each_pair(out, of(x), of(y), |x, y| x * y),
        Node::Or(x, y) => each_pair(out, of(x), of(y), |x, y| if x > y { x } else { y }),
        Node::Less(x, y) => each_pair(out, of(x), of(y), |x, y| truth(x < y)),
        Node::AtMost(x, y) => each_pair(out, of(x), of(y), |x, y| truth(x <= y)),
        Node::Equal(x, y) => each_pair(out, of(x), of(y), |x, y| truth(x == y)),
        Node::Difference(x, y) => each_pair(out, of(x), of(y), |x, y| x - y),
        Node::Quotient(x, y) => each_pair(out, of(x), of(y), |x, y| x / y),
        Node::Lesser(x, y) => each_pair(out, of(x), of(y), f64::min),
        Node::Choice(condition, x, otherwise) => {
            let pairs = of(x).iter().zip(of(otherwise));
            for ((out, &condition), (&x, &otherwise)) in out.iter_mut().zip(of(condition)).zip(pairs) {
                *out = if condition == 1.0 { x } else { otherwise };
            }
        }
    }
}

/// Inlined, so that a loop stands for each operation.
#[inline(always)]
fn each(out: &mut [f64], x: &[f64], f: impl Fn(f64) -> f64) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

#[inline(always)]
fn each_pair(out: &mut [f64], x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) {
    for (out, (&x, &y)) in out.iter_mut().zip(x.iter().zip(y)) {
        *out = f(x, y);
    }
}

fn truth(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of the last node, the first two being inputs.
    fn value(node: Node, x: f64, y: f64) -> f64 {
        let mut program = Program::new("test", &[Node::Input, Node::Input, node]).unwrap();
        program.schedule(0);
        program.put(0, 3, x);
        program.put(1, 3, y);
        program.run(0, 4);
        program.value(2, 3)
    }

    #[test]
    fn operations_by_hand() {
        let nan = f64::NAN;
        assert_eq!(value(Node::Not(0), 1.0, 0.0), 0.0);
        assert_eq!(
            [2.0, nan, f64::INFINITY].map(|x| value(Node::IsFinite(0), x, 0.0)),
            [1.0, 0.0, 0.0]
        );
        assert_eq!(value(Node::Magnitude(0), -2.0, 0.0), 2.0);
        assert_eq!(value(Node::Floor(0), -0.5, 0.0), -1.0);
        assert_eq!(value(Node::Negated(0), 2.0, 0.0), -2.0);
        assert_eq!(value(Node::LogOnePlus(0), 1.0, 0.0), 2.0_f64.ln());
        let truths = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
        assert_eq!(truths.map(|(x, y)| value(Node::And(0, 1), x, y)), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(truths.map(|(x, y)| value(Node::Or(0, 1), x, y)), [0.0, 1.0, 1.0, 1.0]);
        let pairs = [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (nan, 2.0), (nan, nan)];
        assert_eq!(
            pairs.map(|(x, y)| value(Node::Less(0, 1), x, y)),
            [1.0, 0.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(
            pairs.map(|(x, y)| value(Node::AtMost(0, 1), x, y)),
            [1.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(
            pairs.map(|(x, y)| value(Node::Equal(0, 1), x, y)),
            [0.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(value(Node::Difference(0, 1), 5.0, 3.0), 2.0);
        assert_eq!(value(Node::Product(0, 1), 5.0, 3.0), 15.0);
        assert_eq!(value(Node::Quotient(0, 1), 6.0, 3.0), 2.0);
        assert_eq!(
            [(nan, 3.0), (3.0, nan), (2.0, 3.0)].map(|(x, y)| value(Node::Lesser(0, 1), x, y)),
            [3.0, 3.0, 2.0]
        );
        assert_eq!(
            [-1.0, 4.0, 9.0].map(|x| value(Node::Clipped(0, 0.0, 5.0), x, 0.0)),
            [0.0, 4.0, 5.0]
        );
        assert!(value(Node::Clipped(0, 0.0, 5.0), nan, 0.0).is_nan());
        assert_eq!([0.0, 1.0].map(|x| value(Node::Choice(0, 1, 0), x, 7.0)), [0.0, 7.0]);
    }

    #[test]
    fn what_an_input_is_written_for_is_worked_out_after_it() {
        let nodes = [Node::Input, Node::Constant(2.0), Node::Product(0, 1), Node::Negated(1)];
        let mut program = Program::new("test", &nodes).unwrap();
        program.written_by(0, 1);
        program.schedule(1);
        program.run(0, 1);
        assert_eq!((program.value(2, 0), program.value(3, 0)), (0.0, -2.0));
        program.put(0, 0, 3.0);
        program.run(1, 1);
        assert_eq!(program.value(2, 0), 6.0);
    }

    #[test]
    fn operands_stand_before_their_node() {
        assert!(Program::new("test", &[Node::Not(0)]).is_err());
        assert!(Program::new("test", &[Node::Input, Node::And(0, 1)]).is_err());
    }
}
