//! Python bindings of the core: convert and batch, nothing else.

mod attempt;
mod caller_set;
mod callers;
mod columns;
mod counters;
mod event_row;
mod events;
mod evidence;
mod feed;
mod fold;
mod forest;
mod formula;
mod handed;
mod held;
mod identity;
mod live;
mod messages;
mod names;
mod plan;
mod reader;
mod settings;
mod sip;
mod text;
mod texts;

use pyo3::prelude::*;

#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    reader::register(m)?;
    feed::register(m)?;
    identity::register(m)?;
    text::register(m)?;
    texts::register(m)?;
    names::register(m)?;
    fold::register(m)?;
    attempt::register(m)?;
    forest::register(m)?;
    formula::register(m)?;
    handed::register(m)?;
    evidence::register(m)?;
    callers::register(m)?;
    caller_set::register(m)?;
    held::register(m)?;
    plan::register(m)?;
    sip::register(m)?;
    live::register(m)
}
