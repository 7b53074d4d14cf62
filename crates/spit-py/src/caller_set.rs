//! Callers by name, to find the few rows of a batch that are theirs.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use spit_core::fold::Names;

use crate::evidence::beside;
use crate::fold::{column as slice, value_error};
use crate::handed::{check_rows, Attempts};
use crate::plan::column;
use crate::texts::Texts;

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<CallerSet>()
}

type Rows<'py> = Bound<'py, PyArray1<i64>>;

/// Callers that are looked for.
#[pyclass(module = "spit._core")]
struct CallerSet(Names);

#[pymethods]
impl CallerSet {
    #[new]
    #[pyo3(signature = (callers=Vec::new()))]
    fn new(callers: Vec<String>) -> PyResult<Self> {
        let mut names = Names::default();
        for caller in callers {
            names.claim(&caller).map_err(value_error)?;
        }
        Ok(Self(names))
    }

    fn find<'py>(
        &mut self,
        py: Python<'py>,
        attempts: &Bound<'py, Attempts>,
        marked: PyReadonlyArray1<'py, bool>,
        ends: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<(Rows<'py>, Rows<'py>)> {
        let attempts = attempts.get();
        let (marked, ends) = (slice("marked", &marked)?, slice("ends", &ends)?);
        let rows = attempts.rows().len();
        if marked.len() != rows {
            return Err(PyValueError::new_err(format!(
                "marked: expected {rows} truths, one for each attempt, found {}",
                marked.len()
            )));
        }
        check_rows(attempts.batch().num_rows(), ends.iter())?;
        let names = &mut self.0;
        let (found, ended) = beside(py, rows.max(ends.len()), || find(names, attempts, marked, ends))?;
        Ok((PyArray1::from_vec(py, found), PyArray1::from_vec(py, ended)))
    }
}

fn find(names: &mut Names, attempts: &Attempts, marked: &[bool], ends: &[i64]) -> PyResult<(Vec<i64>, Vec<i64>)> {
    let callers = Texts::new("caller", column(attempts.batch(), "caller")?)?;
    for (row, _) in attempts.rows().zip(marked).filter(|(_, &is_marked)| is_marked) {
        if let Some(caller) = callers.get(row) {
            names.claim(caller).map_err(value_error)?;
        }
    }
    if names.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    // All of them are known now: of callers that are marked later in the batch, earlier rows are found as well.
    let is_held = |row: usize| callers.get(row).is_some_and(|caller| names.slot(caller).is_some());
    let found = attempts.rows().enumerate().filter(|&(_, row)| is_held(row));
    let found = found.map(|(place, _)| place as i64).collect();
    Ok((
        found,
        ends.iter().copied().filter(|&row| is_held(row as usize)).collect(),
    ))
}
