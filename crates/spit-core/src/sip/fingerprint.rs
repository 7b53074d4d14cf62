//! A fingerprint of the software behind a call: it stays when the calling number changes.
//!
//! It covers User-Agent, the order and form of header names, and the shape of the SDP offer; it leaves out what
//! differs from call to call (numbers, tags, ports) and what proxies on the way add or take away.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::header::HeaderId;
use super::message::Message;
use super::sdp::{self, MediaTypes};

/// 64 bits over User-Agent, header order and SDP shape of an INVITE or MESSAGE, and the media that the same look at the
/// body found. `scratch` is overwritten.
pub fn fingerprint<'a>(message: &Message<'a>, scratch: &mut Vec<u8>) -> (u64, MediaTypes<'a>) {
    scratch.clear();
    scratch.extend_from_slice(message.header(HeaderId::UserAgent).unwrap_or(b""));
    scratch.push(0xff);
    let mut before = (HeaderId::Via, &b""[..]);
    for (id, name) in message.names() {
        if ADDED_ON_THE_WAY & id.bit() != 0 {
            continue;
        }
        let repeated = (id, name.len()) == (before.0, before.1.len())
            && (id != HeaderId::Other || name.eq_ignore_ascii_case(before.1));
        if repeated {
            continue;
        }
        before = (id, name);
        if id == HeaderId::Other {
            let start = scratch.len();
            scratch.extend_from_slice(name);
            scratch[start..].make_ascii_lowercase();
            scratch.push(0xfe);
        } else {
            scratch.extend_from_slice(&[id as u8, u8::from(name.len() == 1)]);
        }
    }
    scratch.push(0xff);
    let media = sdp::write_shape(message.body, scratch);
    // A fixed key: fingerprints are compared between machines and over months.
    let mut hash = SipHasher13::new_with_keys(0x7370_6974, 0x6670_0001);
    hash.write(scratch);
    (hash.finish(), media)
}

const ADDED_ON_THE_WAY: u64 = HeaderId::Via.bit()
    | HeaderId::Route.bit()
    | HeaderId::RecordRoute.bit()
    | HeaderId::Authorization.bit()
    | HeaderId::ProxyAuthorization.bit()
    | HeaderId::PAssertedIdentity.bit()
    | HeaderId::PPreferredIdentity.bit()
    | HeaderId::RemotePartyId.bit()
    | HeaderId::Identity.bit()
    | HeaderId::Diversion.bit()
    | HeaderId::HistoryInfo.bit()
    | HeaderId::SessionId.bit()
    | HeaderId::PAccessNetworkInfo.bit();
