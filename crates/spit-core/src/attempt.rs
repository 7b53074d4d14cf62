//! What a call attempt says by itself: the keys under which it is counted, and its own columns.
//!
//! Both the batches of events and single questions are read by these functions, so that the two can't drift apart.

use crate::fold::{hash_key, hash_pair, hash_parts, join_keys};
use crate::sip::subscriber;

/// The last digits of a number within its block of 10,000.
const BLOCK_DIGITS: usize = 4;
/// Numbers that differ in at least 1 and at most this many digits at the end are neighbours.
pub const NEIGHBOUR_DIGITS: usize = 5;
/// What `differing_digits` is where either is no number: E.164 allows as many digits.
const E164_DIGITS: f64 = 15.0;
/// An older PASSporT says no more than one of this age.
const MAX_PASSPORT_AGE_S: f64 = 3600.0;

/// The columns of an attempt that are read here, as they stand in it; None is null.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the names of the columns of a batch of events")]
pub struct Texts<'a> {
    pub method: Option<&'a str>,
    pub caller: Option<&'a str>,
    pub callee: Option<&'a str>,
    pub caller_uri: Option<&'a str>,
    pub source_ip: Option<&'a str>,
    pub fingerprint: Option<&'a str>,
    pub asserted_identity: Option<&'a str>,
    pub attestation: Option<&'a str>,
    pub origid: Option<&'a str>,
    pub verstat: Option<&'a str>,
    pub media: Option<&'a str>,
    pub diverted_by: Option<&'a str>,
    pub passport_types: Option<&'a str>,
    pub passport_mismatch: Option<&'a str>,
}

/// Keys of an event, 64 bits, 0 where there is none; every text is hashed once.
///
/// `caller`, `callee`: the person, the same key in both roles, and a caller who names nobody is none; `identity`: the
/// caller's, whatever it names. `block`, `callee_block`: numbers without their last 4 digits; `identity_block`: the
/// caller's, whatever it names. `peer`: source and fingerprint; `tie_peer`: the same as one text. The others are
/// ordered pairs.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "named above")]
pub struct Keys {
    pub caller: u64,
    pub callee: u64,
    pub identity: u64,
    pub origid: u64,
    pub block: u64,
    pub callee_block: u64,
    pub identity_block: u64,
    pub source: u64,
    pub peer: u64,
    pub tie_peer: u64,
    pub contact: u64,
    pub contact_reverse: u64,
    pub peer_caller: u64,
    pub peer_callee: u64,
    pub identity_source: u64,
}

/// Names of the keys that [`Keys::of_end`] knows.
pub const END_KEYS: [&str; 10] = [
    "caller",
    "callee",
    "identity",
    "origid",
    "block",
    "callee_block",
    "identity_block",
    "source",
    "peer",
    "contact",
];

impl Keys {
    /// The keys of one event.
    pub fn of(texts: &Texts<'_>) -> Self {
        let keys = Self::of_end(texts);
        Self {
            tie_peer: texts
                .source_ip
                .zip(texts.fingerprint)
                .map_or(0, |(source, of)| hash_parts(&[source, "|", of], 0)),
            contact_reverse: join(keys.callee, keys.caller),
            peer_caller: join(keys.peer, keys.caller),
            peer_callee: join(keys.peer, keys.callee),
            identity_source: texts
                .source_ip
                .zip(texts.caller)
                .map_or(0, |(source, caller)| hash_pair(caller, source, 0)),
            ..keys
        }
    }

    /// Those among them that ends are counted by: [`END_KEYS`]; the others are 0.
    pub fn of_end(texts: &Texts<'_>) -> Self {
        let key = |text: Option<&str>| text.map_or(0, |text| hash_key(text, 0));
        let identity = key(texts.caller);
        let identity_block = block(texts.caller);
        let (callee, source) = (key(texts.callee), key(texts.source_ip));
        let peer = join(source, key(texts.fingerprint));
        let names_nobody = texts.caller.is_some_and(subscriber::withheld_identity);
        let (caller, caller_block) = if names_nobody {
            (0, 0)
        } else {
            (identity, identity_block)
        };
        Self {
            caller,
            callee,
            identity,
            origid: key(texts.origid),
            block: caller_block,
            callee_block: block(texts.callee),
            identity_block,
            source,
            peer,
            contact: join(caller, callee),
            ..Self::default()
        }
    }

    /// The place of a key by its name.
    pub fn by_name(name: &str) -> Option<fn(&Self) -> u64> {
        Some(match name {
            "caller" => |keys| keys.caller,
            "callee" => |keys| keys.callee,
            "identity" => |keys| keys.identity,
            "origid" => |keys| keys.origid,
            "block" => |keys| keys.block,
            "callee_block" => |keys| keys.callee_block,
            "identity_block" => |keys| keys.identity_block,
            "source" => |keys| keys.source,
            "peer" => |keys| keys.peer,
            "tie_peer" => |keys| keys.tie_peer,
            "contact" => |keys| keys.contact,
            "contact_reverse" => |keys| keys.contact_reverse,
            "peer_caller" => |keys| keys.peer_caller,
            "peer_callee" => |keys| keys.peer_callee,
            "identity_source" => |keys| keys.identity_source,
            _ => return None,
        })
    }
}

fn join(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 {
        0
    } else {
        join_keys(a, b)
    }
}

fn block(identity: Option<&str>) -> u64 {
    let number = identity.and_then(subscriber::number_digits);
    let block = number.and_then(|number| number.get(..number.len().checked_sub(BLOCK_DIGITS)?));
    block.map_or(0, |block| hash_key(block, 0))
}

/// Names of what [`columns`] answers, in order. Truths are 0 or 1; numbers are NaN where the identity is none.
pub const COLUMNS: [&str; 21] = [
    "caller_withheld",
    "diverted",
    "callee_is_number",
    "is_message",
    "caller_digits",
    "callee_digits",
    "shared_digits",
    "differing_digits",
    "attestation_level",
    "asserted_differs",
    "verstat",
    "passport_orig_differs",
    "passport_dest_differs",
    "passport_div",
    "media_video",
    "media_fax",
    "identified",
    "has_callee",
    "neighbour",
    "caller_number",
    "callee_number",
];

/// What one attempt says by itself, in the order of [`COLUMNS`].
pub fn columns(texts: &Texts<'_>) -> [f64; COLUMNS.len()] {
    let truth = |truth: bool| f64::from(u8::from(truth));
    let (caller, callee, uri) = (texts.caller, texts.callee, texts.caller_uri);
    let names_nobody = caller.is_some_and(subscriber::withheld_identity);
    let withheld = caller.is_none() || names_nobody || uri.is_some_and(subscriber::withheld_uri);
    let digits = |identity: Option<&str>| identity.and_then(subscriber::digit_count);
    let (caller_digits, callee_digits) = (digits(caller), digits(callee));
    let shared = caller.zip(callee).and_then(|(a, b)| subscriber::shared_digits(a, b));
    // Digits that both share are digits of both, so each has as many at least.
    let differing = shared
        .zip(caller_digits.max(callee_digits))
        .map(|(shared, most)| most - shared);
    let count = |count: Option<usize>| count.unwrap_or(0) as f64;
    let callee_number = number(callee);
    let asserted = texts.asserted_identity.zip(uri);
    let has = |text: Option<&str>, word: &str| text.is_some_and(|text| contains(text, word));
    [
        truth(withheld),
        truth(texts.diverted_by.is_some()),
        truth(callee_number.is_finite()),
        truth(texts.method == Some("MESSAGE")),
        count(caller_digits),
        count(callee_digits),
        count(shared),
        differing.map_or(E164_DIGITS, |count| count as f64),
        match texts.attestation {
            Some("A") => 3.0,
            Some("B") => 2.0,
            Some("C") => 1.0,
            _ => 0.0,
        },
        truth(asserted.is_some_and(|(asserted, uri)| subscriber::asserted_differs(asserted, uri))),
        truth(has(texts.verstat, "passed")) - truth(has(texts.verstat, "failed")),
        truth(has(texts.passport_mismatch, "orig")),
        truth(has(texts.passport_mismatch, "dest")),
        truth(has(texts.passport_types, "div")),
        truth(has(texts.media, "video")),
        truth(has(texts.media, "image")), // T.38 (RFC 3362)
        truth(caller.is_some() && !names_nobody),
        truth(callee.is_some()),
        // A caller's own number as callee is the check of a mailbox, not of a neighbour.
        truth(differing.is_some_and(|count| (1..=NEIGHBOUR_DIGITS).contains(&count))),
        number(caller),
        callee_number,
    ]
}

/// Seconds between the signing of a PASSporT and the attempt, as features have it; NaN, unsigned, is 0.
pub fn passport_age_s(age_s: f64) -> f64 {
    if age_s.is_nan() {
        0.0
    } else {
        age_s.abs().min(MAX_PASSPORT_AGE_S)
    }
}

/// Cosine and sine of the time of day.
pub fn hour(time_us: i64) -> (f64, f64) {
    const DAY_US: f64 = 86_400e6;
    let angle = (time_us as f64).rem_euclid(DAY_US) * (std::f64::consts::TAU / DAY_US);
    (angle.cos(), angle.sin())
}

/// The value of a number of 7 to 15 digits, which a float64 holds exactly; NaN for everything else.
pub fn number(identity: Option<&str>) -> f64 {
    identity.and_then(subscriber::number_digits).map_or(f64::NAN, |digits| {
        digits
            .bytes()
            .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0')) as f64
    })
}

fn contains(text: &str, word: &str) -> bool {
    text.as_bytes()
        .windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, texts: &Texts<'_>) -> f64 {
        columns(texts)[COLUMNS.iter().position(|&found| found == name).unwrap()]
    }

    #[test]
    fn an_attempt_without_anything_has_no_keys_and_a_withheld_caller() {
        let nothing = Texts::default();
        let keys = Keys::of(&nothing);
        assert_eq!((keys.caller, keys.contact, keys.peer, keys.tie_peer), (0, 0, 0, 0));
        assert_eq!(at("caller_withheld", &nothing), 1.0);
        assert_eq!(at("identified", &nothing), 0.0);
        assert_eq!(at("differing_digits", &nothing), 15.0);
        assert!(at("caller_number", &nothing).is_nan());
    }

    #[test]
    fn a_caller_who_names_nobody_is_no_person_but_an_identity() {
        let keys = Keys::of(&Texts {
            caller: Some("anonymous@anonymous.invalid"),
            callee: Some("+4930123456"),
            source_ip: Some("192.0.2.1"),
            ..Texts::default()
        });
        assert_eq!((keys.caller, keys.block, keys.contact), (0, 0, 0));
        assert_ne!(keys.identity, 0);
        assert_ne!(keys.identity_source, 0);
        assert_ne!((keys.callee, keys.callee_block), (0, 0));
        assert_eq!(keys.identity_block, 0);
    }

    #[test]
    fn a_peer_is_source_and_fingerprint() {
        let texts = Texts {
            source_ip: Some("192.0.2.1"),
            fingerprint: Some("00ff"),
            ..Texts::default()
        };
        let keys = Keys::of(&texts);
        assert_eq!(keys.peer, join_keys(hash_key("192.0.2.1", 0), hash_key("00ff", 0)));
        assert_eq!(keys.tie_peer, hash_key("192.0.2.1|00ff", 0));
        let alone = Keys::of(&Texts {
            fingerprint: None,
            ..texts
        });
        assert_eq!((alone.peer, alone.tie_peer), (0, 0));
        assert_eq!(alone.source, keys.source);
    }

    #[test]
    fn neighbours_differ_in_one_to_five_digits_at_the_end() {
        let of = |callee| {
            at(
                "neighbour",
                &Texts {
                    caller: Some("+493012345678"),
                    callee: Some(callee),
                    ..Texts::default()
                },
            )
        };
        assert_eq!(of("+493012345679"), 1.0);
        assert_eq!(of("+493012300000"), 1.0);
        assert_eq!(of("+493012000000"), 0.0);
        assert_eq!(of("+493012345678"), 0.0);
        assert_eq!(of("alice@example.org"), 0.0);
    }

    #[test]
    fn words_are_found_in_either_case() {
        let texts = Texts {
            verstat: Some("TN-Validation-Passed-A"),
            media: Some("audio,VIDEO"),
            attestation: Some("B"),
            ..Texts::default()
        };
        assert_eq!(at("verstat", &texts), 1.0);
        assert_eq!((at("media_video", &texts), at("media_fax", &texts)), (1.0, 0.0));
        assert_eq!(at("attestation_level", &texts), 2.0);
        assert_eq!(at("passport_div", &texts), 0.0);
    }

    #[test]
    fn the_hour_is_a_direction_and_an_age_has_a_cap() {
        let (cos, sin) = hour(86_400_000_000 / 4);
        assert!(cos.abs() < 1e-12 && (sin - 1.0).abs() < 1e-12);
        assert_eq!(passport_age_s(f64::NAN), 0.0);
        assert_eq!(passport_age_s(-7.0), 7.0);
        assert_eq!(passport_age_s(f64::INFINITY), 3600.0);
    }

    #[test]
    fn the_keys_of_an_end_are_among_those_of_an_attempt() {
        let texts = Texts {
            caller: Some("+4930123456"),
            callee: Some("+4989123456"),
            source_ip: Some("192.0.2.1"),
            fingerprint: Some("00ff"),
            origid: Some("o"),
            ..Texts::default()
        };
        let (all, of_end) = (Keys::of(&texts), Keys::of_end(&texts));
        for name in END_KEYS {
            let key = Keys::by_name(name).unwrap();
            assert_eq!(key(&of_end), key(&all), "{name}");
            assert_ne!(key(&all), 0, "{name}");
        }
        assert_eq!((of_end.tie_peer, of_end.peer_callee), (0, 0));
    }

    #[test]
    fn every_key_has_a_name() {
        let keys = Keys {
            peer_callee: 7,
            ..Keys::default()
        };
        assert_eq!(Keys::by_name("peer_callee").map(|of| of(&keys)), Some(7));
        assert!(Keys::by_name("other").is_none());
    }
}
