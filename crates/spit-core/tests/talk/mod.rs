//! A conversation in messages, and what the tracker makes of it.

use std::net::SocketAddr;

use spit_core::call::event::Text;
use spit_core::call::settings::Network;
use spit_core::call::{CallView, Digester, Digests, EventKind, IdentitySettings, TrackSettings, Tracker};
use spit_core::decode::{Seen, Transport};
use spit_core::sip::framing::datagram;
use spit_core::sip::head::HeaderTable;
use spit_core::sip::identity::Exemption;

/// A message under construction; what is not said is a plain call's.
#[derive(Clone)]
pub struct Message {
    start: Result<(String, String), u16>,
    method: String,
    call_id: String,
    from_tag: String,
    to_tag: Option<String>,
    callee: String,
    via: String,
    cseq: u32,
    extra: Vec<String>,
}

impl Message {
    pub fn request(method: &str) -> Message {
        Message {
            start: Ok((method.into(), String::new())),
            method: method.into(),
            call_id: "call-1".into(),
            from_tag: "a".into(),
            to_tag: None,
            callee: "+4420000002".into(),
            via: "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1".into(),
            cseq: 1,
            extra: Vec::new(),
        }
    }

    pub fn response(status: u16, method: &str) -> Message {
        Message {
            start: Err(status),
            to_tag: Some("b".into()),
            ..Message::request(method)
        }
    }

    pub fn call_id(mut self, id: &str) -> Self {
        self.call_id = id.into();
        self
    }

    pub fn tagged(mut self, tag: &str) -> Self {
        self.from_tag = tag.into();
        self
    }

    pub fn towards(mut self, tag: &str) -> Self {
        self.to_tag = Some(tag.into());
        self
    }

    pub fn callee(mut self, number: &str) -> Self {
        self.callee = number.into();
        self
    }

    pub fn cseq(mut self, cseq: u32) -> Self {
        self.cseq = cseq;
        self
    }

    pub fn branch(self, branch: &str) -> Self {
        self.via(&format!("SIP/2.0/UDP 10.0.0.1;branch={branch}"))
    }

    pub fn via(mut self, via: &str) -> Self {
        self.via = via.into();
        self
    }

    pub fn uri(mut self, uri: &str) -> Self {
        if let Ok((_, at)) = &mut self.start {
            *at = uri.into();
        }
        self
    }

    pub fn with(mut self, header: &str) -> Self {
        self.extra.push(header.into());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let first = match &self.start {
            Ok((method, uri)) if uri.is_empty() => {
                format!("{method} sip:{}@h SIP/2.0", self.callee)
            }
            Ok((method, uri)) => format!("{method} {uri} SIP/2.0"),
            Err(status) => format!("SIP/2.0 {status} Text"),
        };
        let to_tag = self.to_tag.as_ref().map(|t| format!(";tag={t}")).unwrap_or_default();
        let mut lines = vec![
            first,
            format!("Via: {}", self.via),
            format!("From: <sip:+4420000001@h>;tag={}", self.from_tag),
            format!("To: <sip:{}@h>{to_tag}", self.callee),
            format!("Call-ID: {}", self.call_id),
            format!("CSeq: {} {}", self.cseq, self.method),
        ];
        lines.extend(self.extra.iter().cloned());
        lines.push("Content-Length: 0\r\n\r\n".into());
        lines.join("\r\n").into_bytes()
    }
}

/// The last event's call.
#[derive(Clone, Debug, Default)]
pub struct CallSeen {
    pub start_s: f64,
    pub end_s: f64,
    pub caller: String,
    pub callee: String,
    pub user_agent: Option<String>,
    pub asserted_identity: Option<String>,
    pub attestation: Option<char>,
    pub origid: Option<String>,
    pub verstat: Option<String>,
    pub media: Option<String>,
    pub diverted_by: Option<String>,
    pub passport_types: Option<String>,
    pub passport_orig: Option<String>,
    pub passport_mismatch: Option<String>,
    pub passport_iat_age_s: Option<f64>,
    pub exemption: Option<&'static str>,
    pub ring_time_s: Option<f64>,
    pub pdd_s: Option<f64>,
    pub setup_time_s: Option<f64>,
    pub duration_s: Option<f64>,
    pub censored: bool,
    pub hangup_by: &'static str,
    pub auth_challenged: bool,
    pub retransmissions: u32,
    pub legs: u16,
}

pub struct Talk {
    pub tracker: Tracker,
    settings: TrackSettings,
    digester: Digester,
    pub times: Vec<i64>,
    events: Vec<String>,
    last: CallSeen,
    hop: (SocketAddr, SocketAddr),
}

impl Talk {
    pub fn new() -> Talk {
        Talk::with(TrackSettings::default())
    }

    pub fn with(settings: TrackSettings) -> Talk {
        Talk::make(settings, IdentitySettings::default())
    }

    pub fn trusting(network: &str) -> Talk {
        let identity = IdentitySettings {
            trusted_peers: vec![Network::parse(network).unwrap()],
            ..IdentitySettings::default()
        };
        Talk::make(TrackSettings::default(), identity)
    }

    fn make(settings: TrackSettings, identity: IdentitySettings) -> Talk {
        let mut talk = Talk {
            tracker: Tracker::new(settings),
            settings,
            digester: Digester::new(7, identity),
            times: Vec::new(),
            events: Vec::new(),
            last: CallSeen::default(),
            hop: (([0, 0, 0, 0], 0).into(), ([0, 0, 0, 0], 0).into()),
        };
        talk.first_hop();
        talk
    }

    /// Saves the tracker and goes on with what was saved.
    pub fn restart(&mut self) {
        let saved = self.tracker.save(7).unwrap();
        let (tracker, seed) = Tracker::load(&saved, self.settings).unwrap();
        assert_eq!((seed, tracker.len()), (7, self.tracker.len()));
        self.tracker = tracker;
    }

    /// What has been told so far.
    pub fn told(&self) -> (&[i64], &[String]) {
        (&self.times, &self.events)
    }

    /// From now on messages cross this hop.
    pub fn hop(&mut self, source: &str, destination: &str) {
        self.hop = (source.parse().unwrap(), destination.parse().unwrap());
    }

    pub fn first_hop(&mut self) {
        self.hop("10.0.0.1:5060", "10.0.0.2:5060");
    }

    /// A message in the direction of the hop.
    pub fn send(&mut self, at_s: f64, message: Message) {
        let (source, destination) = self.hop;
        self.bytes(at_s, &message.bytes(), source, destination);
    }

    /// A message against the direction of the hop.
    pub fn back(&mut self, at_s: f64, message: Message) {
        let (source, destination) = self.hop;
        self.bytes(at_s, &message.bytes(), destination, source);
    }

    pub fn raw(&mut self, at_s: f64, bytes: &[u8]) {
        let (source, destination) = self.hop;
        self.bytes(at_s, bytes, source, destination);
    }

    fn bytes(&mut self, at_s: f64, bytes: &[u8], source: SocketAddr, destination: SocketAddr) {
        let seen = Seen {
            time_us: (at_s * 1e6).round() as i64,
            source,
            destination,
            transport: Transport::Udp,
        };
        let mut table = HeaderTable::default();
        let (tracker, digester) = (&mut self.tracker, &self.digester);
        let mut sink = Book(&mut self.times, &mut self.events, &mut self.last);
        let found = datagram(bytes, false, &mut table, |m| {
            let mut digests = Digests::default();
            digests.push(digester, m, &seen);
            tracker.take_all(&digests, &mut |kind, time, call: &CallView<'_>| {
                sink.write(kind, time, call);
            });
        });
        assert!(found, "not SIP: {}", bytes.escape_ascii());
    }

    pub fn advance(&mut self, at_s: f64) {
        let mut sink = Book(&mut self.times, &mut self.events, &mut self.last);
        self.tracker
            .advance((at_s * 1e6) as i64, &mut |kind, time, call: &CallView<'_>| {
                sink.write(kind, time, call)
            });
    }

    /// Ends the capture; answers every event so far.
    pub fn end(&mut self) -> Vec<String> {
        let mut sink = Book(&mut self.times, &mut self.events, &mut self.last);
        self.tracker
            .flush(&mut |kind, time, call: &CallView<'_>| sink.write(kind, time, call));
        self.seen()
    }

    pub fn seen(&self) -> Vec<String> {
        self.events.clone()
    }

    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|e| e.starts_with(kind)).count()
    }

    pub fn last(&self) -> CallSeen {
        self.last.clone()
    }
}

struct Book<'a>(&'a mut Vec<i64>, &'a mut Vec<String>, &'a mut CallSeen);

impl Book<'_> {
    fn write(&mut self, kind: EventKind, time_us: i64, call: &CallView<'_>) {
        self.0.push(time_us);
        self.1.push(match call.outcome() {
            None => kind.name().to_string(),
            Some(outcome) => {
                let status = call.final_status().map_or("-".to_string(), |s| s.to_string());
                format!("{} {} {status}", kind.name(), outcome.name())
            }
        });
        let text = |t| call.text(t).map(|b| String::from_utf8_lossy(b).into_owned());
        *self.2 = CallSeen {
            start_s: call.start_us() as f64 / 1e6,
            end_s: call.end_us().unwrap_or(0) as f64 / 1e6,
            caller: text(Text::Caller).unwrap_or_default(),
            callee: text(Text::Callee).unwrap_or_default(),
            user_agent: text(Text::UserAgent),
            asserted_identity: text(Text::AssertedIdentity),
            attestation: call.attestation(),
            origid: text(Text::Origid),
            verstat: text(Text::Verstat),
            media: text(Text::Media),
            diverted_by: text(Text::DivertedBy),
            passport_types: text(Text::PassportTypes),
            passport_orig: text(Text::PassportOrig),
            passport_mismatch: text(Text::PassportMismatch),
            passport_iat_age_s: call.passport_iat_age_s(),
            exemption: call.exemption().map(Exemption::name),
            ring_time_s: call.ring_time_s(),
            pdd_s: call.pdd_s(),
            setup_time_s: call.setup_time_s(),
            duration_s: call.duration_s(),
            censored: call.duration_censored().unwrap_or(false),
            hangup_by: call.hangup_by().map_or("", |h| h.name()),
            auth_challenged: call.auth_challenged(),
            retransmissions: call.retransmissions(),
            legs: call.legs(),
        };
    }
}
