//! SIP messages as a record batch: `records.MESSAGE_SCHEMA`.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{Float64Type, Int16Type, Int64Type};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use spit_core::anomaly::Anomalies;
use spit_core::decode::Seen;
use spit_core::sip::header::HeaderId;
use spit_core::sip::message::Message;
use spit_core::sip::passport::{passports, Form};
use spit_core::sip::start_line::StartLine;
use spit_core::sip::uri::{NameAddr, Uri};

use crate::columns::{NumberColumn, TextColumn};

/// Text in one batch: columns count their bytes in 31 bits, and a datagram may hold 64 KiB of one header.
const MAX_BATCH_TEXT: usize = 64 * 1024 * 1024;

pub(crate) struct MessageRows {
    schema: SchemaRef,
    rows: usize,
    text_bytes: usize,
    time: NumberColumn<Float64Type>,
    source: TextColumn,
    destination: TextColumn,
    transport: TextColumn,
    method: TextColumn,
    status: NumberColumn<Int16Type>,
    call_id: TextColumn,
    cseq: NumberColumn<Int64Type>,
    cseq_method: TextColumn,
    from_user: TextColumn,
    to_user: TextColumn,
    from_tag: TextColumn,
    to_tag: TextColumn,
    user_agent: TextColumn,
    anomalies: ListBuilder<StringBuilder>,
}

/// Whether an Identity header can't be read. Looked at here alone: reading tokens is too much for every message of a call.
fn has_bad_identity(message: &Message<'_>) -> bool {
    message.header(HeaderId::Identity).is_some()
        && passports(message)
            .list
            .iter()
            .any(|passport| passport.form == Form::Unreadable)
}

fn anomaly_item() -> Field {
    Field::new("item", DataType::Utf8, false)
}

impl MessageRows {
    pub(crate) fn new() -> Self {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let sure = |name| Field::new(name, DataType::Utf8, false);
        let schema = Schema::new(vec![
            Field::new("time", DataType::Float64, false),
            sure("source"),
            sure("destination"),
            sure("transport"),
            text("method"),
            Field::new("status", DataType::Int16, true),
            text("call_id"),
            Field::new("cseq", DataType::Int64, true),
            text("cseq_method"),
            text("from_user"),
            text("to_user"),
            text("from_tag"),
            text("to_tag"),
            text("user_agent"),
            Field::new("anomalies", DataType::List(Arc::new(anomaly_item())), false),
        ]);
        MessageRows {
            schema: Arc::new(schema),
            rows: 0,
            text_bytes: 0,
            time: NumberColumn::new(),
            source: TextColumn::new(),
            destination: TextColumn::new(),
            transport: TextColumn::new(),
            method: TextColumn::new(),
            status: NumberColumn::new(),
            call_id: TextColumn::new(),
            cseq: NumberColumn::new(),
            cseq_method: TextColumn::new(),
            from_user: TextColumn::new(),
            to_user: TextColumn::new(),
            from_tag: TextColumn::new(),
            to_tag: TextColumn::new(),
            user_agent: TextColumn::new(),
            anomalies: ListBuilder::new(StringBuilder::new()).with_field(anomaly_item()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Whether the batch must be given away before another row.
    pub(crate) fn is_full(&self, max_rows: usize) -> bool {
        self.rows >= max_rows || self.text_bytes >= MAX_BATCH_TEXT
    }

    pub(crate) fn push(&mut self, message: &Message<'_>, seen: &Seen) {
        let row = self.rows;
        let mut utf8 = true;
        let mut text_bytes = 0;
        let mut text = |column: &mut TextColumn, value: Option<&[u8]>| {
            text_bytes += value.map_or(0, <[u8]>::len);
            utf8 &= value.is_none_or(|value| std::str::from_utf8(value).is_ok());
            column.put_option(row, value);
        };
        self.rows += 1;
        self.time.put(row, seen.time_us as f64 / 1e6);
        self.source.put_socket(row, seen.source);
        self.destination.put_socket(row, seen.destination);
        self.transport.put(row, seen.transport.name().as_bytes());
        match message.start {
            StartLine::Request { method, .. } => text(&mut self.method, Some(method)),
            StartLine::Response { status } => {
                self.status.put_option(row, (status > 0).then_some(status as i16));
            }
        }
        text(&mut self.call_id, message.header(HeaderId::CallId));
        let cseq = message.cseq();
        self.cseq.put_option(row, cseq.map(|(number, _)| i64::from(number)));
        text(&mut self.cseq_method, cseq.map(|(_, method)| method));
        for (id, user, tag) in [
            (HeaderId::From, &mut self.from_user, &mut self.from_tag),
            (HeaderId::To, &mut self.to_user, &mut self.to_tag),
        ] {
            let address = message.header(id).map(NameAddr::parse);
            let uri = address.and_then(|a| Uri::parse(a.uri));
            text(user, uri.map(|u| u.user).filter(|u| !u.is_empty()));
            text(tag, address.and_then(|a| a.param(b"tag")));
        }
        let agent = message
            .header(HeaderId::UserAgent)
            .or_else(|| message.header(HeaderId::Server));
        text(&mut self.user_agent, agent);
        self.text_bytes += text_bytes;
        let mut anomalies = message.anomalies;
        if !utf8 {
            anomalies.add(Anomalies::NON_UTF8);
        }
        if has_bad_identity(message) {
            anomalies.add(Anomalies::BAD_IDENTITY);
        }
        for name in anomalies.names() {
            self.anomalies.values().append_value(name);
        }
        self.anomalies.append(true);
    }

    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![
                self.time.finish(rows),
                self.source.finish(rows),
                self.destination.finish(rows),
                self.transport.finish(rows),
                self.method.finish(rows),
                self.status.finish(rows),
                self.call_id.finish(rows),
                self.cseq.finish(rows),
                self.cseq_method.finish(rows),
                self.from_user.finish(rows),
                self.to_user.finish(rows),
                self.from_tag.finish(rows),
                self.to_tag.finish(rows),
                self.user_agent.finish(rows),
                Arc::new(self.anomalies.finish()),
            ],
        )
    }
}
