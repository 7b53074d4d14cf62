//! Call events and finished calls as record batches: `records.EVENT_SCHEMA` and `records.CALL_SCHEMA`.

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use spit_core::call::event::Text;
use spit_core::call::{CallView, EventKind, EventSink, HangupBy, Outcome};
use spit_core::decode::Transport;
use spit_core::Micros;

use crate::columns::{hex, word, NumberColumn, TextColumn, TruthColumn, Word, CHUNK};
use crate::event_row::PendingRows;

/// How many texts fill columns: those before the time of the PASSporT, which is shown as its age.
const TEXT_COLUMNS: usize = Text::PassportIat as usize;

/// The texts of a call and the columns they fill, in the order of [`Text`].
const TEXTS: [(Text, &str); TEXT_COLUMNS] = [
    (Text::CallId, "call_id"),
    (Text::Caller, "caller"),
    (Text::Callee, "callee"),
    (Text::CallerUri, "caller_uri"),
    (Text::CalleeUri, "callee_uri"),
    (Text::RequestUri, "request_uri"),
    (Text::UserAgent, "user_agent"),
    (Text::AssertedIdentity, "asserted_identity"),
    (Text::Origid, "origid"),
    (Text::Verstat, "verstat"),
    (Text::Media, "media"),
    (Text::DivertedBy, "diverted_by"),
    (Text::PassportTypes, "passport_types"),
    (Text::PassportOrig, "passport_orig"),
    (Text::PassportMismatch, "passport_mismatch"),
];

/// Columns of an event, in the order of `records.EVENT_SCHEMA`.
const EVENT_COLUMNS: [&str; 38] = [
    "event",
    "time_us",
    "start_time_us",
    "method",
    "call_id",
    "caller",
    "callee",
    "caller_uri",
    "callee_uri",
    "request_uri",
    "source_ip",
    "destination_ip",
    "transport",
    "user_agent",
    "fingerprint",
    "asserted_identity",
    "attestation",
    "origid",
    "verstat",
    "media",
    "diverted_by",
    "exemption",
    "end_time_us",
    "outcome",
    "final_status",
    "ring_time_s",
    "pdd_s",
    "setup_time_s",
    "duration_s",
    "duration_censored",
    "hangup_by",
    "auth_challenged",
    "retransmissions",
    "legs",
    "passport_types",
    "passport_orig",
    "passport_mismatch",
    "passport_iat_age_s",
];

/// Columns of a call, in the order of `records.CALL_SCHEMA`.
pub(crate) const CALL_COLUMNS: [&str; 29] = [
    "call_id",
    "start_time",
    "end_time",
    "caller",
    "callee",
    "caller_uri",
    "callee_uri",
    "request_uri",
    "source_ip",
    "destination_ip",
    "transport",
    "user_agent",
    "fingerprint",
    "asserted_identity",
    "attestation",
    "origid",
    "verstat",
    "media",
    "outcome",
    "final_status",
    "ring_time_s",
    "pdd_s",
    "setup_time_s",
    "duration_s",
    "duration_censored",
    "hangup_by",
    "auth_challenged",
    "retransmissions",
    "legs",
];

static METHODS: [Word; 2] = [word("INVITE"), word("MESSAGE")];

/// The names of an enumeration, by their number.
macro_rules! words {
    ($names:ident) => {{
        let mut words = [word(""); $names::ALL.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = word($names::ALL[at].name());
            at += 1;
        }
        words
    }};
}

static KINDS: [Word; EventKind::ALL.len()] = words!(EventKind);
static TRANSPORTS: [Word; Transport::ALL.len()] = words!(Transport);
static OUTCOMES: [Word; Outcome::ALL.len()] = words!(Outcome);
static HANGUPS: [Word; HangupBy::ALL.len()] = words!(HangupBy);

fn event_schema() -> Schema {
    let field = |name: &'static str| {
        let (kind, nullable) = match name {
            "event" | "method" | "call_id" => (DataType::Utf8, false),
            "time_us" | "start_time_us" => (DataType::Int64, false),
            "end_time_us" => (DataType::Int64, true),
            "final_status" | "legs" => (DataType::Int16, true),
            "retransmissions" => (DataType::Int32, true),
            "ring_time_s" | "pdd_s" | "setup_time_s" | "duration_s" | "passport_iat_age_s" => (DataType::Float64, true),
            "duration_censored" | "auth_challenged" => (DataType::Boolean, true),
            _ => (DataType::Utf8, true),
        };
        Field::new(name, kind, nullable)
    };
    Schema::new(EVENT_COLUMNS.map(field).to_vec())
}

/// Which events are kept, and what of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    All,
    Ends,
    /// What scoring asks of a capture: no answers, null in [`UNSCORED_COLUMNS`], and of ends the numbers and
    /// [`SCORED_TEXTS_OF_ENDS`]. Half of an event's bytes.
    Scored,
}

/// Columns that neither features nor rows of scores read.
const UNSCORED_COLUMNS: [&str; 10] = [
    "callee_uri",
    "request_uri",
    "destination_ip",
    "transport",
    "end_time_us",
    "setup_time_s",
    "auth_challenged",
    "retransmissions",
    "legs",
    "passport_orig",
];

/// Texts of ends that features are counted by; what else scoring asks, it asks of attempts.
const SCORED_TEXTS_OF_ENDS: [&str; 4] = ["caller", "callee", "origid", "diverted_by"];

/// Collects events as rows, and fills columns with [`CHUNK`] of them at a time, one column after the other: what is
/// written then stays in the processor's registers.
pub(crate) struct EventRows {
    schema: SchemaRef,
    kept: Kept,
    /// One bit for each text that is kept of an attempt or answer, and of an end.
    texts_kept: u16,
    texts_kept_of_ends: u16,
    /// Rows that are in the columns.
    rows: usize,
    pending: PendingRows,
    event: TextColumn,
    time_us: NumberColumn<Int64Type>,
    start_us: NumberColumn<Int64Type>,
    method: TextColumn,
    texts: [TextColumn; TEXT_COLUMNS],
    source_ip: TextColumn,
    destination_ip: TextColumn,
    transport: TextColumn,
    fingerprint: TextColumn,
    attestation: TextColumn,
    exemption: TextColumn,
    end_us: NumberColumn<Int64Type>,
    outcome: TextColumn,
    final_status: NumberColumn<Int16Type>,
    ring_time_s: NumberColumn<Float64Type>,
    pdd_s: NumberColumn<Float64Type>,
    setup_time_s: NumberColumn<Float64Type>,
    duration_s: NumberColumn<Float64Type>,
    censored: TruthColumn,
    hangup_by: TextColumn,
    auth_challenged: TruthColumn,
    retransmissions: NumberColumn<Int32Type>,
    legs: NumberColumn<Int16Type>,
    passport_iat_age_s: NumberColumn<Float64Type>,
}

impl EventSink for EventRows {
    fn event(&mut self, kind: EventKind, time_us: Micros, call: &CallView<'_>) {
        match self.kept {
            Kept::Ends if kind != EventKind::End => return,
            Kept::Scored if kind == EventKind::Answer => return,
            _ => {}
        }
        let texts_kept = if kind == EventKind::End {
            self.texts_kept_of_ends
        } else {
            self.texts_kept
        };
        self.pending.push(kind, time_us, call, texts_kept);
        if self.pending.len() == CHUNK {
            self.fill_columns();
        }
    }
}

impl EventRows {
    pub(crate) fn new(kept: Kept) -> Self {
        let bits = |is_kept: &dyn Fn(&str) -> bool| {
            let kept_of = |(text, name): (Text, &str)| u16::from(is_kept(name)) << text as u16;
            TEXTS.map(kept_of).into_iter().sum()
        };
        EventRows {
            schema: Arc::new(event_schema()),
            kept,
            texts_kept: bits(&|name| kept != Kept::Scored || !UNSCORED_COLUMNS.contains(&name)),
            texts_kept_of_ends: bits(&|name| kept != Kept::Scored || SCORED_TEXTS_OF_ENDS.contains(&name)),
            rows: 0,
            pending: PendingRows::default(),
            event: TextColumn::new(),
            time_us: NumberColumn::new(),
            start_us: NumberColumn::new(),
            method: TextColumn::new(),
            texts: std::array::from_fn(|_| TextColumn::new()),
            source_ip: TextColumn::new(),
            destination_ip: TextColumn::new(),
            transport: TextColumn::new(),
            fingerprint: TextColumn::new(),
            attestation: TextColumn::new(),
            exemption: TextColumn::new(),
            end_us: NumberColumn::new(),
            outcome: TextColumn::new(),
            final_status: NumberColumn::new(),
            ring_time_s: NumberColumn::new(),
            pdd_s: NumberColumn::new(),
            setup_time_s: NumberColumn::new(),
            duration_s: NumberColumn::new(),
            censored: TruthColumn::default(),
            hangup_by: TextColumn::new(),
            auth_challenged: TruthColumn::default(),
            retransmissions: NumberColumn::new(),
            legs: NumberColumn::new(),
            passport_iat_age_s: NumberColumn::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows + self.pending.len()
    }

    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// The rows so far as `records.EVENT_SCHEMA`.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.fill_columns();
        let rows = std::mem::take(&mut self.rows);
        let columns: Vec<ArrayRef> = EVENT_COLUMNS
            .iter()
            .map(|name| self.finish_column(name, rows))
            .collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    /// The rows so far, all of them ends, as `records.CALL_SCHEMA`.
    pub(crate) fn finish_calls(&mut self) -> Result<RecordBatch, ArrowError> {
        let events = self.finish()?;
        let columns: Vec<(&str, ArrayRef, bool)> = CALL_COLUMNS
            .iter()
            .map(|name| {
                let column = match *name {
                    "start_time" => seconds(&events, "start_time_us"),
                    "end_time" => seconds(&events, "end_time_us"),
                    other => events.column_by_name(other).map(Arc::clone),
                };
                column
                    .map(|c| (*name, c, true))
                    .ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
            })
            .collect::<Result<_, _>>()?;
        RecordBatch::try_from_iter_with_nullable(columns)
    }

    /// Moves what is pending into the columns.
    #[inline(never)]
    fn fill_columns(&mut self) {
        self.pending.settle();
        let (at, rows) = (self.rows, self.pending.rows());
        for (text, column) in self.texts.iter_mut().enumerate() {
            if self.pending.has_text(text) {
                column.put_spans(at, rows, self.pending.texts(), |row| row.text(text));
            }
        }
        self.event.put_words(at, rows, |row| Some(KINDS[row.kind as usize]));
        self.time_us.put_chunk(at, rows, |row| Some(row.time_us));
        self.start_us.put_chunk(at, rows, |row| Some(row.start_us));
        self.method
            .put_words(at, rows, |row| Some(METHODS[usize::from(row.is_message)]));
        self.source_ip.put_ips(at, rows, |row| row.source_ip);
        self.fingerprint
            .put_words(at, rows, |row| Some((hex(row.fingerprint), 16)));
        self.passport_iat_age_s
            .put_chunk(at, rows, |row| row.passport_iat_age_s);
        self.pdd_s.put_chunk(at, rows, |row| row.pdd_s);
        for (row, facts) in rows.iter().enumerate() {
            if let Some(letter) = facts.attestation {
                // A, B or C.
                self.attestation.put(at + row, &[letter as u8]);
            }
            if let Some(exemption) = facts.exemption {
                self.exemption.put(at + row, exemption.name().as_bytes());
            }
        }
        self.fill_columns_of_ends();
        if self.kept != Kept::Scored {
            self.fill_unscored_columns();
        }
        self.rows += self.pending.clear();
    }

    /// Columns of what only the end of a call knows.
    fn fill_columns_of_ends(&mut self) {
        let (at, rows) = (self.rows, self.pending.rows());
        self.outcome
            .put_words(at, rows, |row| Some(OUTCOMES[row.end.as_ref()?.outcome? as usize]));
        self.final_status
            .put_chunk(at, rows, |row| row.end.as_ref()?.final_status);
        self.ring_time_s
            .put_chunk(at, rows, |row| row.end.as_ref()?.ring_time_s);
        self.duration_s.put_chunk(at, rows, |row| row.end.as_ref()?.duration_s);
        self.censored
            .put_chunk(at, rows, |row| row.end.as_ref()?.duration_censored);
        self.hangup_by
            .put_words(at, rows, |row| Some(HANGUPS[row.end.as_ref()?.hangup_by? as usize]));
    }

    /// The columns that are no texts among [`UNSCORED_COLUMNS`].
    fn fill_unscored_columns(&mut self) {
        let (at, rows) = (self.rows, self.pending.rows());
        self.destination_ip.put_ips(at, rows, |row| row.destination_ip);
        self.transport
            .put_words(at, rows, |row| Some(TRANSPORTS[row.transport as usize]));
        self.setup_time_s.put_chunk(at, rows, |row| row.setup_time_s);
        self.end_us.put_chunk(at, rows, |row| row.end.as_ref()?.end_us);
        self.auth_challenged
            .put_chunk(at, rows, |row| Some(row.end.as_ref()?.auth_challenged));
        self.retransmissions
            .put_chunk(at, rows, |row| Some(row.end.as_ref()?.retransmissions));
        self.legs.put_chunk(at, rows, |row| Some(row.end.as_ref()?.legs));
    }

    fn finish_column(&mut self, name: &str, rows: usize) -> ArrayRef {
        if let Some(at) = TEXTS.iter().position(|(_, column)| *column == name) {
            return self.texts[at].finish(rows);
        }
        match name {
            "event" => self.event.finish(rows),
            "time_us" => self.time_us.finish(rows),
            "start_time_us" => self.start_us.finish(rows),
            "method" => self.method.finish(rows),
            "source_ip" => self.source_ip.finish(rows),
            "destination_ip" => self.destination_ip.finish(rows),
            "transport" => self.transport.finish(rows),
            "fingerprint" => self.fingerprint.finish(rows),
            "attestation" => self.attestation.finish(rows),
            "exemption" => self.exemption.finish(rows),
            "end_time_us" => self.end_us.finish(rows),
            "outcome" => self.outcome.finish(rows),
            "final_status" => self.final_status.finish(rows),
            "ring_time_s" => self.ring_time_s.finish(rows),
            "pdd_s" => self.pdd_s.finish(rows),
            "setup_time_s" => self.setup_time_s.finish(rows),
            "duration_s" => self.duration_s.finish(rows),
            "duration_censored" => self.censored.finish(rows),
            "hangup_by" => self.hangup_by.finish(rows),
            "auth_challenged" => self.auth_challenged.finish(rows),
            "retransmissions" => self.retransmissions.finish(rows),
            "passport_iat_age_s" => self.passport_iat_age_s.finish(rows),
            _ => self.legs.finish(rows),
        }
    }
}

fn seconds(events: &RecordBatch, name: &str) -> Option<ArrayRef> {
    let micros = events.column_by_name(name)?;
    let micros = micros.as_any().downcast_ref::<PrimitiveArray<Int64Type>>()?;
    Some(Arc::new(micros.unary::<_, Float64Type>(|t| t as f64 / 1e6)))
}
