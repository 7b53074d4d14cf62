//! Who calls, as single questions: canonical identities, and what a PASSporT claims.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use spit_core::call::IdentitySettings;
use spit_core::sip::passport::{parse_header, Form, Party, Passport};

use crate::settings::Settings;

/// The canonical identity of a URI or bare number.
#[pyfunction]
#[pyo3(signature = (uri, settings=None))]
fn canonical_identity(uri: &str, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Option<String>> {
    let settings = Settings::read(settings)?;
    let identity = settings.identity.numbers.canonical(uri.as_bytes());
    Ok(identity.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Canonical identities under number rules that are read once.
#[pyclass(module = "spit._core", frozen)]
struct Identities(IdentitySettings);

#[pymethods]
impl Identities {
    #[new]
    #[pyo3(signature = (settings=None))]
    fn new(settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Ok(Self(Settings::read(settings)?.identity))
    }

    fn canonical(&self, uri: &str) -> Option<String> {
        let identity = self.0.numbers.canonical(uri.as_bytes());
        identity.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What the PASSporTs of an Identity header claim; nothing is verified.
#[pyfunction]
fn parse_identity<'py>(py: Python<'py>, header: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let read = parse_header(header.as_bytes());
    read.list.iter().map(|passport| as_dict(py, passport)).collect()
}

fn as_dict<'py>(py: Python<'py>, passport: &Passport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("form", passport.form.name())?;
    dict.set_item("ppt", &passport.ppt)?;
    dict.set_item("alg", &passport.alg)?;
    dict.set_item("info", &passport.info)?;
    if passport.form == Form::Full {
        let claims = &passport.claims;
        let dest: Vec<String> = claims.dest.iter().map(shown).collect();
        dict.set_item("attest", claims.attestation)?;
        dict.set_item("origid", &claims.origid)?;
        dict.set_item("orig", claims.orig.as_ref().map(shown))?;
        dict.set_item("dest", dest)?;
        dict.set_item("iat", claims.iat_s)?;
        dict.set_item("div", claims.div.as_ref().map(shown))?;
        dict.set_item("nam", &claims.caller_name)?;
        dict.set_item("apn", claims.has_alternate_number)?;
    }
    Ok(dict)
}

/// A party as it stands in the token.
fn shown(party: &Party) -> String {
    match party {
        Party::Number(text) | Party::Uri(text) => text.clone(),
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Identities>()?;
    m.add_function(wrap_pyfunction!(canonical_identity, m)?)?;
    m.add_function(wrap_pyfunction!(parse_identity, m)?)?;
    Ok(())
}
