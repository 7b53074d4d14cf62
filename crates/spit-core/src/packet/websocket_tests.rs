use super::*;

/// The examples of RFC 6455 section 5.7.
#[test]
fn the_examples_of_the_rfc() {
    let mut messages = Messages::default();
    let hello = Step::Message {
        len: 7,
        payload: b"Hello",
    };
    assert_eq!(messages.next(b"\x81\x05Hello"), hello);
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(
        messages.next(masked),
        Step::Message {
            len: 11,
            payload: b"Hello"
        }
    );
    assert_eq!(messages.next(b"\x01\x03Hel"), Step::Frame(5));
    assert_eq!(messages.next(b"\x89\x05Hello"), Step::Frame(7));
    assert_eq!(
        messages.next(b"\x80\x02lo"),
        Step::Message {
            len: 4,
            payload: b"Hello"
        }
    );
    let medium = [b"\x82\x7e\x01\x00".as_slice(), &[b'x'; 256]].concat();
    assert_eq!(
        messages.next(&medium),
        Step::Message {
            len: 260,
            payload: &[b'x'; 256]
        }
    );
    let long = [b"\x82\x7f\0\0\0\0\0\x01\0\0".as_slice(), &vec![b'x'; 65_536]].concat();
    assert!(matches!(messages.next(&long), Step::Message { len: 65_546, .. }));
}

#[test]
fn what_no_frame_of_sip_is_like_is_bad_at_once() {
    for bytes in [
        b"\x83\x05Hello".as_slice(),         // opcode 3 is reserved
        b"\xb1\x05Hello",                    // RSV2 and RSV3
        b"\x09\x00",                         // a fragmented ping
        b"\x89\x7e\x00\x80",                 // a long ping
        b"\x81\x7e\x00\x05Hello",            // not the shortest form
        b"\x81\x7f\0\0\0\0\0\0\x01\0",       // not the shortest form
        b"\x81\x7f\x80\0\0\0\0\0\0\0",       // beyond 63 bits
        b"\x81\x7f\0\0\0\0\x7f\xff\xff\xff", // beyond what is kept
        b"\xc0\x01x",                        // a compressed continuation
    ] {
        assert_eq!(
            Messages::default().next(bytes),
            Step::Bad(0),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn a_continuation_of_nothing_is_bad_and_its_bytes_are_passed_over() {
    assert_eq!(Messages::default().next(b"\x80\x02lo"), Step::Bad(4));
}

#[test]
fn the_message_put_together_is_bounded() {
    let mut messages = Messages::default();
    let part = [b"\x01\x7f\0\0\0\0\0\x08\0\0".as_slice(), &vec![b'x'; 1 << 19]].concat();
    let mut more = part.clone();
    more[0] = 0;
    assert!(matches!(messages.next(&part), Step::Frame(_)));
    assert!(matches!(messages.next(&more), Step::Frame(_)));
    assert!(matches!(messages.next(&more), Step::Bad(_)));
    assert!(matches!(messages.next(&more), Step::Frame(_)));
    assert_eq!(messages.held_bytes(), 0);
    assert!(matches!(messages.next(b"\x80\x01x"), Step::Frame(3)));
    assert!(matches!(messages.next(b"\x81\x01x"), Step::Message { .. }));
}

#[test]
fn a_frame_of_sip_is_told_by_its_payload() {
    let request = [b"\x81\x7e\x01\x00".as_slice(), b"OPTIONS sip:a SIP/2.0 and so on"].concat();
    for cut in 0..request.len() {
        let expected = if cut >= 4 + b"OPTIONS sip:".len() {
            Some(true)
        } else {
            None
        };
        assert_eq!(starts_sip_frame(&request[..cut]), expected, "cut at {cut}");
    }
    assert_eq!(starts_sip_frame(b"\x81\x40SIP/2.0 200 OK\r\n"), Some(true));
    for other in [
        b"\x81\x40GET / HTTP/1.1\r\nHost: example.com\r\n".as_slice(),
        b"\x81\x05Hello",
        b"\x81\x40{\"a\": 1, \"b\": 2, \"c\": 3, \"d\"",
        b"\x17\x03\x03\x00\x20",
        b"\xc1\x40SIP/2.0 200 OK\r\n",
    ] {
        assert_eq!(starts_sip_frame(other), Some(false), "{}", other.escape_ascii());
    }
}

#[test]
fn every_prefix_and_every_changed_byte_is_taken_without_reading_past() {
    let stream = [
        b"\x01\x83\x01\x02\x03\x04abc".as_slice(),
        b"\x89\x00",
        b"\x80\x05Hello",
        b"\x81\x7e\x00\x80",
        &[b'y'; 128],
    ]
    .concat();
    let mut changed: Vec<Vec<u8>> = (0..=stream.len()).map(|cut| stream[..cut].to_vec()).collect();
    for at in 0..stream.len() {
        for value in 0..=255 {
            let mut copy = stream.clone();
            copy[at] = value;
            changed.push(copy);
        }
    }
    for bytes in changed {
        let mut messages = Messages::default();
        let (mut at, mut marked) = (0, 0);
        while at < bytes.len() {
            let used = match messages.next(&bytes[at..]) {
                Step::Incomplete => break,
                Step::Bad(0) => {
                    marked += 1;
                    0
                }
                Step::Frame(n) | Step::Compressed(n) | Step::Bad(n) | Step::Junk(n) => n,
                Step::Message { len, payload } => {
                    assert!(payload.len() <= bytes.len());
                    len
                }
            };
            at += used;
            assert!(at <= bytes.len() && marked <= bytes.len());
        }
    }
}
