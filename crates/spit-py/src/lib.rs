//! Python bindings: converts and batches, nothing else.

mod fold;

use pyo3::prelude::*;

/// The module `spit._core`.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    fold::register(m)
}
