//! A fingerprint of the software behind a call: it stays when the calling number changes.
//!
//! It covers User-Agent, the order and form of header names, and the shape of the SDP offer; it leaves out what
//! differs from call to call (numbers, tags, ports) and what proxies on the way add or take away.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::header::HeaderId;
use super::message::Message;
use super::sdp;

/// 64 bits over User-Agent, header order and SDP shape of an INVITE or MESSAGE. `scratch` is overwritten.
pub fn fingerprint(message: &Message<'_>, scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    scratch.extend_from_slice(message.header(HeaderId::UserAgent).unwrap_or(b""));
    scratch.push(0xff);
    let mut before: &[u8] = b"";
    for header in message.headers() {
        if added_on_the_way(header.id) || header.name.eq_ignore_ascii_case(before) {
            continue;
        }
        before = header.name;
        if header.id == HeaderId::Other {
            let start = scratch.len();
            scratch.extend_from_slice(header.name);
            scratch[start..].make_ascii_lowercase();
            scratch.push(0xfe);
        } else {
            scratch.push(header.id as u8);
            scratch.push(u8::from(header.name.len() == 1));
        }
    }
    scratch.push(0xff);
    for line in sdp::lines(message.body) {
        let [kind, b'=', value @ ..] = line else { continue };
        scratch.push(*kind);
        match kind {
            // m=<media> <port> <proto> <formats>: all but the port
            b'm' => {
                for (i, field) in value.split(|b| *b == b' ').enumerate() {
                    if i != 1 {
                        scratch.extend_from_slice(field);
                        scratch.push(b' ');
                    }
                }
            }
            // a=<attribute>[:<value>]: the attribute's name
            b'a' => scratch.extend_from_slice(value.split(|b| *b == b':').next().unwrap_or(b"")),
            _ => {}
        }
    }
    // A fixed key: fingerprints are compared between machines and over months.
    let mut hash = SipHasher13::new_with_keys(0x7370_6974, 0x6670_0001);
    hash.write(scratch);
    hash.finish()
}

fn added_on_the_way(id: HeaderId) -> bool {
    matches!(
        id,
        HeaderId::Via
            | HeaderId::Route
            | HeaderId::RecordRoute
            | HeaderId::Authorization
            | HeaderId::ProxyAuthorization
            | HeaderId::PAssertedIdentity
            | HeaderId::PPreferredIdentity
            | HeaderId::RemotePartyId
            | HeaderId::Identity
            | HeaderId::Diversion
            | HeaderId::HistoryInfo
            | HeaderId::SessionId
            | HeaderId::PAccessNetworkInfo
    )
}
