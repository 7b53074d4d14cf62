//! What holds for any conversation: six bytes of the input are one message, or a step of the clock.

use std::collections::HashMap;
use std::net::SocketAddr;

use spit_core::call::event::Text;
use spit_core::call::tracker::{MAX_TIMERS_PER_CALL, SPARE_TIMERS};
use spit_core::call::{CallView, Digester, Digests, EventKind, IdentitySettings, TrackSettings, Tracker};
use spit_core::decode::{Seen, Transport};
use spit_core::sip::framing::datagram;
use spit_core::sip::head::HeaderTable;

/// Fewer calls than a conversation may have, so that some give way.
const FEW_CALLS: usize = 6;
/// More calls than a conversation may have.
const ENOUGH_CALLS: usize = 64;
const SEED: u64 = 7;
const METHODS: [&str; 8] = [
    "INVITE", "INVITE", "MESSAGE", "CANCEL", "BYE", "ACK", "UPDATE", "OPTIONS",
];
const STATUS: [u16; 16] = [
    100, 180, 183, 199, 200, 202, 301, 302, 401, 407, 422, 486, 487, 491, 503, 607,
];

pub fn check(data: &[u8]) {
    let Some((&batch, talk)) = data.split_first() else {
        return;
    };
    let steps: Vec<Step> = talk
        .chunks_exact(6)
        .scan(0, |time_us, bytes| Some(Step::read(bytes, time_us)))
        .collect();
    // The same digests, cut into batches of any size, give the same events.
    let batch = usize::from(batch).max(2);
    assert_eq!(track(&steps, 1, FEW_CALLS, None), track(&steps, batch, FEW_CALLS, None));
    // So does a tracker that is saved and loaded between, unless there are legs of B2BUAs: which of several calls with
    // one Session-ID or Call-ID a leg joins depends on the order in which they were found.
    let whole = track(&steps, 1, ENOUGH_CALLS, None);
    let saved = track(&steps, 1, ENOUGH_CALLS, Some(batch));
    if whole.joined_legs + saved.joined_legs == 0 {
        assert_eq!(whole, saved);
    }
}

struct Step {
    time_us: i64,
    message: Vec<u8>,
    source: SocketAddr,
    destination: SocketAddr,
}

impl Step {
    fn read(bytes: &[u8], time_us: &mut i64) -> Step {
        let bits = |at: usize, shift: u8, count: u8| usize::from(bytes[at] >> shift & ((1 << count) - 1));
        // Mostly forwards by milliseconds or minutes, sometimes back, rarely to the end of time.
        *time_us = match (bits(0, 6, 2), bytes[1]) {
            (3, 255) => i64::MAX,
            (3, back) => time_us.saturating_sub(i64::from(back) * 1000),
            (2, minutes) => time_us.saturating_add(i64::from(minutes) * 60_000_000),
            (_, some) => time_us.saturating_add(i64::from(some) * 10_000),
        };
        let method = METHODS[bits(0, 0, 3)];
        let first = match bits(0, 3, 1) {
            0 => format!("{method} sip:+4420000002@h SIP/2.0"),
            _ => format!("SIP/2.0 {} Text", STATUS[bits(2, 0, 4)]),
        };
        let tag = bits(3, 2, 2);
        let (from, to) = match bits(3, 4, 1) {
            0 => (
                format!("a{tag}"),
                ["", ";tag=b", ";tag=c", ""][bits(3, 5, 2)].to_string(),
            ),
            // The callee speaks inside the dialog.
            _ => ("b".to_string(), format!(";tag=a{tag}")),
        };
        let expires = [0, 90, 1800, 14_000 - usize::from(bytes[5])][bits(4, 0, 2)];
        let extra = [
            String::new(),
            "Session-ID: 0123456789abcdef0123456789abcdef\r\n".into(),
            format!("X-Call-ID: {}\r\n", bits(5, 0, 2)),
            format!("Session-Expires: {expires}\r\n"),
        ];
        let message = format!(
            "{first}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{}\r\nFrom: <sip:+4420000001@h;t={tag}>;tag={from}\r\n\
             To: <sip:+442000000{}@h>{to}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n{}\r\n",
            bits(4, 6, 2),
            bits(5, 2, 2),
            bits(3, 0, 2),
            bits(4, 4, 2),
            extra[bits(4, 2, 2)],
        );
        let hop = bits(5, 4, 2) as u8;
        let (mut source, mut destination) = (([10, 0, 0, hop], 5060).into(), ([10, 0, 0, hop + 1], 5060).into());
        if bits(5, 6, 1) == 1 {
            (source, destination) = (destination, source);
        }
        Step {
            time_us: *time_us,
            message: message.into_bytes(),
            source,
            destination,
        }
    }
}

/// The events of a conversation, checked one by one.
#[derive(Default)]
struct Book {
    events: Vec<String>,
    last_us: Option<i64>,
    /// The latest event of each Call-ID and From-tag whose call goes on.
    open: HashMap<(Vec<u8>, Vec<u8>), EventKind>,
    attempts: u64,
    ended: u64,
}

impl Book {
    fn write(&mut self, kind: EventKind, time_us: i64, call: &CallView<'_>) {
        assert!(
            self.last_us.is_none_or(|last| last <= time_us),
            "events in the order of their time"
        );
        self.last_us = Some(time_us);
        let text = |t| call.text(t).unwrap_or_default().to_vec();
        let key = (text(Text::CallId), text(Text::CallerUri));
        let before = self.open.get(&key).copied();
        match (before, kind) {
            (None, EventKind::Attempt) => {
                self.attempts += 1;
                self.open.insert(key, kind);
            }
            (Some(EventKind::Attempt), EventKind::Answer) => {
                self.open.insert(key, kind);
            }
            (Some(_), EventKind::End) => {
                self.ended += 1;
                self.open.remove(&key);
            }
            _ => panic!("{kind:?} after {before:?}"),
        }
        assert_eq!(call.outcome().is_some(), kind == EventKind::End);
        for span_s in [call.pdd_s(), call.setup_time_s(), call.ring_time_s(), call.duration_s()] {
            assert!(span_s.is_none_or(|s| s >= 0.0));
        }
        let (outcome, status, legs) = (call.outcome(), call.final_status(), call.legs());
        let (duration, repeats) = (call.duration_s(), call.retransmissions());
        self.events.push(format!(
            "{kind:?} {time_us} {outcome:?} {status:?} {legs} {duration:?} {repeats}"
        ));
    }
}

/// What a tracker told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    events: Vec<String>,
    joined_legs: u64,
}

/// The events of messages in batches. The tracker is saved and loaded after every `save_every` batches.
fn track(steps: &[Step], batch: usize, max_calls: usize, save_every: Option<usize>) -> Told {
    let digester = Digester::new(SEED, IdentitySettings::default());
    let settings = TrackSettings {
        max_calls,
        ..TrackSettings::default()
    };
    let mut tracker = Tracker::new(settings);
    let mut table = HeaderTable::default();
    let mut book = Book::default();
    let mut digests = Digests::default();
    for (number, steps) in steps.chunks(batch).enumerate() {
        if save_every.is_some_and(|every| number % every == 0) {
            let (loaded, seed) =
                Tracker::load(&tracker.save(SEED).expect("it can be saved"), settings).expect("it was saved");
            assert_eq!(
                (loaded.len(), loaded.counters, seed),
                (tracker.len(), tracker.counters, SEED)
            );
            tracker = loaded;
        }
        digests.clear();
        for step in steps {
            let seen = Seen {
                time_us: step.time_us,
                source: step.source,
                destination: step.destination,
                transport: Transport::Udp,
            };
            assert!(datagram(&step.message, false, &mut table, |message| {
                digests.push(&digester, message, &seen);
            }));
        }
        tracker.take_all(&digests, &mut |kind, time_us, call: &CallView<'_>| {
            book.write(kind, time_us, call);
        });
        assert!(tracker.len() <= max_calls);
        assert!(tracker.timers() <= MAX_TIMERS_PER_CALL * max_calls + SPARE_TIMERS);
        assert_eq!(
            (tracker.counters.attempts, tracker.counters.ended),
            (book.attempts, book.ended)
        );
        assert_eq!(book.open.len() as u64, book.attempts - book.ended);
    }
    tracker.flush(&mut |kind, time_us, call: &CallView<'_>| book.write(kind, time_us, call));
    assert_eq!(book.attempts, book.ended, "every attempt ends once");
    Told {
        events: book.events,
        joined_legs: tracker.counters.joined_legs,
    }
}
