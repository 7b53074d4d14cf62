//! Python bindings of the core: convert and batch, nothing else.

mod columns;
mod events;
mod fold;
mod live;
mod messages;
mod reader;
mod settings;
mod text;

use pyo3::prelude::*;

#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    reader::register(m)?;
    text::register(m)?;
    fold::register(m)?;
    live::register(m)
}
