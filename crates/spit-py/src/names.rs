//! Strings in numbered slots: Arrow columns in, slots as numpy arrays out.

use std::sync::Arc;

use arrow_array::{Array, StringArray};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;
use spit_core::fold;

use crate::texts::Texts;

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Names>()
}

type Slots<'py> = Bound<'py, PyArray1<i64>>;

/// Each string held has a slot of its own; a released slot is given to the next new string.
#[pyclass(module = "spit._core")]
struct Names(fold::Names);

#[pymethods]
impl Names {
    #[new]
    fn new() -> Self {
        Names(fold::Names::default())
    }

    fn claim<'py>(&mut self, py: Python<'py>, column: PyArray) -> PyResult<(Slots<'py>, Slots<'py>)> {
        let (names, (column, _)) = (&mut self.0, column.into_inner());
        let (slots, fresh) = py.detach(|| -> PyResult<_> {
            let texts = Texts::new("column", &column)?;
            let (mut slots, mut fresh) = (Vec::with_capacity(column.len()), Vec::new());
            for i in 0..column.len() {
                let Some(text) = texts.get(i) else {
                    slots.push(-1);
                    continue;
                };
                let (slot, new) = names.claim(text).map_err(|e| PyValueError::new_err(e.to_string()))?;
                slots.push(i64::from(slot));
                if new {
                    fresh.push(i64::from(slot));
                }
            }
            Ok((slots, fresh))
        })?;
        Ok((PyArray1::from_vec(py, slots), PyArray1::from_vec(py, fresh)))
    }

    fn find<'py>(&self, py: Python<'py>, column: PyArray) -> PyResult<Slots<'py>> {
        let (names, (column, _)) = (&self.0, column.into_inner());
        let slots = py.detach(|| -> PyResult<Vec<_>> {
            let texts = Texts::new("column", &column)?;
            let slot = |i| texts.get(i).and_then(|text| names.slot(text)).map_or(-1, i64::from);
            Ok((0..column.len()).map(slot).collect())
        })?;
        Ok(PyArray1::from_vec(py, slots))
    }

    fn slot(&self, name: &str) -> Option<u32> {
        self.0.slot(name)
    }

    fn release(&mut self, slots: PyReadonlyArray1<'_, i64>) -> PyResult<()> {
        for &slot in slots.as_array() {
            let held = u32::try_from(slot).is_ok_and(|slot| self.0.release(slot));
            if !held {
                return Err(not_held(slot));
            }
        }
        Ok(())
    }

    fn names(&self, py: Python<'_>, slots: PyReadonlyArray1<'_, i64>) -> PyResult<Py<PyAny>> {
        let slots = slots.as_array();
        let names = slots
            .iter()
            .map(|&slot| {
                let name = u32::try_from(slot).ok().and_then(|slot| self.0.name(slot));
                name.ok_or_else(|| not_held(slot))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let names = StringArray::from_iter_values(names);
        let names = PyArray::from_array_ref(Arc::new(names));
        let shown = names.to_pyarrow(py)?.unbind();
        Ok(shown)
    }

    fn slots<'py>(&self, py: Python<'py>) -> Slots<'py> {
        PyArray1::from_iter(py, self.0.slots().map(i64::from))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

fn not_held(slot: i64) -> PyErr {
    PyValueError::new_err(format!("slots: expected slots that hold a string, found {slot}"))
}
