//! Settings from Python: names and types are checked here, ranges in `spit.config`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use spit_core::call::settings::Network;
use spit_core::call::{IdentitySettings, TrackSettings};
use spit_core::decode::DecodeSettings;
use spit_core::Micros;

#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) decode: DecodeSettings,
    pub(crate) track: TrackSettings,
    pub(crate) identity: IdentitySettings,
    pub(crate) hash_seed: u64,
}

impl Settings {
    /// Reads the keys of `[tracking]` and `[identity]`; a key that is not known is an error that names it.
    pub(crate) fn read(dict: Option<&Bound<'_, PyDict>>) -> PyResult<Settings> {
        let mut settings = Settings {
            // Nobody outside can know it, so nobody can choose Call-IDs that collide.
            hash_seed: RandomState::new().hash_one(0_u8),
            ..Settings::default()
        };
        settings.decode.hash_seed = settings.hash_seed;
        let Some(dict) = dict else {
            return Ok(settings);
        };
        for (key, value) in dict {
            let key: String = key.extract()?;
            let wrong = |e: PyErr| PyValueError::new_err(format!("setting {key}: {e}"));
            match key.as_str() {
                "max_calls" => settings.track.max_calls = value.extract().map_err(wrong)?,
                "idle_limit_s" => settings.track.idle_limit_us = micros(&value).map_err(wrong)?,
                "transaction_timeout_s" => settings.track.transaction_timeout_us = micros(&value).map_err(wrong)?,
                "ring_timeout_s" => settings.track.ring_timeout_us = micros(&value).map_err(wrong)?,
                "leg_join_window_s" => settings.track.leg_join_window_us = micros(&value).map_err(wrong)?,
                "max_tcp_streams" => settings.decode.max_tcp_streams = value.extract().map_err(wrong)?,
                "max_tcp_bytes" => settings.decode.max_tcp_bytes = value.extract().map_err(wrong)?,
                "hep_auth_key" => {
                    let key: String = value.extract().map_err(wrong)?;
                    settings.decode.hep_auth_key = (!key.is_empty()).then(|| key.into_bytes());
                }
                "max_fragments_bytes" => settings.decode.max_fragments_bytes = value.extract().map_err(wrong)?,
                "duplicate_window_us" => settings.decode.duplicate_window_us = value.extract().map_err(wrong)?,
                "country_code" => settings.identity.numbers.country_code = value.extract().map_err(wrong)?,
                "national_prefix" => settings.identity.numbers.national_prefix = value.extract().map_err(wrong)?,
                "international_prefixes" => {
                    settings.identity.numbers.international_prefixes = value.extract().map_err(wrong)?;
                }
                "national_lengths" => {
                    settings.identity.numbers.national_lengths = lengths(&value).map_err(wrong)?;
                }
                "trusted_peers" => {
                    let peers: Vec<String> = value.extract().map_err(wrong)?;
                    settings.identity.trusted_peers = peers
                        .iter()
                        .map(|peer| {
                            Network::parse(peer).ok_or_else(|| {
                                PyValueError::new_err(format!(
                                    "setting trusted_peers: expected an address or a network such as 10.0.0.0/8, found {peer:?}"
                                ))
                            })
                        })
                        .collect::<PyResult<_>>()?;
                }
                _ => return Err(PyValueError::new_err(format!("setting {key} is not known"))),
            }
        }
        Ok(settings)
    }
}

/// Lengths as bits.
fn lengths(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let mut bits = 0;
    for digits in value.extract::<Vec<u32>>()? {
        if !(1..=20).contains(&digits) {
            return Err(PyValueError::new_err(format!(
                "expected 1 to 20 digits, found {digits}"
            )));
        }
        bits |= 1 << digits;
    }
    Ok(bits)
}

fn micros(value: &Bound<'_, PyAny>) -> PyResult<Micros> {
    let seconds: f64 = value.extract()?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err(PyValueError::new_err(format!(
            "expected 0 to 1e9 seconds, found {seconds}"
        )));
    }
    Ok((seconds * 1e6) as Micros)
}
