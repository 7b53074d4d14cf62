//! What follows from sums: ratios, spreads and the like, row by row.
//!
//! Which formula, of which sums, with which prior is declared by the caller; here is only the arithmetic.

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

    fn value(&self, raw: impl Fn(Place) -> f64) -> f64 {
        let at = |place| {
            let value = raw(place);
            if value.is_nan() {
                0.0
            } else {
                value
            }
        };
        match *self {
            Self::Count { x } => at(x).max(0.0),
            Self::Ratio {
                x,
                n,
                added,
                weight,
                scale,
            } => (at(x) + added) / (at(n) * scale + weight),
            Self::Change {
                x,
                n,
                past_x,
                past_n,
                added,
                weight,
            } => {
                let past = (at(past_x) + added) / (at(past_n) + weight);
                (at(x) - at(n) * past) / (at(n) + weight)
            }
            Self::Spread {
                n,
                sum,
                squares,
                prior,
                weight,
                relative,
            } => {
                let n = at(n);
                let (mean, square) = if n > 0.0 {
                    (at(sum) / n, at(squares) / n)
                } else {
                    (0.0, 0.0)
                };
                let mut variance = (square - mean * mean).max(0.0);
                if relative {
                    variance = if mean > MIN_MEAN { variance / (mean * mean) } else { 0.0 };
                }
                // One observation says nothing of a spread: n - 1 of them count, as in a sample variance.
                ((n * variance + weight * prior * prior) / ((n - 1.0).max(0.0) + weight)).sqrt()
            }
            Self::Habit {
                n,
                x,
                y,
                along_x,
                along_y,
                added,
                weight,
            } => (at(x) * at(along_x) + at(y) * at(along_y) + added) / (at(n) + weight),
            Self::Capped { x, cap } => raw(x).min(cap),
        }
    }
}

/// A matrix in row order.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Row after row.
    pub values: &'a [f64],
    /// Values in a row.
    pub columns: usize,
}

/// The value of every formula, for each of `rows` rows: row after row.
///
/// Fails when a matrix has not as many rows, or a place lies outside of them.
pub fn derive(formulas: &[Formula], matrices: &[Matrix<'_>], rows: usize) -> Result<Vec<f32>, FoldError> {
    for (i, matrix) in matrices.iter().enumerate() {
        if matrix.values.len() != rows * matrix.columns {
            return Err(FoldError::new(format!(
                "matrix {i}: expected {rows} rows of {} values, found {} values",
                matrix.columns,
                matrix.values.len()
            )));
        }
    }
    let widths: Vec<_> = matrices.iter().map(|matrix| matrix.columns).collect();
    check(formulas, &widths)?;
    let mut rows_of: Vec<&[f64]> = Vec::with_capacity(matrices.len());
    let mut out = Vec::with_capacity(rows * formulas.len());
    for row in 0..rows {
        rows_of.clear();
        rows_of.extend(
            matrices
                .iter()
                .map(|m| &m.values[row * m.columns..(row + 1) * m.columns]),
        );
        derive_row(formulas, &rows_of, &mut out);
    }
    Ok(out)
}

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
    let raw = |place: Place| row[usize::from(place.matrix)][usize::from(place.column)];
    out.extend(formulas.iter().map(|formula| formula.value(raw) as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(column: u16) -> Place {
        Place { matrix: 0, column }
    }

    fn one(formula: Formula, row: &[f64]) -> f32 {
        let matrix = Matrix {
            values: row,
            columns: row.len(),
        };
        derive(&[formula], &[matrix], 1).unwrap()[0]
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
        let matrix = Matrix {
            values: &[1.0, 2.0],
            columns: 2,
        };
        let count = |matrix, column| Formula::Count {
            x: Place { matrix, column },
        };
        assert!(derive(&[count(0, 1)], &[matrix], 1).is_ok());
        assert!(derive(&[count(0, 2)], &[matrix], 1).is_err());
        assert!(derive(&[count(1, 0)], &[matrix], 1).is_err());
        assert!(derive(&[], &[matrix], 2).is_err());
    }
}
