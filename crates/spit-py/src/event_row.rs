//! Events as they come: what a row shows, until many rows go into columns together.

use std::net::{IpAddr, Ipv4Addr};

use spit_core::call::event::Text;
use spit_core::call::{CallView, EventKind, HangupBy, Outcome, TextPlace, TextPlaces, NO_PLACES};
use spit_core::decode::Transport;
use spit_core::sip::identity::Exemption;
use spit_core::Micros;

use crate::columns::{Span, CHUNK, SLACK};

/// The bit of the Call-ID.
const CALL_ID: u16 = 1 << Text::CallId as u16;

/// One event.
pub(crate) struct EventRow {
    pub(crate) kind: EventKind,
    pub(crate) time_us: Micros,
    pub(crate) start_us: Micros,
    pub(crate) is_message: bool,
    pub(crate) source_ip: IpAddr,
    pub(crate) destination_ip: IpAddr,
    pub(crate) transport: Transport,
    pub(crate) fingerprint: u64,
    pub(crate) attestation: Option<char>,
    pub(crate) exemption: Option<Exemption>,
    pub(crate) passport_iat_age_s: Option<f64>,
    /// `None` of an attempt, as is `setup_time_s`.
    pub(crate) pdd_s: Option<f64>,
    pub(crate) setup_time_s: Option<f64>,
    pub(crate) end: Option<EndRow>,
    /// Where its texts begin among those of the pending rows.
    texts_at: usize,
    /// Where each stands behind that.
    places: TextPlaces,
}

/// What only the end of a call knows.
pub(crate) struct EndRow {
    pub(crate) end_us: Option<Micros>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) final_status: Option<i16>,
    pub(crate) ring_time_s: Option<f64>,
    pub(crate) duration_s: Option<f64>,
    pub(crate) duration_censored: Option<bool>,
    pub(crate) hangup_by: Option<HangupBy>,
    pub(crate) auth_challenged: bool,
    pub(crate) retransmissions: i32,
    pub(crate) legs: i16,
}

/// Rows that are not in columns yet, a chunk at most; the texts of all stand in one place.
#[derive(Default)]
pub(crate) struct PendingRows {
    /// Places of rows, of which `len` are events.
    rows: Vec<EventRow>,
    len: usize,
    texts: Vec<u8>,
    /// One bit for each text that a row has.
    present: u16,
}

impl EventRow {
    fn empty() -> Self {
        const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        EventRow {
            kind: EventKind::Attempt,
            time_us: 0,
            start_us: 0,
            is_message: false,
            source_ip: NOWHERE,
            destination_ip: NOWHERE,
            transport: Transport::Udp,
            fingerprint: 0,
            attestation: None,
            exemption: None,
            passport_iat_age_s: None,
            pdd_s: None,
            setup_time_s: None,
            end: None,
            texts_at: 0,
            places: NO_PLACES,
        }
    }

    /// Where one of its texts stands among those of the pending rows.
    #[inline]
    pub(crate) fn text(&self, text: usize) -> Option<Span> {
        let (start, len) = self.places.get(text)?.get()?;
        Some(Span {
            start: self.texts_at + start,
            len,
        })
    }
}

impl PendingRows {
    /// Adds an event with those of its texts whose bits are set in `texts_kept`; nothing when there is a chunk already.
    #[inline]
    pub(crate) fn push(&mut self, kind: EventKind, time_us: Micros, call: &CallView<'_>, texts_kept: u16) {
        if self.len == self.rows.len() && self.len < CHUNK {
            self.rows.push(EventRow::empty());
        }
        // Field by field: a row made elsewhere and copied here waits for its parts to be written.
        let Some(row) = self.rows.get_mut(self.len) else {
            return;
        };
        self.len += 1;
        row.texts_at = self.texts.len();
        row.places = NO_PLACES;
        let (bytes, mut present) = call.text_places(&mut row.places);
        self.texts.extend_from_slice(bytes);
        if let Some(agent) = call.user_agent() {
            if let Some(place) = TextPlace::new(bytes.len(), agent.len()) {
                row.places[Text::UserAgent as usize] = place;
                present |= 1 << Text::UserAgent as u16;
                self.texts.extend_from_slice(agent);
            }
        }
        let mut dropped = present & !texts_kept;
        while dropped != 0 {
            row.places[dropped.trailing_zeros() as usize] = TextPlace::NONE;
            dropped &= dropped - 1;
        }
        if texts_kept & CALL_ID == 0 {
            // The schema allows no null.
            row.places[Text::CallId as usize] = TextPlace::EMPTY;
        }
        self.present |= present & texts_kept | CALL_ID;
        row.kind = kind;
        row.time_us = time_us;
        row.start_us = call.start_us();
        row.is_message = call.is_message();
        row.source_ip = call.source_ip();
        row.destination_ip = call.destination_ip();
        row.transport = call.transport();
        row.fingerprint = call.fingerprint();
        row.attestation = call.attestation();
        row.exemption = call.exemption();
        row.passport_iat_age_s = call.passport_iat_age_s();
        (row.pdd_s, row.setup_time_s) = match kind {
            EventKind::Attempt => (None, None),
            _ => (call.pdd_s(), call.setup_time_s()),
        };
        row.end = (kind == EventKind::End).then(|| EndRow::of(call));
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Makes the rows ready to be read.
    pub(crate) fn settle(&mut self) {
        self.texts.resize(self.texts.len() + SLACK, 0);
    }

    pub(crate) fn rows(&self) -> &[EventRow] {
        &self.rows[..self.len]
    }

    /// The bytes in which the rows' texts stand, with [`SLACK`] behind them.
    pub(crate) fn texts(&self) -> &[u8] {
        &self.texts
    }

    /// Whether any row has a text.
    pub(crate) fn has_text(&self, text: usize) -> bool {
        self.present & 1 << text != 0
    }

    /// Forgets the rows; answers how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        self.texts.clear();
        self.present = 0;
        std::mem::take(&mut self.len)
    }
}

impl EndRow {
    fn of(call: &CallView<'_>) -> EndRow {
        EndRow {
            end_us: call.end_us(),
            outcome: call.outcome(),
            final_status: call.final_status().map(|status| status as i16),
            ring_time_s: call.ring_time_s(),
            duration_s: call.duration_s(),
            duration_censored: call.duration_censored(),
            hangup_by: call.hangup_by(),
            auth_challenged: call.auth_challenged(),
            retransmissions: i32::try_from(call.retransmissions()).unwrap_or(i32::MAX),
            legs: i16::try_from(call.legs()).unwrap_or(i16::MAX),
        }
    }
}
