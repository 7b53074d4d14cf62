//! Named oddities of SIP messages. An anomaly describes; it is never a reason to stop.

macro_rules! anomalies {
    ($($bit:literal $konst:ident $name:literal $doc:literal),+ $(,)?) => {
        impl Anomalies {
            $(#[doc = $doc] pub const $konst: Anomalies = Anomalies(1 << $bit);)+
            /// Every anomaly: its bit, its name and what it means, in bit order.
            pub const ALL: &'static [(Anomalies, &'static str, &'static str)] =
                &[$((Anomalies::$konst, $name, $doc)),+];
        }
    };
}

/// A set of anomalies, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
pub struct Anomalies(u32);

anomalies! {
    0  BARE_LF "bare_lf" "A line ended with LF alone (RFC 3261 section 7 asks for CRLF).",
    1  FOLDED_HEADER "folded_header" "A header value went on over several lines (RFC 3261 section 7.3.1).",
    2  TRUNCATED "truncated" "The capture kept only a part of the packet.",
    3  NO_HEADER_END "no_header_end" "The headers did not end with an empty line.",
    4  LEADING_BYTES "leading_bytes" "Bytes other than CRLF stood before the start line.",
    5  TRAILING_BYTES "trailing_bytes" "Bytes that are no message followed the body in the datagram (RFC 3261 section 18.3).",
    6  LATER_IN_DATAGRAM "later_in_datagram" "The message followed another one in the same datagram.",
    7  BAD_CONTENT_LENGTH "bad_content_length" "Content-Length is not a number.",
    8  SHORT_BODY "short_body" "The body is shorter than Content-Length says.",
    9  NO_CONTENT_LENGTH "no_content_length" "A message over a stream has no Content-Length (RFC 3261 section 18.3).",
    10 BAD_HEADER_LINE "bad_header_line" "A header line has no colon or no name.",
    11 TOO_MANY_HEADERS "too_many_headers" "More headers than are kept; the rest were passed over.",
    12 NO_CALL_ID "no_call_id" "The Call-ID is missing or empty.",
    13 NO_CSEQ "no_cseq" "CSeq is missing.",
    14 BAD_CSEQ "bad_cseq" "CSeq is not a number below 2^32 and a method.",
    15 CSEQ_METHOD "cseq_method" "The method of CSeq is not that of the request.",
    16 NO_FROM "no_from" "From is missing.",
    17 NO_TO "no_to" "To is missing.",
    18 NO_VIA "no_via" "Via is missing.",
    19 REPEATED_HEADER "repeated_header" "A header that may stand once stands several times.",
    20 BAD_START_LINE "bad_start_line" "The start line has spaces or parts that it should not have.",
    21 BAD_STATUS "bad_status" "The status code is not three digits from 100 to 699.",
    22 BAD_VERSION "bad_version" "The SIP version is not 2.0.",
    23 NON_UTF8 "non_utf8" "A value that is shown is not UTF-8; the wrong bytes are shown as U+FFFD.",
    24 BAD_IDENTITY "bad_identity" "An Identity header holds no PASSporT that can be read (RFC 8224).",
}

impl Anomalies {
    /// No anomaly.
    pub const NONE: Anomalies = Anomalies(0);

    /// Adds every anomaly of `other`.
    #[inline]
    pub fn add(&mut self, other: Anomalies) {
        self.0 |= other.0;
    }

    /// Whether every anomaly of `other` is in the set.
    #[inline]
    pub fn has(self, other: Anomalies) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the set, in bit order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL
            .iter()
            .filter(move |(bit, _, _)| self.has(*bit))
            .map(|(_, name, _)| *name)
    }
}

impl std::ops::BitOr for Anomalies {
    type Output = Anomalies;
    fn bitor(self, other: Anomalies) -> Anomalies {
        Anomalies(self.0 | other.0)
    }
}
