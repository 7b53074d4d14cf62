//! Header names: the ones this project reads, in full and compact form (RFC 3261 section 7.3.3).

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

            const fn full_name(self) -> &'static str {
                match self { $(HeaderId::$id => $full),+, HeaderId::Other => "" }
            }

            fn of_compact(letter: u8) -> HeaderId {
                match letter { $($($compact => HeaderId::$id,)?)+ _ => HeaderId::Other }
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

/// A known name, found under the hash of its first letters in lower case.
///
/// The name stands in words of eight letters, because looking it up by id costs a jump that is never predicted, and
/// comparing it byte by byte costs more than the rest of the search.
#[derive(Clone, Copy)]
struct Slot {
    /// The first eight letters in lower case.
    letters: u64,
    /// The first eight letters in the usual case.
    first: u64,
    /// The last eight letters in the usual case; of short names, the first ones again.
    last: u64,
    name: &'static [u8],
    id: HeaderId,
}

const SLOTS: usize = 256;
const EMPTY: Slot = Slot {
    letters: 0,
    first: 0,
    last: 0,
    name: b"",
    id: HeaderId::Other,
};
/// The bit that makes letters lower-case.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// Known names by their first letters: one multiplication and mostly one look instead of a walk through the names.
static NAMES: [Slot; SLOTS] = build_names();

const fn build_names() -> [Slot; SLOTS] {
    let mut slots = [EMPTY; SLOTS];
    let mut i = 0;
    while i < HeaderId::ALL.len() {
        let id = HeaderId::ALL[i];
        let name = id.full_name().as_bytes();
        let first = first_letters(name, name.len());
        let letters = first | (LOWER & mask(name.len()));
        let last = last_letters(name, name.len(), first);
        let mut at = slot_of(letters);
        while slots[at].letters != 0 {
            at = (at + 1) % SLOTS;
        }
        slots[at] = Slot {
            letters,
            first,
            last,
            name,
            id,
        };
        i += 1;
    }
    slots
}

const fn slot_of(letters: u64) -> usize {
    (letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

/// All bits of the first `len` bytes of a word.
const fn mask(len: usize) -> u64 {
    if len >= 8 {
        u64::MAX
    } else {
        (1 << (8 * len)) - 1
    }
}

/// The first eight bytes of the name at the front of `line`, missing ones 0.
#[inline]
const fn first_letters(line: &[u8], len: usize) -> u64 {
    if let Some(eight) = line.first_chunk::<8>() {
        return u64::from_le_bytes(*eight) & mask(len);
    }
    let mut letters = 0;
    let mut i = 0;
    while i < len && i < line.len() {
        letters |= (line[i] as u64) << (8 * i);
        i += 1;
    }
    letters
}

/// The last eight bytes of the name at the front of `line`; `first` for names that are shorter.
#[inline]
const fn last_letters(line: &[u8], len: usize, first: u64) -> u64 {
    if len > 8 {
        if let Some((name, _)) = line.split_at_checked(len) {
            if let Some(eight) = name.last_chunk::<8>() {
                return u64::from_le_bytes(*eight);
            }
        }
    }
    first
}

impl HeaderId {
    /// The id of the header name that is the first `len` bytes of a line, in any case and either form.
    ///
    /// `line` goes on behind the name, so that eight bytes can be looked at together.
    #[inline]
    pub fn of(line: &[u8], len: usize) -> HeaderId {
        let Some(name) = line.get(..len) else {
            return HeaderId::Other;
        };
        if let [letter] = name {
            return Self::of_compact(letter.to_ascii_lowercase());
        }
        let first = first_letters(line, len);
        let letters = first | (LOWER & mask(len));
        let mut at = slot_of(letters);
        loop {
            let slot = &NAMES[at];
            if slot.letters == 0 {
                return HeaderId::Other;
            }
            if slot.letters == letters && slot.name.len() == len {
                // Two words cover the names of up to 16 letters; nearly all senders write the usual case.
                let usual = first == slot.first && last_letters(line, len, first) == slot.last;
                if (usual && len <= 16) || name.eq_ignore_ascii_case(slot.name) {
                    return slot.id;
                }
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// Whether RFC 3261 allows the header once only (table 2), among those that tracking depends on.
    pub fn stands_once(self) -> bool {
        matches!(
            self,
            HeaderId::From
                | HeaderId::To
                | HeaderId::CallId
                | HeaderId::CSeq
                | HeaderId::ContentLength
                | HeaderId::ContentType
                | HeaderId::MaxForwards
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in a message, and at the end of one.
    fn of(name: &[u8]) -> HeaderId {
        let id = HeaderId::of(name, name.len());
        let line = [name, b": value and more"].concat();
        assert_eq!(HeaderId::of(&line, name.len()), id, "{}", name.escape_ascii());
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
