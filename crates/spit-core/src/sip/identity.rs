//! Who calls: what the headers say, and what of it to believe (RFC 3325, 3GPP TS 24.229).

use std::borrow::Cow;

use super::header::HeaderId;
use super::message::Message;
use super::numbers::NumberRules;
use super::uri::{elements, param, NameAddr, Uri};

/// Values of P-Asserted-Identity and Remote-Party-ID that are looked at. RFC 3325 allows two.
const MAX_VALUES: usize = 8;

/// The canonical identity that the network asserts of the caller.
///
/// P-Asserted-Identity may name a SIP URI and a tel URI: the one that is a number is taken, else the first. Without it,
/// and only from a trusted peer, Remote-Party-ID of the calling party counts (draft-ietf-sip-privacy-04).
/// P-Preferred-Identity is what a user agent wishes (RFC 3325 section 9.2), so it is passed over.
pub fn asserted_identity<'a>(message: &Message<'a>, trusted: bool, numbers: &NumberRules) -> Option<Cow<'a, [u8]>> {
    let asserted = addresses(message, HeaderId::PAssertedIdentity).map(|address| address.uri);
    number_first(asserted, numbers).or_else(|| {
        let calling = addresses(message, HeaderId::RemotePartyId)
            .filter(|_| trusted)
            .filter(|address| {
                address
                    .param(b"party")
                    .is_none_or(|p| p.eq_ignore_ascii_case(b"calling"))
            })
            .map(|address| address.uri);
        number_first(calling, numbers)
    })
}

/// The first of the URIs that is a number, else the first.
fn number_first<'a>(uris: impl Iterator<Item = &'a [u8]>, numbers: &NumberRules) -> Option<Cow<'a, [u8]>> {
    let mut first = None;
    for uri in uris {
        match numbers.canonical(uri) {
            Some(identity) if identity.starts_with(b"+") => return Some(identity),
            identity => first = first.or(identity),
        }
    }
    first
}

/// The result of verification that a network wrote into the caller's address (3GPP TS 24.229 section 7.2A.20).
///
/// It is a parameter of the tel URI, or of the user part of a SIP URI; parameters of the SIP URI or of the header are
/// accepted too. Its word counts only from a trusted peer.
pub fn verstat<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    addresses(message, HeaderId::PAssertedIdentity)
        .chain(message.header(HeaderId::From).map(NameAddr::parse))
        .find_map(|address| {
            let uri = Uri::parse(address.uri);
            uri.and_then(|uri| param(uri.user_params, b"verstat").or_else(|| param(uri.params, b"verstat")))
                .or_else(|| address.param(b"verstat"))
                .filter(|value| !value.is_empty())
        })
}

fn addresses<'a, 'm>(message: &'m Message<'a>, id: HeaderId) -> impl Iterator<Item = NameAddr<'a>> + 'm {
    message
        .each(id)
        .flat_map(elements)
        .take(MAX_VALUES)
        .map(NameAddr::parse)
}

/// Why a call must never be blocked, whatever its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Exemption {
    /// An emergency call: `urn:service:sos` (RFC 5031).
    Emergency,
    /// A call back from a public safety answering point (RFC 7090).
    PsapCallback,
    /// Resource-Priority (RFC 4412).
    ResourcePriority,
}

impl Exemption {
    /// The name that the records use.
    pub fn name(self) -> &'static str {
        match self {
            Exemption::Emergency => "emergency",
            Exemption::PsapCallback => "psap_callback",
            Exemption::ResourcePriority => "resource_priority",
        }
    }

    /// Reads the exemption from a request.
    pub fn of(request_uri: &[u8], to_uri: &[u8], message: &Message<'_>) -> Option<Exemption> {
        const SOS: &[u8] = b"urn:service:sos";
        let is_sos = |uri: &[u8]| uri.get(..SOS.len()).is_some_and(|u| u.eq_ignore_ascii_case(SOS));
        if is_sos(request_uri) || is_sos(to_uri) {
            return Some(Exemption::Emergency);
        }
        let priority = message.header(HeaderId::Priority).unwrap_or(b"");
        if priority.eq_ignore_ascii_case(b"psap-callback") {
            return Some(Exemption::PsapCallback);
        }
        message
            .header(HeaderId::ResourcePriority)
            .map(|_| Exemption::ResourcePriority)
    }
}
