//! Live capture where the system has no packet rings: everything compiles, opening says so.

use std::io;
use std::time::Duration;

use spit_core::call::{EventSink, SaveError, TrackCounters, Tracker};
use spit_core::counters::Counters;

use crate::settings::{LiveCounters, LiveSettings, ThreadGone};

/// Can't be made on this system.
pub enum Live {}

impl Live {
    /// Says that this system can't.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: LiveSettings, _: Tracker) -> io::Result<Live> {
        Err(unsupported())
    }

    /// No `Live` exists.
    pub fn hep_addresses(&self) -> &[String] {
        match *self {}
    }

    /// No `Live` exists.
    ///
    /// # Errors
    /// None.
    pub fn start(&self) -> io::Result<()> {
        match *self {}
    }

    /// No `Live` exists.
    pub fn stop(&self) {
        match *self {}
    }

    /// No `Live` exists.
    pub fn has_ended(&self) -> bool {
        match *self {}
    }

    /// No `Live` exists.
    ///
    /// # Errors
    /// None.
    pub fn read<S: EventSink>(
        &self,
        _: &mut S,
        _: impl Fn(&S) -> usize,
        _: usize,
        _: Duration,
    ) -> Result<(), ThreadGone> {
        match *self {}
    }

    /// No `Live` exists.
    pub fn save(&self) -> Result<Vec<u8>, SaveError> {
        match *self {}
    }

    /// No `Live` exists.
    pub fn counters(&self) -> LiveCounters {
        match *self {}
    }

    /// No `Live` exists.
    pub fn decoder_counters(&self) -> Vec<Counters> {
        match *self {}
    }

    /// No `Live` exists.
    pub fn track_counters(&self) -> TrackCounters {
        match *self {}
    }
}

/// Says that this system can't.
///
/// # Errors
/// Always.
pub fn drop_privileges(_: &str) -> io::Result<()> {
    Err(unsupported())
}

fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "live capture: expected Linux (packet rings), found {}",
            std::env::consts::OS
        ),
    )
}
