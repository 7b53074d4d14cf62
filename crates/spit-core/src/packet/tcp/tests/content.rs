//! What streams carry besides plain SIP, torn in every way.

use super::*;

#[test]
fn a_gap_in_websocket_frames_or_hep_costs_the_message_within_it_only() {
    let key = Some([9, 8, 7, 6]);
    let kinds = [
        (
            [UPGRADE, &frame(0x81, key, A)].concat(),
            frame(0x81, key, B),
            frame(0x81, key, C),
            ["1", "3"].map(str::to_owned),
        ),
        (
            hep3(A),
            hep3(B),
            hep3(C),
            [A, C].map(|m| format!("hep {}", m.len() + 19)),
        ),
    ];
    for (before, torn, after, expected) in kinds {
        let stream = [&before[..], &torn, &after].concat();
        let (gap, end) = (before.len() + 20, before.len() + 30);
        let mut h = Harness::new();
        h.send(1, 0, &stream[..gap]);
        h.send(1, end as u32, &stream[end..]);
        h.flush();
        assert_eq!(h.seen, expected);
        let counters = h.streams.counters;
        assert_eq!((counters.gaps, counters.junk_bytes), (1, torn.len() as u64 - 10));
    }
}

#[test]
fn a_late_start_in_websocket_frames_or_hep_is_recognised() {
    let frames = [frame(0x81, Some([1, 2, 3, 4]), A), frame(0x81, None, B)].concat();
    for cut in 1..frames.len() {
        let mut h = Harness::new();
        h.send(1, 0, &frames[..cut]);
        h.send(1, cut as u32, &frames[cut..]);
        assert_eq!(h.seen, ["1", "2"], "cut at {cut}");
    }
}

#[test]
fn a_capture_that_begins_within_a_message_gives_the_next_ones() {
    let key = Some([1, 2, 3, 4]);
    let hep = |m: &[u8]| format!("hep {}", m.len() + 19);
    for (first, rest, expected) in [
        (A.to_vec(), [B, C].concat(), ["2", "3"].map(str::to_owned)),
        (
            frame(0x81, key, A),
            [frame(0x81, key, B), frame(0x81, key, C)].concat(),
            ["2", "3"].map(str::to_owned),
        ),
        (
            frame(0x81, None, A),
            [frame(0x82, None, B), frame(0x81, None, C)].concat(),
            ["2", "3"].map(str::to_owned),
        ),
        (hep3(A), [hep3(B), hep3(C)].concat(), [hep(B), hep(C)]),
    ] {
        // A method that has lost its first letters is still one, and so is one with a length before it that is a letter.
        let request = first
            .windows(4)
            .position(|w| w == b"REGI")
            .map_or(0..0, |at| at.saturating_sub(1)..at + 9);
        for from in (1..first.len()).filter(|from| !request.contains(from)) {
            let mut h = Harness::new();
            h.send(1, 0, &[&first[from..], &rest].concat());
            assert_eq!(h.seen, expected, "from {from} of {}", first.escape_ascii());
        }
    }
}

#[test]
fn compressed_websocket_messages_are_counted_and_passed_over() {
    let mut h = Harness::new();
    let stream = [
        UPGRADE,
        &frame(0xc1, None, b"\xaa\xbb"),
        &frame(0x41, None, b"\xaa\xbb"),
        &frame(0x80, None, b"\xcc"),
        &frame(0x81, None, A),
    ]
    .concat();
    h.send(1, 0, &stream);
    assert_eq!(h.seen, ["1"]);
    let counters = h.streams.counters;
    assert_eq!(
        (
            counters.ws_compressed,
            counters.ws_frames,
            counters.ws_messages,
            counters.ws_bad
        ),
        (2, 4, 1, 0)
    );
}

#[test]
fn a_lie_about_a_frames_length_costs_the_messages_within_it_only() {
    let mut h = Harness::new();
    let mut lie = frame(0x81, None, A);
    lie[1] += 10;
    let stream = [UPGRADE, &lie, &frame(0x81, None, B), &frame(0x81, None, C)].concat();
    h.send(1, 0, &stream);
    assert_eq!(h.seen, ["1", "3"]);
    assert!(h.streams.counters.ws_bad >= 1);
}

#[test]
fn an_upgrade_to_another_protocol_is_no_sip() {
    let mut h = Harness::new();
    let upgrade = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    h.send(1, 0, upgrade);
    h.send(1, upgrade.len() as u32, &frame(0x81, None, b"hello"));
    assert_eq!(h.streams.counters.ws_frames, 0);
    assert_eq!(h.streams.counters.junk_bytes, upgrade.len() as u64 + 7);
}
