//! The tracker's state under floods, each bound by its name.

use super::*;
use crate::call::{CallView, Digester, IdentitySettings};
use crate::decode::{Seen, Transport};
use crate::sip::framing::datagram;
use crate::sip::head::HeaderTable;

/// A tracker that is fed with the text of messages.
struct Flood {
    tracker: Tracker,
    digester: Digester,
    table: HeaderTable,
    events: u64,
}

impl Flood {
    fn new(max_calls: usize) -> Flood {
        Flood {
            tracker: Tracker::new(TrackSettings {
                max_calls,
                ..TrackSettings::default()
            }),
            digester: Digester::new(7, IdentitySettings::default()),
            table: HeaderTable::default(),
            events: 0,
        }
    }

    /// Sends a message from the last octet of an address; `rest` are header lines.
    fn send(&mut self, time_us: Micros, from: u8, start: &str, call_id: &str, tag: &str, rest: &str) {
        let method = start.split(' ').next().unwrap();
        let method = if method == "SIP/2.0" { "INVITE" } else { method };
        let bytes = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{call_id}{tag}\r\nFrom: <sip:+4420000001@h>;tag={tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 {method}\r\n{rest}\r\n"
        );
        let seen = Seen {
            time_us,
            source: ([10, 0, 0, from], 5060).into(),
            destination: ([10, 0, 1, 1], 5060).into(),
            transport: Transport::Udp,
        };
        let (tracker, digester, events) = (&mut self.tracker, &self.digester, &mut self.events);
        assert!(datagram(bytes.as_bytes(), false, &mut self.table, |message| {
            let mut digests = Digests::default();
            assert!(digests.push(digester, message, &seen));
            tracker.take_all(&digests, &mut |_, _, _: &CallView<'_>| *events += 1);
        }));
    }

    fn invite(&mut self, time_us: Micros, from: u8, call_id: &str, tag: &str, rest: &str) {
        let rest = format!("To: <sip:{call_id}@h>\r\n{rest}");
        self.send(time_us, from, "INVITE sip:b@h SIP/2.0", call_id, tag, &rest);
    }
}

#[test]
fn new_call_ids_stay_below_max_calls() {
    let max_calls = 1000;
    let mut flood = Flood::new(max_calls);
    for n in 0..20_000u32 {
        let session = format!("Session-ID: {n:032x}\r\n");
        flood.invite(i64::from(n), 1, &n.to_string(), "a", &session);
        assert!(flood.tracker.len() <= max_calls);
    }
    let tracker = &flood.tracker;
    assert_eq!(tracker.counters.evicted, 19_000);
    assert_eq!((tracker.counters.attempts, tracker.counters.ended), (20_000, 19_000));
    assert_eq!(tracker.calls.places(), max_calls);
    assert_eq!(tracker.legs.sizes(), (max_calls, max_calls));
    assert!(tracker.by_session.len() <= max_calls && tracker.recent.len() <= 2 * max_calls);
    assert!(tracker.by_session.len() > 900, "sessions are remembered");
}

#[test]
fn from_tags_under_one_call_id_stay_below_max_legs_per_call_id() {
    let mut flood = Flood::new(100_000);
    for n in 0..5000u32 {
        flood.invite(i64::from(n), 1, "same", &n.to_string(), "");
        assert!(flood.tracker.len() <= MAX_LEGS_PER_CALL_ID);
    }
    let tracker = &flood.tracker;
    assert_eq!(tracker.counters.attempts, 5000, "nobody hides an attempt");
    assert_eq!(tracker.counters.crowded, 5000 - MAX_LEGS_PER_CALL_ID as u64);
    assert_eq!(tracker.legs.sizes(), (MAX_LEGS_PER_CALL_ID, 1));
}

#[test]
fn legs_joined_to_one_call_stay_below_max_legs_per_call() {
    let mut flood = Flood::new(100_000);
    let session = "Session-ID: 0123456789abcdef0123456789abcdef\r\n";
    flood.invite(0, 1, "first", "a", session);
    for n in 0..5000u32 {
        flood.invite(i64::from(n), 2, &n.to_string(), "a", session);
    }
    let tracker = &flood.tracker;
    assert_eq!(tracker.counters.joined_legs, u64::from(MAX_LEGS_PER_CALL) - 1);
    assert_eq!(tracker.counters.attempts, 5000 - (u64::from(MAX_LEGS_PER_CALL) - 1) + 1);
}

#[test]
fn deadlines_that_come_nearer_stay_below_max_timers_per_call() {
    let mut flood = Flood::new(100);
    for n in 0..100u32 {
        flood.invite(0, 1, &n.to_string(), "a", "");
        let answer = "To: <sip:b@h>;tag=b\r\nSession-Expires: 14000\r\n";
        flood.send(1, 1, "SIP/2.0 200 OK", &n.to_string(), "a", answer);
    }
    // The timer of the unanswered INVITE is due first, and is filed again for the session's end.
    flood.tracker.advance(40_000_000, &mut |_, _, _: &CallView<'_>| {});
    let bound = MAX_TIMERS_PER_CALL * 100 + SPARE_TIMERS;
    let mut most = 0;
    for seconds in 0..200u32 {
        for n in 0..100u32 {
            let refresh = format!("To: <sip:b@h>;tag=b\r\nSession-Expires: {}\r\n", 13_999 - seconds);
            flood.send(40_000_001, 1, "UPDATE sip:b@h SIP/2.0", &n.to_string(), "a", &refresh);
            most = most.max(flood.tracker.timers());
        }
    }
    assert!(most <= bound && most > SPARE_TIMERS, "{most}");
    // The deadline that counts is the last one.
    flood.tracker.advance(14_000_000_000, &mut |_, _, _: &CallView<'_>| {});
    assert_eq!(
        (flood.tracker.counters.ended, flood.tracker.counters.censored),
        (100, 100)
    );
}

#[test]
fn a_packet_at_the_end_of_time_does_not_keep_calls_for_ever() {
    let max_calls = 10;
    let mut flood = Flood::new(max_calls);
    for n in 0..100u32 {
        flood.invite(Micros::MAX, 1, &n.to_string(), "a", "");
        assert!(flood.tracker.len() <= max_calls);
    }
    assert_eq!(flood.tracker.counters.evicted, 90);
}
