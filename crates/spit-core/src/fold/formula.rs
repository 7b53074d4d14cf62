//! What follows from sums: ratios, spreads and the like, row by row.
//!
//! Which formula, of which sums, with which prior is declared by the caller; here is only the arithmetic.

use std::array::from_fn;

use super::FoldError;

/// Where a value stands: in which matrix, in which column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the matrix.
    pub matrix: u16,
    /// Its column.
    pub column: u16,
}

/// A mean below this has no relative spread.
const MIN_MEAN: f64 = 1e-9;

/// How a value derives from others. NaN reads as 0: nothing is known.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the fields are named as in the formula above them")]
pub enum Formula {
    /// `max(x, 0)`.
    Count { x: Place },
    /// `(x + added) / (n * scale + weight)`.
    Ratio {
        x: Place,
        n: Place,
        added: f64,
        weight: f64,
        scale: f64,
    },
    /// `(x - n * past) / (n + weight)`, where `past = (past_x + added) / (past_n + weight)`.
    Change {
        x: Place,
        n: Place,
        past_x: Place,
        past_n: Place,
        added: f64,
        weight: f64,
    },
    /// Standard deviation from count, sum and sum of squares; its square is shrunk to `prior`'s.
    Spread {
        n: Place,
        sum: Place,
        squares: Place,
        prior: f64,
        weight: f64,
        /// Divided by the mean.
        relative: bool,
    },
    /// `(x * along_x + y * along_y + added) / (n + weight)`.
    Habit {
        n: Place,
        x: Place,
        y: Place,
        along_x: Place,
        along_y: Place,
        added: f64,
        weight: f64,
    },
    /// `min(x, cap)`; `cap` where x is NaN.
    Capped { x: Place, cap: f64 },
}

impl Formula {
    /// The places it reads.
    pub fn places(&self) -> Vec<Place> {
        match *self {
            Self::Count { x } | Self::Capped { x, .. } => vec![x],
            Self::Ratio { x, n, .. } => vec![x, n],
            Self::Change {
                x, n, past_x, past_n, ..
            } => vec![x, n, past_x, past_n],
            Self::Spread { n, sum, squares, .. } => vec![n, sum, squares],
            Self::Habit {
                n,
                x,
                y,
                along_x,
                along_y,
                ..
            } => vec![n, x, y, along_x, along_y],
        }
    }

    /// For so many rows at once; `raw` gives what stands at a place in each of them.
    #[inline(always)]
    fn values<const N: usize>(&self, raw: impl Fn(Place) -> [f64; N]) -> [f64; N] {
        let at = |place| raw(place).map(|value| if value.is_nan() { 0.0 } else { value });
        match *self {
            Self::Count { x } => at(x).map(|x| x.max(0.0)),
            Self::Ratio {
                x,
                n,
                added,
                weight,
                scale,
            } => {
                let (x, n) = (at(x), at(n));
                from_fn(|i| (x[i] + added) / (n[i] * scale + weight))
            }
            Self::Change {
                x,
                n,
                past_x,
                past_n,
                added,
                weight,
            } => {
                let (x, n, past_x, past_n) = (at(x), at(n), at(past_x), at(past_n));
                from_fn(|i| {
                    let past = (past_x[i] + added) / (past_n[i] + weight);
                    (x[i] - n[i] * past) / (n[i] + weight)
                })
            }
            Self::Spread {
                n,
                sum,
                squares,
                prior,
                weight,
                relative,
            } => {
                let (n, sum, squares) = (at(n), at(sum), at(squares));
                from_fn(|i| spread(n[i], sum[i], squares[i], (prior, weight), relative))
            }
            Self::Habit {
                n,
                x,
                y,
                along_x,
                along_y,
                added,
                weight,
            } => {
                let (n, x, y, along_x, along_y) = (at(n), at(x), at(y), at(along_x), at(along_y));
                from_fn(|i| (x[i] * along_x[i] + y[i] * along_y[i] + added) / (n[i] + weight))
            }
            Self::Capped { x, cap } => raw(x).map(|x| x.min(cap)),
        }
    }
}

#[inline(always)]
fn spread(n: f64, sum: f64, squares: f64, (prior, weight): (f64, f64), relative: bool) -> f64 {
    let (mean, square) = if n > 0.0 { (sum / n, squares / n) } else { (0.0, 0.0) };
    let mut variance = (square - mean * mean).max(0.0);
    if relative {
        variance = if mean > MIN_MEAN { variance / (mean * mean) } else { 0.0 };
    }
    // One observation says nothing of a spread: n - 1 of them count, as in a sample variance.
    ((n * variance + weight * prior * prior) / ((n - 1.0).max(0.0) + weight)).sqrt()
}

/// Columns of up to `stride` rows, one after another: what formulas of many rows read.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Column after column.
    pub values: &'a [f64],
    /// The first column of each matrix.
    pub starts: &'a [usize],
    /// From one column to the next; a multiple of [`LANES`].
    pub stride: usize,
}

/// Rows that are worked out at once.
pub const LANES: usize = 8;

/// Fails when a place lies outside of matrices of these widths.
pub fn check(formulas: &[Formula], widths: &[usize]) -> Result<(), FoldError> {
    for (i, formula) in formulas.iter().enumerate() {
        for place in formula.places() {
            if widths
                .get(usize::from(place.matrix))
                .is_none_or(|&columns| usize::from(place.column) >= columns)
            {
                return Err(FoldError::new(format!(
                    "formula {i}: expected a column of {} matrices, found {place:?}",
                    widths.len()
                )));
            }
        }
    }
    Ok(())
}

/// Appends the value of every formula for one row: `row[m]` is that of matrix m.
///
/// Panics at a place outside of `row`: [`check`] tells whether there is any.
pub fn derive_row(formulas: &[Formula], row: &[&[f64]], out: &mut Vec<f32>) {
    let raw = |place: Place| [row[usize::from(place.matrix)][usize::from(place.column)]];
    out.extend(formulas.iter().map(|formula| formula.values(raw)[0] as f32));
}

/// Appends the values of every formula for each of `rows` rows: row after row.
///
/// Panics at a place outside of `columns`, and where `rows` is more than the stride.
pub fn derive_columns(formulas: &[Formula], columns: &Columns<'_>, rows: usize, out: &mut Vec<f32>) {
    let width = formulas.len();
    let first = out.len();
    out.resize(first + rows * width, 0.0);
    let blocks = out[first..].chunks_mut((LANES * width).max(1));
    for (block, start) in blocks.zip((0..).step_by(LANES)) {
        let raw = |place: Place| {
            let column = columns.starts[usize::from(place.matrix)] + usize::from(place.column);
            let at = column * columns.stride + start;
            let mut values = [0.0; LANES];
            values.copy_from_slice(&columns.values[at..at + LANES]);
            values
        };
        for (i, formula) in formulas.iter().enumerate() {
            let values = formula.values(raw).map(|value| value as f32);
            for (row, value) in block.chunks_exact_mut(width).zip(values) {
                row[i] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(column: u16) -> Place {
        Place { matrix: 0, column }
    }

    /// The value for a row, which many rows side by side have as well.
    fn one(formula: Formula, row: &[f64]) -> f32 {
        let mut alone = Vec::new();
        derive_row(&[formula], &[row], &mut alone);
        for rows in [1, LANES, LANES + 1] {
            let values: Vec<_> = row.iter().flat_map(|&value| [value; 2 * LANES]).collect();
            let columns = Columns {
                values: &values,
                starts: &[0],
                stride: 2 * LANES,
            };
            let mut found = vec![7.0];
            derive_columns(&[formula, formula], &columns, rows, &mut found);
            assert_eq!(found.len(), 1 + 2 * rows);
            assert!(found[1..].iter().all(|value| value.to_bits() == alone[0].to_bits()));
        }
        alone[0]
    }

    #[test]
    fn formulas_by_hand() {
        let (x, n) = (at(0), at(1));
        assert_eq!(one(Formula::Count { x }, &[-0.5]), 0.0);
        let ratio = Formula::Ratio {
            x,
            n,
            added: 1.0,
            weight: 2.0,
            scale: 0.5,
        };
        assert_eq!(one(ratio, &[3.0, 4.0]), 1.0);
        assert_eq!(one(ratio, &[f64::NAN, f64::NAN]), 0.5);
        let change = Formula::Change {
            x,
            n,
            past_x: at(2),
            past_n: at(3),
            added: 1.0,
            weight: 2.0,
        };
        assert_eq!(one(change, &[3.0, 4.0, 2.0, 10.0]), (3.0 - 4.0 * 0.25) / 6.0);
        let spread = |relative| Formula::Spread {
            n: x,
            sum: n,
            squares: at(2),
            prior: 2.0,
            weight: 1.0,
            relative,
        };
        // 1 and 3: mean 2, variance 1.
        assert_eq!(one(spread(false), &[2.0, 4.0, 10.0]), 3.0_f32.sqrt());
        assert_eq!(one(spread(true), &[2.0, 4.0, 10.0]), (4.5_f32 / 2.0).sqrt());
        assert_eq!(one(spread(true), &[0.0; 3]), 2.0);
        let habit = Formula::Habit {
            n: x,
            x: n,
            y: at(2),
            along_x: at(3),
            along_y: at(4),
            added: 1.0,
            weight: 2.0,
        };
        assert_eq!(one(habit, &[2.0, 1.0, 2.0, 0.0, 1.0]), 0.75);
        let capped = Formula::Capped { x, cap: 9.0 };
        assert_eq!([f64::NAN, 10.0, 3.0].map(|v| one(capped, &[v])), [9.0, 9.0, 3.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let count = |matrix, column| Formula::Count {
            x: Place { matrix, column },
        };
        assert!(check(&[count(0, 1)], &[2]).is_ok());
        assert!(check(&[count(0, 2)], &[2]).is_err());
        assert!(check(&[count(1, 0)], &[2]).is_err());
        assert!(check(&[count(1, 0)], &[2, 1]).is_ok());
    }
}
