//! Formulas over columns: which of them is declared in Python.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use spit_core::fold::{Formula, Place};

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Formulas>()
}

/// Kind, places (matrix, column) and numbers, as Python declares them.
type Declared = (String, Vec<(u16, u16)>, Vec<f64>);

/// Values that derive from columns.
#[pyclass(module = "spit._core", frozen)]
pub(crate) struct Formulas(Vec<Formula>);

impl Formulas {
    pub(crate) fn all(&self) -> &[Formula] {
        &self.0
    }
}

#[pymethods]
impl Formulas {
    #[new]
    fn new(formulas: Vec<Declared>) -> PyResult<Self> {
        let read = formulas.iter().map(|(kind, places, numbers)| {
            let places: Vec<_> = places
                .iter()
                .map(|&(matrix, column)| Place { matrix, column })
                .collect();
            formula(kind, &places, numbers).ok_or_else(|| {
                PyValueError::new_err(format!(
                    "formulas: expected a kind with its places and numbers, found {kind} with {} and {}",
                    places.len(),
                    numbers.len()
                ))
            })
        });
        read.collect::<PyResult<_>>().map(Self)
    }
}

fn formula(kind: &str, places: &[Place], numbers: &[f64]) -> Option<Formula> {
    Some(match (kind, places, numbers) {
        ("count", &[x], &[]) => Formula::Count { x },
        ("ratio", &[x, n], &[added, weight, scale]) => Formula::Ratio {
            x,
            n,
            added,
            weight,
            scale,
        },
        ("change", &[x, n, past_x, past_n], &[added, weight]) => Formula::Change {
            x,
            n,
            past_x,
            past_n,
            added,
            weight,
        },
        ("spread" | "relative_spread", &[n, sum, squares], &[prior, weight]) => Formula::Spread {
            n,
            sum,
            squares,
            prior,
            weight,
            relative: kind == "relative_spread",
        },
        ("habit", &[n, x, y, along_x, along_y], &[added, weight]) => Formula::Habit {
            n,
            x,
            y,
            along_x,
            along_y,
            added,
            weight,
        },
        ("capped", &[x], &[cap]) => Formula::Capped { x, cap },
        _ => return None,
    })
}
