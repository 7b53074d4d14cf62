//! Call events and finished calls as record batches: `records.EVENT_SCHEMA` and `records.CALL_SCHEMA`.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int16Builder, Int32Builder, Int64Builder};
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{new_null_array, Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use spit_core::call::event::Text;
use spit_core::call::{CallView, EventKind, EventSink};
use spit_core::sip::identity::Exemption;
use spit_core::Micros;

use crate::columns::TextColumn;

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
    /// What scoring asks of a capture: no answers, and null in [`UNSCORED_COLUMNS`]. Half of an event's bytes.
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

/// Collects events as rows.
pub(crate) struct EventRows {
    schema: SchemaRef,
    kept: Kept,
    /// Whether each of the texts is kept.
    texts_kept: [bool; TEXT_COLUMNS],
    rows: usize,
    event: TextColumn,
    time_us: Int64Builder,
    start_us: Int64Builder,
    method: TextColumn,
    texts: [TextColumn; TEXT_COLUMNS],
    source_ip: TextColumn,
    destination_ip: TextColumn,
    transport: TextColumn,
    fingerprint: TextColumn,
    attestation: TextColumn,
    exemption: TextColumn,
    end_us: Int64Builder,
    outcome: TextColumn,
    final_status: Int16Builder,
    ring_time_s: Float64Builder,
    pdd_s: Float64Builder,
    setup_time_s: Float64Builder,
    duration_s: Float64Builder,
    censored: BooleanBuilder,
    hangup_by: TextColumn,
    auth_challenged: BooleanBuilder,
    retransmissions: Int32Builder,
    legs: Int16Builder,
    passport_iat_age_s: Float64Builder,
}

impl EventSink for EventRows {
    fn event(&mut self, kind: EventKind, time_us: Micros, call: &CallView<'_>) {
        match self.kept {
            Kept::Ends if kind != EventKind::End => return,
            Kept::Scored if kind == EventKind::Answer => return,
            _ => {}
        }
        self.rows += 1;
        self.event.append(kind.name().as_bytes());
        self.time_us.append_value(time_us);
        self.start_us.append_value(call.start_us());
        self.method
            .append(if call.is_message() { b"MESSAGE" } else { b"INVITE" });
        for ((value, column), kept) in call.texts().iter().zip(&mut self.texts).zip(self.texts_kept) {
            if kept {
                column.append_option(*value);
            }
        }
        self.source_ip.append_ip(call.source_ip());
        self.fingerprint.append_hex(call.fingerprint());
        // A, B or C.
        let attestation = call.attestation().map(|letter| [letter as u8]);
        self.attestation
            .append_option(attestation.as_ref().map(<[u8; 1]>::as_slice));
        let name = |name: &'static str| name.as_bytes();
        self.exemption
            .append_option(call.exemption().map(Exemption::name).map(name));
        self.outcome.append_option(call.outcome().map(|o| name(o.name())));
        self.final_status.append_option(call.final_status().map(|s| s as i16));
        self.ring_time_s.append_option(call.ring_time_s());
        let later = kind != EventKind::Attempt;
        self.pdd_s.append_option(call.pdd_s().filter(|_| later));
        self.duration_s.append_option(call.duration_s());
        self.censored.append_option(call.duration_censored());
        self.hangup_by.append_option(call.hangup_by().map(|h| name(h.name())));
        self.passport_iat_age_s.append_option(call.passport_iat_age_s());
        if self.kept != Kept::Scored {
            self.unscored(kind, call);
        }
    }
}

impl EventRows {
    pub(crate) fn new(kept: Kept) -> Self {
        let text_kept = |(_, name): (Text, &str)| kept != Kept::Scored || !UNSCORED_COLUMNS.contains(&name);
        EventRows {
            schema: Arc::new(event_schema()),
            kept,
            texts_kept: TEXTS.map(text_kept),
            rows: 0,
            event: TextColumn::new(),
            time_us: Int64Builder::new(),
            start_us: Int64Builder::new(),
            method: TextColumn::new(),
            texts: std::array::from_fn(|_| TextColumn::new()),
            source_ip: TextColumn::new(),
            destination_ip: TextColumn::new(),
            transport: TextColumn::new(),
            fingerprint: TextColumn::new(),
            attestation: TextColumn::new(),
            exemption: TextColumn::new(),
            end_us: Int64Builder::new(),
            outcome: TextColumn::new(),
            final_status: Int16Builder::new(),
            ring_time_s: Float64Builder::new(),
            pdd_s: Float64Builder::new(),
            setup_time_s: Float64Builder::new(),
            duration_s: Float64Builder::new(),
            censored: BooleanBuilder::new(),
            hangup_by: TextColumn::new(),
            auth_challenged: BooleanBuilder::new(),
            retransmissions: Int32Builder::new(),
            legs: Int16Builder::new(),
            passport_iat_age_s: Float64Builder::new(),
        }
    }

    /// The columns that are no texts among [`UNSCORED_COLUMNS`].
    fn unscored(&mut self, kind: EventKind, call: &CallView<'_>) {
        self.destination_ip.append_ip(call.destination_ip());
        self.transport.append(call.transport().name().as_bytes());
        self.end_us.append_option(call.end_us());
        let later = kind != EventKind::Attempt;
        self.setup_time_s.append_option(call.setup_time_s().filter(|_| later));
        let ended = kind == EventKind::End;
        self.auth_challenged
            .append_option(ended.then(|| call.auth_challenged()));
        self.retransmissions
            .append_option(ended.then(|| i32::try_from(call.retransmissions()).unwrap_or(i32::MAX)));
        self.legs
            .append_option(ended.then(|| i16::try_from(call.legs()).unwrap_or(i16::MAX)));
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The rows so far as `records.EVENT_SCHEMA`.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let columns: Vec<ArrayRef> = EVENT_COLUMNS
            .iter()
            .zip(event_schema().fields())
            .map(|(name, field)| {
                if self.kept == Kept::Scored && UNSCORED_COLUMNS.contains(name) {
                    new_null_array(field.data_type(), rows)
                } else {
                    self.finish_column(name)
                }
            })
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

    fn finish_column(&mut self, name: &str) -> ArrayRef {
        if let Some(at) = TEXTS.iter().position(|(_, column)| *column == name) {
            return self.texts[at].finish();
        }
        match name {
            "event" => self.event.finish(),
            "time_us" => Arc::new(self.time_us.finish()),
            "start_time_us" => Arc::new(self.start_us.finish()),
            "method" => self.method.finish(),
            "source_ip" => self.source_ip.finish(),
            "destination_ip" => self.destination_ip.finish(),
            "transport" => self.transport.finish(),
            "fingerprint" => self.fingerprint.finish(),
            "attestation" => self.attestation.finish(),
            "exemption" => self.exemption.finish(),
            "end_time_us" => Arc::new(self.end_us.finish()),
            "outcome" => self.outcome.finish(),
            "final_status" => Arc::new(self.final_status.finish()),
            "ring_time_s" => Arc::new(self.ring_time_s.finish()),
            "pdd_s" => Arc::new(self.pdd_s.finish()),
            "setup_time_s" => Arc::new(self.setup_time_s.finish()),
            "duration_s" => Arc::new(self.duration_s.finish()),
            "duration_censored" => Arc::new(self.censored.finish()),
            "hangup_by" => self.hangup_by.finish(),
            "auth_challenged" => Arc::new(self.auth_challenged.finish()),
            "retransmissions" => Arc::new(self.retransmissions.finish()),
            "passport_iat_age_s" => Arc::new(self.passport_iat_age_s.finish()),
            _ => Arc::new(self.legs.finish()),
        }
    }
}

fn seconds(events: &RecordBatch, name: &str) -> Option<ArrayRef> {
    let micros = events.column_by_name(name)?;
    let micros = micros.as_any().downcast_ref::<PrimitiveArray<Int64Type>>()?;
    Some(Arc::new(micros.unary::<_, Float64Type>(|t| t as f64 / 1e6)))
}
