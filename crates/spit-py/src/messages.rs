//! SIP messages as a record batch: `records.MESSAGE_SCHEMA`.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int16Builder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use spit_core::anomaly::Anomalies;
use spit_core::decode::Seen;
use spit_core::sip::header::HeaderId;
use spit_core::sip::message::Message;
use spit_core::sip::passport::{passports, Form};
use spit_core::sip::start_line::StartLine;
use spit_core::sip::uri::{NameAddr, Uri};

use crate::columns::{append_socket, append_text};

pub(crate) struct MessageRows {
    schema: SchemaRef,
    rows: usize,
    time: Float64Builder,
    source: StringBuilder,
    destination: StringBuilder,
    transport: StringBuilder,
    method: StringBuilder,
    status: Int16Builder,
    call_id: StringBuilder,
    cseq: Int64Builder,
    cseq_method: StringBuilder,
    from_user: StringBuilder,
    to_user: StringBuilder,
    from_tag: StringBuilder,
    to_tag: StringBuilder,
    user_agent: StringBuilder,
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
            time: Float64Builder::new(),
            source: StringBuilder::new(),
            destination: StringBuilder::new(),
            transport: StringBuilder::new(),
            method: StringBuilder::new(),
            status: Int16Builder::new(),
            call_id: StringBuilder::new(),
            cseq: Int64Builder::new(),
            cseq_method: StringBuilder::new(),
            from_user: StringBuilder::new(),
            to_user: StringBuilder::new(),
            from_tag: StringBuilder::new(),
            to_tag: StringBuilder::new(),
            user_agent: StringBuilder::new(),
            anomalies: ListBuilder::new(StringBuilder::new()).with_field(anomaly_item()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn push(&mut self, message: &Message<'_>, seen: &Seen) {
        let mut utf8 = true;
        let mut text = |column: &mut StringBuilder, value| utf8 &= append_text(column, value);
        self.rows += 1;
        self.time.append_value(seen.time_us as f64 / 1e6);
        append_socket(&mut self.source, seen.source);
        append_socket(&mut self.destination, seen.destination);
        self.transport.append_value(seen.transport.name());
        match message.start {
            StartLine::Request { method, .. } => {
                text(&mut self.method, Some(method));
                self.status.append_null();
            }
            StartLine::Response { status } => {
                self.method.append_null();
                self.status.append_option((status > 0).then_some(status as i16));
            }
        }
        text(&mut self.call_id, message.header(HeaderId::CallId));
        let cseq = message.cseq();
        self.cseq.append_option(cseq.map(|(number, _)| i64::from(number)));
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
        self.rows = 0;
        RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![
                Arc::new(self.time.finish()),
                Arc::new(self.source.finish()),
                Arc::new(self.destination.finish()),
                Arc::new(self.transport.finish()),
                Arc::new(self.method.finish()),
                Arc::new(self.status.finish()),
                Arc::new(self.call_id.finish()),
                Arc::new(self.cseq.finish()),
                Arc::new(self.cseq_method.finish()),
                Arc::new(self.from_user.finish()),
                Arc::new(self.to_user.finish()),
                Arc::new(self.from_tag.finish()),
                Arc::new(self.to_tag.finish()),
                Arc::new(self.user_agent.finish()),
                Arc::new(self.anomalies.finish()),
            ],
        )
    }
}
