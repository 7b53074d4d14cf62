//! What holds for any bytes that are read as one datagram.

use std::net::SocketAddr;

use spit_core::anomaly::Anomalies;
use spit_core::call::{Digester, Digests, IdentitySettings};
use spit_core::decode::{Seen, Transport};
use spit_core::sip::framing::datagram;
use spit_core::sip::head::{ContentLength, Head, HeaderTable};
use spit_core::sip::header::HeaderId;
use spit_core::sip::message::Message;
use spit_core::sip::start_line::{may_start_message, starts_message, StartLine};
use spit_core::sip::uri::{NameAddr, Uri};

/// What may stand behind a message without changing it; header names are looked for beyond the end of a line.
const BEHIND: [&[u8]; 4] = [
    b"\0",
    b":::::::::::::::::::::::::::::::",
    b"\r\nVia: x\r\n\r\n",
    b" folded\n\n",
];

pub fn check(data: &[u8]) {
    one_head(data);
    let mut table = HeaderTable::default();
    let mut emitted = 0;
    let found = datagram(data, false, &mut table, |message| {
        emitted += 1;
        one_message(data, message);
    });
    assert_eq!(found, emitted > 0);
}

fn one_head(data: &[u8]) {
    let mut table = HeaderTable::default();
    let Ok(head) = Head::parse(data, &mut table) else {
        assert!(!starts_message(data), "a start line that is none");
        return;
    };
    assert!(head.len <= data.len());
    let body_len = match head.content_length {
        ContentLength::Bytes(n) if n <= data.len() - head.len => n,
        _ => return,
    };
    if head.anomalies.has(Anomalies::NO_HEADER_END) {
        return;
    }
    // A whole message is the same whatever stands behind it, and nothing of that is read.
    let whole = &data[..head.len + body_len];
    let alone = shown(&head.with_body(data, body_len, &table));
    for behind in BEHIND {
        let longer = [whole, behind].concat();
        let mut table = HeaderTable::default();
        let head = Head::parse(&longer, &mut table).expect("it was a message");
        assert_eq!(shown(&head.with_body(&longer, body_len, &table)), alone);
    }
    if may_start_message(data) {
        let mut table = HeaderTable::default();
        let mut first = None;
        datagram(whole, false, &mut table, |message| {
            first = first.take().or(Some(shown(message)))
        });
        assert_eq!(first, Some(alone), "the datagram ends with the message");
    }
}

/// Everything that a message shows.
pub fn shown(message: &Message<'_>) -> String {
    let headers: Vec<String> = message
        .headers()
        .map(|h| format!("{:?} {} {}", h.id, h.name.escape_ascii(), h.value.escape_ascii()))
        .collect();
    let anomalies: Vec<&str> = message.anomalies.names().collect();
    let body = message.body.escape_ascii();
    format!(
        "{:?} {headers:?} {body} {anomalies:?} {:?}",
        message.start,
        message.cseq()
    )
}

pub fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

pub fn one_message(data: &[u8], message: &Message<'_>) {
    match message.start {
        StartLine::Request { method, uri } => assert!(lies_within(method, data) && lies_within(uri, data)),
        StartLine::Response { status } => assert!(status == 0 || (100..700).contains(&status)),
    }
    assert!(lies_within(message.body, data));
    for header in message.headers() {
        assert!(lies_within(header.name, data) && lies_within(header.value, data));
        assert!(!matches!(header.name.last(), Some(b' ' | b'\t')), "{header:?}");
        assert!(is_trimmed(header.value), "{header:?}");
        assert_eq!(HeaderId::of(header.name), header.id, "{}", header.name.escape_ascii());
    }
    for id in HeaderId::ALL {
        let listed: Vec<&[u8]> = message.headers().filter(|h| h.id == *id).map(|h| h.value).collect();
        assert_eq!(message.each(*id).collect::<Vec<_>>(), listed);
        assert_eq!(message.header(*id), listed.first().copied());
    }
    for id in [HeaderId::From, HeaderId::To, HeaderId::PAssertedIdentity] {
        for value in message.each(id) {
            let address = NameAddr::parse(value);
            assert_eq!(NameAddr::tag(value), address.param(b"tag"), "{}", value.escape_ascii());
            for part in [address.display_name, address.uri, address.params] {
                assert!(part.is_empty() || lies_within(part, value));
            }
            if let Some(uri) = Uri::parse(address.uri) {
                for part in [uri.scheme, uri.user, uri.user_params, uri.host, uri.params] {
                    assert!(part.is_empty() || lies_within(part, address.uri));
                }
            }
        }
    }
    // Identities, bodies and fingerprints are read for the digest.
    let seen = Seen {
        time_us: 0,
        source: SocketAddr::from(([10, 0, 0, 1], 5060)),
        destination: SocketAddr::from(([10, 0, 0, 2], 5060)),
        transport: Transport::Udp,
    };
    let mut digests = Digests::default();
    let tracked = digests.push(&Digester::new(7, IdentitySettings::default()), message, &seen);
    assert_eq!(digests.iter().count(), usize::from(tracked));
}

fn is_trimmed(text: &[u8]) -> bool {
    let space = |b: Option<&u8>| b.is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    !space(text.first()) && !space(text.last())
}
