//! The clock that the kernel's packet times come from.

use std::time::{SystemTime, UNIX_EPOCH};

use spit_core::Micros;

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}
