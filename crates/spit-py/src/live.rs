//! `LiveReader`: interfaces and HEP senders in, batches of events out as they come.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use spit_core::call::{TrackCounters, Tracker};
use spit_core::counters::Counters;
use spit_live::filter::Pass;
use spit_live::{HepAddress, Live, LiveSettings};

use crate::counters::named;
use crate::events::{EventRows, Kept};
use crate::reader::to_python;
use crate::settings::Settings;

/// How long is waited between looks at signals.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(200);

/// Call events from interfaces and HEP collectors. Every method may be called while another thread reads.
#[pyclass(module = "spit._core", frozen)]
struct LiveReader {
    live: Live,
}

#[pymethods]
impl LiveReader {
    #[new]
    #[pyo3(signature = (*, interfaces=Vec::new(), hep=Vec::new(), settings=None, live=None, state=None))]
    fn new(
        py: Python<'_>,
        interfaces: Vec<String>,
        hep: Vec<String>,
        settings: Option<&Bound<'_, PyDict>>,
        live: Option<&Bound<'_, PyDict>>,
        state: Option<&[u8]>,
    ) -> PyResult<Self> {
        let settings = Settings::read(settings)?;
        let mut wanted = LiveSettings {
            interfaces,
            hep: hep.iter().map(|text| hep_address(text)).collect::<PyResult<_>>()?,
            decode: settings.decode,
            track: settings.track,
            identity: settings.identity,
            hash_seed: settings.hash_seed,
            ..LiveSettings::default()
        };
        for (key, value) in live.into_iter().flatten() {
            let key: String = key.extract()?;
            set(&mut wanted, &key, &value)?;
        }
        let tracker = match state {
            None => Tracker::new(wanted.track),
            Some(bytes) => {
                let (tracker, seed) =
                    Tracker::load(bytes, wanted.track).map_err(|e| PyValueError::new_err(format!("state: {e}")))?;
                wanted.hash_seed = seed;
                wanted.decode.hash_seed = seed;
                tracker
            }
        };
        let live = py.detach(|| Live::open(wanted, tracker)).map_err(to_error)?;
        Ok(LiveReader { live })
    }

    fn hep_addresses(&self) -> Vec<String> {
        self.live.hep_addresses().to_vec()
    }

    fn start(&self) -> PyResult<()> {
        self.live.start().map_err(to_error)
    }

    fn read_events<'py>(
        &self,
        py: Python<'py>,
        max_rows: usize,
        timeout_s: f64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let timeout = Duration::try_from_secs_f64(timeout_s)
            .map_err(|_| PyValueError::new_err(format!("timeout_s: expected 0 or more seconds, found {timeout_s}")))?;
        let begun = Instant::now();
        let mut rows = EventRows::new(Kept::All);
        loop {
            let left = timeout.saturating_sub(begun.elapsed());
            py.detach(|| {
                self.live
                    .read(&mut rows, EventRows::len, max_rows, left.min(BETWEEN_SIGNALS))
            })
            .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
            if rows.len() > 0 {
                return to_python(py, rows.finish()).map(Some);
            }
            py.check_signals()?;
            if left.is_zero() || self.live.has_ended() {
                return Ok(None);
            }
        }
    }

    fn stop(&self) {
        self.live.stop();
    }

    #[getter]
    fn ended(&self) -> bool {
        self.live.has_ended()
    }

    fn save_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let saved = py.detach(|| self.live.save());
        let saved = saved.map_err(|e| PyOSError::new_err(e.to_string()))?;
        Ok(PyBytes::new(py, &saved))
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in py.detach(|| self.live.counters()).named() {
            dict.set_item(name, value)?;
        }
        let mut all = named(&Counters::default(), &self.live.track_counters());
        for decoder in self.live.decoder_counters() {
            let one = named(&decoder, &TrackCounters::default());
            for ((_, sum), (_, value)) in all.iter_mut().zip(one) {
                *sum += value;
            }
        }
        for (name, value) in all {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }
}

/// Sets a key of `live`; one that is not known is an error that names it.
fn set(wanted: &mut LiveSettings, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let wrong = |e: PyErr| PyValueError::new_err(format!("live setting {key}: {e}"));
    match key {
        "workers" => wanted.workers = value.extract().map_err(wrong)?,
        "ring_mib" => wanted.ring_mib = value.extract().map_err(wrong)?,
        "queue_messages" => wanted.queue_messages = value.extract().map_err(wrong)?,
        "filter" => {
            wanted.pass = match value.extract::<String>().map_err(wrong)?.as_str() {
                "sip" => Pass::Sip,
                "all" => Pass::All,
                other => {
                    return Err(PyValueError::new_err(format!(
                        "live setting filter: expected sip or all, found {other:?}"
                    )));
                }
            }
        }
        "exclude" => {
            let addresses: Vec<String> = value.extract().map_err(wrong)?;
            wanted.exclude = addresses
                .iter()
                .map(|text| {
                    text.parse::<SocketAddr>().map_err(|_| {
                        PyValueError::new_err(format!(
                            "live setting exclude: expected an address such as 192.0.2.1:9060 or [2001:db8::1]:9060, \
                             found {text:?}"
                        ))
                    })
                })
                .collect::<PyResult<_>>()?;
        }
        "hep_auth_key" => {
            let key: Option<String> = value.extract().map_err(wrong)?;
            wanted.decode.hep_auth_key = key.filter(|key| !key.is_empty()).map(String::into_bytes);
        }
        _ => return Err(PyValueError::new_err(format!("live setting {key} is not known"))),
    }
    Ok(())
}

fn hep_address(text: &str) -> PyResult<HepAddress> {
    HepAddress::parse(text).ok_or_else(|| {
        PyValueError::new_err(format!(
            "hep: expected an address such as 0.0.0.0:9060, udp:0.0.0.0:9060 or tcp:[::]:9060, found {text:?}"
        ))
    })
}

/// What the caller got wrong is a ValueError, what the system refused an OSError of the kind that fits.
fn to_error(error: io::Error) -> PyErr {
    match error.kind() {
        io::ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
        _ => error.into(),
    }
}

/// Becomes a user without any capability, for good.
#[pyfunction]
fn drop_privileges(user: &str) -> PyResult<()> {
    spit_live::drop_privileges(user).map_err(to_error)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LiveReader>()?;
    m.add_function(wrap_pyfunction!(drop_privileges, m)?)?;
    Ok(())
}
