//! Sums of decision trees, over rows of numpy arrays.

use numpy::{PyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use spit_core::forest::{self, Node};

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Forest>()
}

/// Rows that take less time than giving up the interpreter and getting it back.
const FEW_ROWS: usize = 64;

/// Feature, threshold, positions of the two children, where NaN goes; or the weight of a leaf.
#[derive(FromPyObject)]
enum Declared {
    Branch((u32, f32, u32, u32, bool)),
    Leaf(f32),
}

#[pyclass(module = "spit._core", frozen)]
struct Forest(forest::Forest);

#[pymethods]
impl Forest {
    #[new]
    fn new(nodes: Vec<Declared>, roots: Vec<u32>, base: f32, width: usize) -> PyResult<Self> {
        let nodes: Vec<_> = nodes
            .into_iter()
            .map(|node| match node {
                Declared::Leaf(weight) => Node::Leaf { weight },
                Declared::Branch((feature, threshold, yes, no, nan_is_yes)) => Node::Branch {
                    feature,
                    threshold,
                    yes,
                    no,
                    nan_is_yes,
                },
            })
            .collect();
        forest::Forest::new(&nodes, roots, base, width)
            .map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// `None` for a model that is not trees alone.
    #[staticmethod]
    fn of_onnx(onnx: &[u8], width: usize) -> Option<Self> {
        forest::onnx::read(onnx, width).map(Self)
    }

    fn sum<'py>(&self, py: Python<'py>, rows: PyReadonlyArray2<'py, f32>) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let width = self.0.width();
        if rows.shape()[1] != width || !rows.is_c_contiguous() {
            return Err(PyValueError::new_err(format!(
                "rows: expected C-contiguous rows of {width} values, found the shape {:?}",
                rows.shape()
            )));
        }
        let values = rows
            .as_slice()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let sum = || self.0.sums(values);
        let sums = if rows.shape()[0] <= FEW_ROWS {
            sum()
        } else {
            py.detach(sum)
        };
        Ok(PyArray1::from_vec(py, sums))
    }
}
