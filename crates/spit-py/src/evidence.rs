//! What is known before attempts and counted with them: sums in, numpy arrays out, one call for many attempts.

use numpy::{Element, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use spit_core::evidence::{self, Added, Attempts, Held, Known, Rules, Seen, Shown, VictimRules, Watched};

use crate::fold::{column, value_error, Pairs, Sums};

/// Attempts that take less time than giving up the interpreter and getting it back.
pub(crate) const FEW_ROWS: usize = 64;

/// Adds the classes and functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<EvidenceSums>()?;
    m.add_function(wrap_pyfunction!(find_victims, m)?)
}

/// The sums of callers and of ties.
#[pyclass(module = "spit._core", frozen)]
struct EvidenceSums {
    callers: Py<Sums>,
    ties: Vec<Py<Sums>>,
    rules: Rules,
}

type Column<'py, T> = Bound<'py, PyArray1<T>>;
type Answer<'py> = (
    Column<'py, f64>,
    Column<'py, f64>,
    Column<'py, f64>,
    Column<'py, f64>,
    Column<'py, i64>,
);

#[pymethods]
impl EvidenceSums {
    #[new]
    #[pyo3(signature = (callers, ties, *, young_attempts, dependence))]
    fn new(callers: Py<Sums>, ties: Vec<Py<Sums>>, young_attempts: f64, dependence: f64) -> Self {
        Self {
            callers,
            ties,
            rules: Rules {
                young_attempts,
                dependence,
            },
        }
    }

    #[pyo3(signature = (callers, ties, times_us, *, own, increments, first_contact, frozen))]
    #[allow(
        clippy::too_many_arguments,
        reason = "columns of attempts, which are named in Python"
    )]
    fn update<'py>(
        &self,
        py: Python<'py>,
        callers: PyReadonlyArray1<'py, u64>,
        ties: Vec<PyReadonlyArray1<'py, u64>>,
        times_us: PyReadonlyArray1<'py, i64>,
        own: PyReadonlyArray1<'py, f64>,
        increments: PyReadonlyArray1<'py, f64>,
        first_contact: PyReadonlyArray1<'py, bool>,
        frozen: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Answer<'py>> {
        let attempts = attempts(&callers, &ties, &times_us)?;
        let added = Added {
            own: column("own", &own)?,
            increments: column("increments", &increments)?,
            first_contact: column("first_contact", &first_contact)?,
            frozen: column("frozen", &frozen)?,
        };
        let mut held_callers = self.callers.bind(py).try_borrow_mut()?;
        let ties = self.ties.iter().map(|sums| sums.bind(py).try_borrow_mut());
        let mut ties = ties.collect::<Result<Vec<_>, _>>()?;
        let mut held = Held {
            callers: held_callers.inner_mut(),
            ties: ties.iter_mut().map(|sums| sums.inner_mut()).collect(),
        };
        let count = attempts.times_us.len();
        let known = beside(py, count, || evidence::update(&mut held, &attempts, &added, self.rules));
        known.map(|known| answer(py, known)).map_err(value_error)
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        callers: PyReadonlyArray1<'py, u64>,
        ties: Vec<PyReadonlyArray1<'py, u64>>,
        times_us: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Answer<'py>> {
        let attempts = attempts(&callers, &ties, &times_us)?;
        let held_callers = self.callers.bind(py).try_borrow()?;
        let ties = self.ties.iter().map(|sums| sums.bind(py).try_borrow());
        let ties = ties.collect::<Result<Vec<_>, _>>()?;
        let seen = Seen {
            callers: held_callers.inner(),
            ties: ties.iter().map(|sums| sums.inner()).collect(),
        };
        let known = evidence::read(&seen, &attempts, self.rules);
        known.map(|known| answer(py, known)).map_err(value_error)
    }
}

fn attempts<'a>(
    callers: &'a PyReadonlyArray1<'_, u64>,
    ties: &'a [PyReadonlyArray1<'_, u64>],
    times_us: &'a PyReadonlyArray1<'_, i64>,
) -> PyResult<Attempts<'a>> {
    Ok(Attempts {
        times_us: column("times_us", times_us)?,
        callers: column("callers", callers)?,
        ties: ties.iter().map(|keys| column("ties", keys)).collect::<PyResult<_>>()?,
    })
}

fn answer(py: Python<'_>, known: Known) -> Answer<'_> {
    fn array<T: Element>(py: Python<'_>, values: Vec<T>) -> Column<'_, T> {
        PyArray1::from_vec(py, values)
    }
    (
        array(py, known.total),
        array(py, known.count),
        array(py, known.experience),
        array(py, known.strongest),
        array(py, known.tie),
    )
}

/// Whether each attempt shows the number of a victim; counts the attempts.
#[pyfunction]
#[pyo3(signature = (sources, source_counts, inbound, *, callers, callees, pairs, times_us, strangers, storm_calls, several_sources))]
#[allow(
    clippy::too_many_arguments,
    reason = "columns of attempts, which are named in Python"
)]
fn find_victims<'py>(
    py: Python<'py>,
    sources: &Bound<'py, Pairs>,
    source_counts: &Bound<'py, Sums>,
    inbound: &Bound<'py, Sums>,
    callers: PyReadonlyArray1<'py, u64>,
    callees: PyReadonlyArray1<'py, u64>,
    pairs: PyReadonlyArray1<'py, u64>,
    times_us: PyReadonlyArray1<'py, i64>,
    strangers: PyReadonlyArray1<'py, bool>,
    storm_calls: f64,
    several_sources: f64,
) -> PyResult<Column<'py, bool>> {
    let (mut sources, mut source_counts) = (sources.try_borrow_mut()?, source_counts.try_borrow_mut()?);
    let mut inbound = inbound.try_borrow_mut()?;
    let mut watched = Watched {
        sources: sources.inner_mut(),
        source_counts: source_counts.inner_mut(),
        inbound: inbound.inner_mut(),
    };
    let shown = Shown {
        times_us: column("times_us", &times_us)?,
        callers: column("callers", &callers)?,
        callees: column("callees", &callees)?,
        sources: column("pairs", &pairs)?,
        strangers: column("strangers", &strangers)?,
    };
    let rules = VictimRules {
        storm_calls,
        several_sources,
    };
    let victims = beside(py, shown.times_us.len(), || {
        evidence::find_victims(&mut watched, &shown, rules)
    });
    victims
        .map(|victims| PyArray1::from_vec(py, victims))
        .map_err(value_error)
}

/// Without the interpreter where there is enough to do.
pub(crate) fn beside<T: Send>(py: Python<'_>, rows: usize, work: impl FnOnce() -> T + Send) -> T {
    if rows <= FEW_ROWS {
        work()
    } else {
        py.detach(work)
    }
}
