//! Digests for tests, of messages that differ in nothing but their times.

use std::net::SocketAddr;

use spit_core::call::{DigestCursor, Digester, Digests, IdentitySettings};
use spit_core::decode::{Seen, Transport};
use spit_core::sip::framing;
use spit_core::sip::head::HeaderTable;
use spit_core::Micros;

/// A message that concerns a call.
pub(crate) const BYE: &[u8] =
    b"BYE sip:bob@example.org SIP/2.0\r\nCall-ID: a\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
    CSeq: 2 BYE\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n";

/// Digests of messages at these times.
pub(crate) fn digests(times_us: &[Micros]) -> Digests {
    let digester = Digester::new(1, IdentitySettings::default());
    let mut digests = Digests::default();
    let nowhere = SocketAddr::from(([192, 0, 2, 1], 5060));
    for time_us in times_us {
        let seen = Seen {
            time_us: *time_us,
            source: nowhere,
            destination: nowhere,
            transport: Transport::Udp,
        };
        framing::datagram(BYE, false, &mut HeaderTable::default(), |message| {
            assert!(digests.push(&digester, message, &seen));
        });
    }
    digests
}

/// The times of digests.
pub(crate) fn times(digests: &Digests) -> Vec<Micros> {
    let mut at = DigestCursor::default();
    let mut times = Vec::new();
    while let Some(time_us) = digests.time_us(at) {
        times.push(time_us);
        digests.next(&mut at);
    }
    times
}
