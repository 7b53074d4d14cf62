//! Header names: the ones this project reads, in full and compact form (RFC 3261 section 7.3.3).

use memchr::memchr;
use wide::u8x16;

macro_rules! headers {
    ($($id:ident $full:literal $($compact:literal)?),+ $(,)?) => {
        /// A header this project knows by name; everything else is `Other`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum HeaderId { $($id),+, Other }

        impl HeaderId {
            /// How many ids there are, `Other` not counted.
            pub const KNOWN: usize = HeaderId::Other as usize;

            /// The name as it is usually written; empty for `Other`.
            pub const fn full_name(self) -> &'static str {
                match self { $(HeaderId::$id => $full),+, HeaderId::Other => "" }
            }

            /// The letter of the compact form, 0 without one.
            const fn compact(self) -> u8 {
                match self { $($(HeaderId::$id => $compact,)?)+ _ => 0 }
            }

            /// Every known header in declaration order.
            pub const ALL: &'static [HeaderId] = &[$(HeaderId::$id),+];
        }
    };
}

headers! {
    Via "Via" b'v',
    From "From" b'f',
    To "To" b't',
    CallId "Call-ID" b'i',
    CSeq "CSeq",
    Contact "Contact" b'm',
    ContentLength "Content-Length" b'l',
    ContentType "Content-Type" b'c',
    UserAgent "User-Agent",
    Server "Server",
    MaxForwards "Max-Forwards",
    Route "Route",
    RecordRoute "Record-Route",
    Authorization "Authorization",
    ProxyAuthorization "Proxy-Authorization",
    PAssertedIdentity "P-Asserted-Identity",
    PPreferredIdentity "P-Preferred-Identity",
    RemotePartyId "Remote-Party-ID",
    Identity "Identity" b'y',
    Diversion "Diversion",
    HistoryInfo "History-Info",
    Priority "Priority",
    ResourcePriority "Resource-Priority",
    SessionExpires "Session-Expires" b'x',
    SessionId "Session-ID",
    XCallId "X-Call-ID",
    XCid "X-CID",
    Supported "Supported" b'k',
    Allow "Allow",
    AllowEvents "Allow-Events" b'u',
    Event "Event" b'o',
    Expires "Expires",
    Accept "Accept",
    Subject "Subject" b's',
    Date "Date",
    ReferTo "Refer-To" b'r',
    ContentEncoding "Content-Encoding" b'e',
    Require "Require",
    RetryAfter "Retry-After",
    Reason "Reason",
    Warning "Warning",
    MinSe "Min-SE",
    PAccessNetworkInfo "P-Access-Network-Info",
}

/// Letters that are looked at together; the longest names go on behind them.
const WORD: usize = 16;

/// A known name.
#[derive(Clone, Copy)]
struct Slot {
    /// The first [`WORD`] letters in the case that nearly all senders use, the first letter lowest.
    letters: u128,
    /// Below [`WORD`], else [`LONG`].
    len: u8,
    id: HeaderId,
}

/// The length of names that fill a word or more.
const LONG: u8 = u8::MAX;

const SLOT_BITS: u32 = 8;

/// Known names, each in a slot of its own whatever its case: one multiplication and one comparison instead of a walk
/// through the names.
struct Names {
    multiplier: u64,
    slots: [Slot; 1 << SLOT_BITS],
}

static NAMES: Names = build_names();

/// Tries multipliers until no two names share a slot; this runs while the program is compiled.
const fn build_names() -> Names {
    let mut multiplier: u64 = 0x9e37_79b9_7f4a_7c15;
    loop {
        if let Some(slots) = fill_slots(multiplier) {
            return Names { multiplier, slots };
        }
        multiplier = multiplier.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2) | 1;
    }
}

const fn fill_slots(multiplier: u64) -> Option<[Slot; 1 << SLOT_BITS]> {
    let empty = Slot {
        // No name has such letters.
        letters: u128::MAX,
        len: 0,
        id: HeaderId::Other,
    };
    let mut slots = [empty; 1 << SLOT_BITS];
    let mut i = 0;
    while i < HeaderId::ALL.len() {
        let id = HeaderId::ALL[i];
        let full = id.full_name().as_bytes();
        let compact = [id.compact()];
        let names: [&[u8]; 2] = [full, if compact[0] == 0 { full } else { &compact }];
        let mut form = 0;
        while form < 2 && (form == 0 || compact[0] != 0) {
            let letters = first_letters(names[form]);
            let at = slot_of(letters, word_len(names[form]), multiplier);
            if slots[at].len != 0 {
                return None;
            }
            slots[at] = Slot {
                letters,
                len: if names[form].len() < WORD {
                    names[form].len() as u8
                } else {
                    LONG
                },
                id,
            };
            form += 1;
        }
        i += 1;
    }
    Some(slots)
}

/// Whether a line goes on behind the first [`WORD`] letters as a long name does, with a colon behind it.
#[inline]
fn goes_on_as(id: HeaderId, line: &[u8]) -> bool {
    let name = id.full_name().as_bytes();
    let rest = name.get(WORD..).unwrap_or(b"");
    line.get(WORD..name.len()) == Some(rest) && line.get(name.len()) == Some(&b':')
}

/// The slot of a name by its first eight letters and its length, the same in upper and lower case.
#[inline]
const fn slot_of(letters: u128, len: usize, multiplier: u64) -> usize {
    // The bit that makes letters lower-case.
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let known = (letters as u64 | LOWER).wrapping_add(len as u64);
    (known.wrapping_mul(multiplier) >> (64 - SLOT_BITS)) as usize
}

/// The length of a name as far as it is looked at together.
const fn word_len(name: &[u8]) -> usize {
    if name.len() < WORD {
        name.len()
    } else {
        WORD
    }
}

/// The first letters of a name, missing ones 0.
const fn first_letters(name: &[u8]) -> u128 {
    let mut letters = 0;
    let mut i = 0;
    while i < name.len() && i < WORD {
        letters |= (name[i] as u128) << (8 * i);
        i += 1;
    }
    letters
}

/// All bits of the first bytes of a word, by their number.
static FIRST_BYTES: [u128; WORD + 1] = {
    let mut masks = [u128::MAX; WORD + 1];
    let mut len = 0;
    while len < WORD {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

/// A name without the white space that may stand between it and its colon (RFC 3261 section 25.1: HCOLON). Elements
/// take a name behind any other byte for another name.
pub(crate) fn trim_name(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

impl HeaderId {
    /// The name at the front of a header line of `len` bytes, and where its colon stands; `None` when there is no colon
    /// or no name. What follows the line in `bytes` lets many be looked at together.
    #[inline]
    pub(crate) fn at(bytes: &[u8], len: usize) -> Option<(HeaderId, usize)> {
        // A name holds no line end, so its colon stands in the line.
        Self::at_usual(bytes).or_else(|| Self::at_unusual(&bytes[..len.min(bytes.len())]))
    }

    /// A known name in the case that nearly all senders use, with its colon right behind it, at the front of `bytes`.
    #[inline(always)] // Called once for each header line.
    pub(crate) fn at_usual(bytes: &[u8]) -> Option<(HeaderId, usize)> {
        let word = bytes.first_chunk::<WORD>()?;
        let colons = u8x16::new(*word).simd_eq(u8x16::splat(b':')).to_bitmask();
        let colon = (colons | 1 << WORD).trailing_zeros() as usize;
        let letters = u128::from_le_bytes(*word) & FIRST_BYTES[colon];
        let slot = &NAMES.slots[slot_of(letters, colon, NAMES.multiplier)];
        if slot.letters != letters {
            return None;
        }
        if usize::from(slot.len) == colon {
            return Some((slot.id, colon));
        }
        (slot.len == LONG && goes_on_as(slot.id, bytes)).then(|| (slot.id, slot.id.full_name().len()))
    }

    #[inline(never)]
    fn at_unusual(line: &[u8]) -> Option<(HeaderId, usize)> {
        let colon = memchr(b':', line).filter(|colon| *colon > 0)?;
        Some((HeaderId::of(trim_name(&line[..colon])), colon))
    }

    /// The id of a header name in any case and either form.
    pub fn of(name: &[u8]) -> HeaderId {
        let slot = &NAMES.slots[slot_of(first_letters(name), word_len(name), NAMES.multiplier)];
        let full = slot.id.full_name().as_bytes();
        let same = match name {
            [letter] => letter.to_ascii_lowercase() == slot.id.compact(),
            _ => name.eq_ignore_ascii_case(full),
        };
        if same && slot.len > 0 {
            slot.id
        } else {
            HeaderId::Other
        }
    }

    /// The header's bit in a set of headers.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << (self as u8 & 63)
    }

    /// The headers that RFC 3261 (table 2) allows once only, among those that tracking depends on.
    pub(crate) const STAND_ONCE: u64 = HeaderId::From.bit()
        | HeaderId::To.bit()
        | HeaderId::CallId.bit()
        | HeaderId::CSeq.bit()
        | HeaderId::ContentLength.bit()
        | HeaderId::ContentType.bit()
        | HeaderId::MaxForwards.bit();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By name, in a message and at its end.
    fn of(name: &[u8]) -> HeaderId {
        let id = HeaderId::of(name);
        for behind in [&b": value and much more"[..], b":", b" : value and much more"] {
            let line = [name, behind].concat();
            let at = (!name.is_empty()).then(|| (id, name.len() + behind.iter().position(|b| *b == b':').unwrap()));
            if !name.is_empty() {
                assert_eq!(HeaderId::at(&line, line.len()), at, "{}", line.escape_ascii());
            }
        }
        assert_eq!(HeaderId::at(name, name.len()), None);
        id
    }

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for id in HeaderId::ALL {
            let name = id.full_name();
            assert_eq!(of(name.as_bytes()), *id, "{name}");
            assert_eq!(of(name.to_uppercase().as_bytes()), *id, "{name}");
            assert_eq!(of(name.to_lowercase().as_bytes()), *id, "{name}");
        }
    }

    #[test]
    fn names_that_are_nearly_known_are_others() {
        for name in [
            &b"Call\rID"[..],
            b"Vi",
            b"Viaa",
            b"Content-Lengtz",
            b"User-Agen",
            b"\0\0\0",
            b"Contact-Length",
            b"\x0cVia",
            b"Via\x0c",
            b"\rv",
        ] {
            assert_eq!(of(name), HeaderId::Other, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn compact_forms_are_the_full_ones() {
        for (letter, id) in [
            (b"v", HeaderId::Via),
            (b"F", HeaderId::From),
            (b"t", HeaderId::To),
            (b"I", HeaderId::CallId),
            (b"m", HeaderId::Contact),
            (b"l", HeaderId::ContentLength),
            (b"c", HeaderId::ContentType),
            (b"x", HeaderId::SessionExpires),
            (b"y", HeaderId::Identity),
        ] {
            assert_eq!(of(letter), id);
        }
        assert_eq!(of(b"z"), HeaderId::Other);
        assert_eq!(of(b""), HeaderId::Other);
    }
}
