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

            fn full_name(self) -> &'static str {
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
    Via "via" b'v',
    From "from" b'f',
    To "to" b't',
    CallId "call-id" b'i',
    CSeq "cseq",
    Contact "contact" b'm',
    ContentLength "content-length" b'l',
    ContentType "content-type" b'c',
    UserAgent "user-agent",
    Server "server",
    MaxForwards "max-forwards",
    Route "route",
    RecordRoute "record-route",
    Authorization "authorization",
    ProxyAuthorization "proxy-authorization",
    PAssertedIdentity "p-asserted-identity",
    PPreferredIdentity "p-preferred-identity",
    RemotePartyId "remote-party-id",
    Identity "identity" b'y',
    Diversion "diversion",
    HistoryInfo "history-info",
    Priority "priority",
    ResourcePriority "resource-priority",
    SessionExpires "session-expires" b'x',
    SessionId "session-id",
    XCallId "x-call-id",
    XCid "x-cid",
    Supported "supported" b'k',
    Allow "allow",
    AllowEvents "allow-events" b'u',
    Event "event" b'o',
    Expires "expires",
    Accept "accept",
    Subject "subject" b's',
    Date "date",
    ReferTo "refer-to" b'r',
    ContentEncoding "content-encoding" b'e',
    Require "require",
    RetryAfter "retry-after",
    Reason "reason",
    Warning "warning",
    MinSe "min-se",
    PAccessNetworkInfo "p-access-network-info",
}

impl HeaderId {
    /// The id of a header name in any case and either form.
    #[inline]
    pub fn of(name: &[u8]) -> HeaderId {
        if let [letter] = name {
            return Self::of_compact(letter.to_ascii_lowercase());
        }
        // Length and first letter single out at most a few names; only those are compared.
        let first = match name.first() {
            Some(b) => b.to_ascii_lowercase(),
            None => return HeaderId::Other,
        };
        let candidates: &[HeaderId] = match (name.len(), first) {
            (3, b'v') => &[HeaderId::Via],
            (4, b'f') => &[HeaderId::From],
            (2, b't') => &[HeaderId::To],
            (7, b'c') => &[HeaderId::CallId, HeaderId::Contact],
            (4, b'c') => &[HeaderId::CSeq],
            (14, b'c') => &[HeaderId::ContentLength],
            (12, b'c') => &[HeaderId::ContentType],
            (16, b'c') => &[HeaderId::ContentEncoding],
            (10, b'u') => &[HeaderId::UserAgent],
            (6, b's') => &[HeaderId::Server],
            (12, b'm') => &[HeaderId::MaxForwards],
            (6, b'm') => &[HeaderId::MinSe],
            (5, b'r') => &[HeaderId::Route],
            (6, b'r') => &[HeaderId::Reason],
            (7, b'r') => &[HeaderId::Require],
            (8, b'r') => &[HeaderId::ReferTo],
            (11, b'r') => &[HeaderId::RetryAfter],
            (12, b'r') => &[HeaderId::RecordRoute],
            (15, b'r') => &[HeaderId::RemotePartyId],
            (17, b'r') => &[HeaderId::ResourcePriority],
            (13, b'a') => &[HeaderId::Authorization],
            (5, b'a') => &[HeaderId::Allow],
            (6, b'a') => &[HeaderId::Accept],
            (12, b'a') => &[HeaderId::AllowEvents],
            (19, b'p') => &[HeaderId::PAssertedIdentity, HeaderId::ProxyAuthorization],
            (20, b'p') => &[HeaderId::PPreferredIdentity],
            (21, b'p') => &[HeaderId::PAccessNetworkInfo],
            (8, b'p') => &[HeaderId::Priority],
            (8, b'i') => &[HeaderId::Identity],
            (9, b'd') => &[HeaderId::Diversion],
            (4, b'd') => &[HeaderId::Date],
            (12, b'h') => &[HeaderId::HistoryInfo],
            (15, b's') => &[HeaderId::SessionExpires],
            (10, b's') => &[HeaderId::SessionId],
            (9, b's') => &[HeaderId::Supported],
            (7, b's') => &[HeaderId::Subject],
            (9, b'x') => &[HeaderId::XCallId],
            (5, b'x') => &[HeaderId::XCid],
            (5, b'e') => &[HeaderId::Event],
            (7, b'e') => &[HeaderId::Expires],
            (7, b'w') => &[HeaderId::Warning],
            _ => &[],
        };
        candidates
            .iter()
            .copied()
            .find(|id| name.eq_ignore_ascii_case(id.full_name().as_bytes()))
            .unwrap_or(HeaderId::Other)
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

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for id in HeaderId::ALL {
            let name = id.full_name();
            assert_eq!(HeaderId::of(name.as_bytes()), *id, "{name}");
            assert_eq!(HeaderId::of(name.to_uppercase().as_bytes()), *id, "{name}");
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
            assert_eq!(HeaderId::of(letter), id);
        }
        assert_eq!(HeaderId::of(b"z"), HeaderId::Other);
        assert_eq!(HeaderId::of(b""), HeaderId::Other);
    }
}
