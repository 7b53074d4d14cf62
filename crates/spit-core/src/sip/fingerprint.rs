//! A fingerprint of the software behind a call: it stays when the calling number changes.
//!
//! It covers User-Agent, the order and form of header names, and the shape of the SDP offer; it leaves out what
//! differs from call to call (numbers, tags, ports) and what proxies on the way add or take away.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::header::HeaderId;
use super::message::Message;
use super::sdp::{self, MediaTypes};

/// Fingerprints that are kept; a few hundred products make millions of calls.
const KNOWN: usize = 64;

/// The longest bytes of which the fingerprint is kept: a bound on memory.
const MAX_KNOWN_LEN: usize = 1024;

/// Makes fingerprints. The hash of what it saw last is kept: the same software makes it of the same bytes.
#[derive(Debug, Default)]
pub struct Fingerprinter {
    /// What the fingerprint is made of.
    bytes: Vec<u8>,
    /// Empty until the second: single questions make one only.
    known: Vec<(Vec<u8>, u64)>,
    has_made_one: bool,
}

impl Fingerprinter {
    /// 64 bits over User-Agent, header order and SDP shape of an INVITE or MESSAGE, and the media that the same look at
    /// the body found.
    pub fn fingerprint<'a>(&mut self, message: &Message<'a>) -> (u64, MediaTypes<'a>) {
        let media = write(message, &mut self.bytes);
        (self.hash(), media)
    }

    fn hash(&mut self) -> u64 {
        let is_first = !std::mem::replace(&mut self.has_made_one, true);
        if is_first || self.bytes.len() > MAX_KNOWN_LEN {
            return hash(&self.bytes);
        }
        if self.known.is_empty() {
            self.known.resize_with(KNOWN, || (Vec::new(), 0));
        }
        let Some((bytes, known)) = self.known.get_mut(place(&self.bytes)) else {
            return hash(&self.bytes);
        };
        // What is hashed is never empty, so an empty place is no one's.
        if *bytes != self.bytes {
            *known = hash(&self.bytes);
            bytes.clone_from(&self.bytes);
        }
        *known
    }
}

/// The place at which the hash of some bytes is kept: who shares it with others is hashed again.
#[inline]
fn place(bytes: &[u8]) -> usize {
    let eight = |at: usize| {
        bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |eight| u64::from_le_bytes(*eight))
    };
    let mixed = eight(0) ^ eight(8).rotate_left(17) ^ eight(bytes.len() / 2).rotate_left(34) ^ bytes.len() as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % KNOWN
}

/// A fixed key: fingerprints are compared between machines and over months.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = SipHasher13::new_with_keys(0x7370_6974, 0x6670_0001);
    hash.write(bytes);
    hash.finish()
}

/// Writes what the fingerprint is made of.
fn write<'a>(message: &Message<'a>, out: &mut Vec<u8>) -> MediaTypes<'a> {
    out.clear();
    out.extend_from_slice(message.header(HeaderId::UserAgent).unwrap_or(b""));
    out.push(0xff);
    let name = |start: usize, len: usize| message.whole().get(start..start + len).unwrap_or_default();
    let mut before = (HeaderId::Via, 0, 0);
    for (id, start, len) in message.name_places() {
        if ADDED_ON_THE_WAY & id.bit() != 0 {
            continue;
        }
        let repeated = (id, len) == (before.0, before.2)
            && (id != HeaderId::Other || name(start, len).eq_ignore_ascii_case(name(before.1, len)));
        if repeated {
            continue;
        }
        before = (id, start, len);
        if id == HeaderId::Other {
            let at = out.len();
            out.extend_from_slice(name(start, len));
            out[at..].make_ascii_lowercase();
            out.push(0xfe);
        } else {
            out.extend_from_slice(&[id as u8, u8::from(len == 1)]);
        }
    }
    out.push(0xff);
    sdp::write_shape(message.body, out)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::framing;
    use crate::sip::head::HeaderTable;

    /// The fingerprints of an INVITE with another line in it, twice of the same maker and of one that has seen nothing.
    fn fingerprints(known: &mut Fingerprinter, line: &str) -> [u64; 3] {
        let text = format!("INVITE sip:b@h SIP/2.0\r\nCall-ID: c\r\n{line}\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n");
        let mut table = HeaderTable::default();
        let message = framing::framed(text.as_bytes(), &mut table).unwrap();
        [
            known.fingerprint(&message).0,
            known.fingerprint(&message).0,
            Fingerprinter::default().fingerprint(&message).0,
        ]
    }

    #[test]
    fn what_is_kept_is_what_would_be_made() {
        let mut known = Fingerprinter::default();
        let mut different = std::collections::BTreeSet::new();
        // More than are kept, and some that are too long for it; each comes again.
        for n in (0..200).chain(0..200) {
            let [first, again, alone] = fingerprints(&mut known, &format!("User-Agent: {}{n}", "x".repeat(n * 10)));
            assert_eq!((first, again), (alone, alone));
            different.insert(first);
        }
        assert_eq!(different.len(), 200);
    }

    #[test]
    fn names_are_those_without_white_space_in_either_case() {
        let mut known = Fingerprinter::default();
        let mut of = |line| fingerprints(&mut known, line)[0];
        assert_eq!(of("X-A: 1"), of("x-a \t: 2"));
        assert_eq!(of("X-A: 1"), of("X-A: 1\r\nx-A : 2"));
        assert_eq!(of("Subject: 1"), of("Subject  : 2"));
        assert_eq!(of("s: 1"), of("s : 1"));
        assert_ne!(of("s: 1"), of("Subject: 1"));
        assert_ne!(of("X-A: 1"), of("X-B: 1"));
    }
}
