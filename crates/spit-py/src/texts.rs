//! Columns of strings: their keys, and what identities and URIs among them say.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;
use spit_core::fold;
use spit_core::sip::subscriber;

/// Adds the functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(hash_keys, m)?)?;
    m.add_function(wrap_pyfunction!(hash_pairs, m)?)?;
    m.add_function(wrap_pyfunction!(hash_blocks, m)?)?;
    m.add_function(wrap_pyfunction!(numbers, m)?)?;
    m.add_function(wrap_pyfunction!(digit_counts, m)?)?;
    m.add_function(wrap_pyfunction!(shared_digits, m)?)?;
    m.add_function(wrap_pyfunction!(withheld, m)?)?;
    m.add_function(wrap_pyfunction!(asserted_differs, m)?)
}

/// A column of strings in any of Arrow's layouts for them.
pub(crate) enum Texts<'a> {
    Short(&'a arrow_array::StringArray),
    Long(&'a arrow_array::LargeStringArray),
    View(&'a arrow_array::StringViewArray),
    AllNull,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(name: &str, column: &'a ArrayRef) -> PyResult<Self> {
        match column.data_type() {
            DataType::Utf8 => Ok(Self::Short(column.as_string())),
            DataType::LargeUtf8 => Ok(Self::Long(column.as_string())),
            DataType::Utf8View => Ok(Self::View(column.as_string_view())),
            DataType::Null => Ok(Self::AllNull),
            other => Err(PyValueError::new_err(format!(
                "{name}: expected strings, found {other}"
            ))),
        }
    }

    pub(crate) fn get(&self, i: usize) -> Option<&'a str> {
        match self {
            Self::Short(texts) => texts.is_valid(i).then(|| texts.value(i)),
            Self::Long(texts) => texts.is_valid(i).then(|| texts.value(i)),
            Self::View(texts) => texts.is_valid(i).then(|| texts.value(i)),
            Self::AllNull => None,
        }
    }

    fn same_length((other, name): (&str, &str), expected: &ArrayRef, found: &ArrayRef) -> PyResult<()> {
        if expected.len() == found.len() {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "{name}: expected {} values, as many as {other}, found {}",
            expected.len(),
            found.len()
        )))
    }
}

/// One value for each row of a column of strings.
fn each<T, F>(py: Python<'_>, column: PyArray, value: F) -> PyResult<Bound<'_, PyArray1<T>>>
where
    T: numpy::Element + Send,
    F: Fn(Option<&str>) -> T + Send + Sync,
{
    let (column, _) = column.into_inner();
    let values = py.detach(|| -> PyResult<Vec<T>> {
        let texts = Texts::new("column", &column)?;
        Ok((0..column.len()).map(|i| value(texts.get(i))).collect())
    })?;
    Ok(PyArray1::from_vec(py, values))
}

/// One value for each row of two columns of strings.
fn each_pair<'py, T, F>(
    py: Python<'py>,
    (a, b): (PyArray, PyArray),
    names: (&str, &str),
    value: F,
) -> PyResult<Bound<'py, PyArray1<T>>>
where
    T: numpy::Element + Send,
    F: Fn(Option<(&str, &str)>) -> T + Send + Sync,
{
    let ((a, _), (b, _)) = (a.into_inner(), b.into_inner());
    let values = py.detach(|| -> PyResult<Vec<T>> {
        let (first, second) = (Texts::new(names.0, &a)?, Texts::new(names.1, &b)?);
        Texts::same_length(names, &a, &b)?;
        Ok((0..a.len()).map(|i| value(first.get(i).zip(second.get(i)))).collect())
    })?;
    Ok(PyArray1::from_vec(py, values))
}

/// 64-bit keys of a column of strings; null becomes 0.
#[pyfunction]
#[pyo3(signature = (column, salt = 0))]
fn hash_keys(py: Python<'_>, column: PyArray, salt: u64) -> PyResult<Bound<'_, PyArray1<u64>>> {
    each(py, column, |text| text.map_or(0, |text| fold::hash_key(text, salt)))
}

/// 64-bit keys of ordered pairs of strings; 0 where either is null.
#[pyfunction]
#[pyo3(signature = (a, b, salt = 0))]
fn hash_pairs(py: Python<'_>, a: PyArray, b: PyArray, salt: u64) -> PyResult<Bound<'_, PyArray1<u64>>> {
    each_pair(py, (a, b), ("a", "b"), |pair| {
        pair.map_or(0, |(a, b)| fold::hash_pair(a, b, salt))
    })
}

/// 64-bit keys of numbers without their last digits; 0 for everything else.
#[pyfunction]
#[pyo3(signature = (column, *, digits, salt = 0))]
fn hash_blocks(py: Python<'_>, column: PyArray, digits: usize, salt: u64) -> PyResult<Bound<'_, PyArray1<u64>>> {
    each(py, column, |text| {
        let number = text.and_then(subscriber::number_digits);
        let block = number.and_then(|number| number.get(..number.len().checked_sub(digits)?));
        block.map_or(0, |block| fold::hash_key(block, salt))
    })
}

/// The value of numbers of 7 to 15 digits; NaN for everything else.
#[pyfunction]
fn numbers(py: Python<'_>, column: PyArray) -> PyResult<Bound<'_, PyArray1<f64>>> {
    each(py, column, |text| {
        let number = text.and_then(subscriber::number_digits);
        number.map_or(f64::NAN, |digits| {
            digits
                .bytes()
                .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0')) as f64
        })
    })
}

/// How many digits each identity of digits alone has; NaN for everything else.
#[pyfunction]
fn digit_counts(py: Python<'_>, column: PyArray) -> PyResult<Bound<'_, PyArray1<f64>>> {
    each(py, column, |text| {
        text.and_then(subscriber::digit_count)
            .map_or(f64::NAN, |count| count as f64)
    })
}

/// How many digits two numbers share from the front; NaN where either is none.
#[pyfunction]
fn shared_digits(py: Python<'_>, a: PyArray, b: PyArray) -> PyResult<Bound<'_, PyArray1<f64>>> {
    each_pair(py, (a, b), ("a", "b"), |pair| {
        pair.and_then(|(a, b)| subscriber::shared_digits(a, b))
            .map_or(f64::NAN, |count| count as f64)
    })
}

/// Whether each identity, or URI, is that of a caller who withholds who he is.
#[pyfunction]
#[pyo3(signature = (column, *, uris = false))]
fn withheld(py: Python<'_>, column: PyArray, uris: bool) -> PyResult<Bound<'_, PyArray1<bool>>> {
    let names_nobody = if uris {
        subscriber::withheld_uri
    } else {
        subscriber::withheld_identity
    };
    each(py, column, move |text| text.is_some_and(names_nobody))
}

/// Whether the asserted identity and the URI of From are of different people; false where either is null.
#[pyfunction]
fn asserted_differs(py: Python<'_>, asserted: PyArray, uris: PyArray) -> PyResult<Bound<'_, PyArray1<bool>>> {
    each_pair(py, (asserted, uris), ("asserted", "uris"), |pair| {
        pair.is_some_and(|(asserted, uri)| subscriber::asserted_differs(asserted, uri))
    })
}
