//! What the INVITE or MESSAGE alone shows of a call.

use super::event::Text;
use super::settings::IdentitySettings;
use super::state::TextBuilder;
use crate::decode::Seen;
use crate::sip::fingerprint::fingerprint;
use crate::sip::header::HeaderId;
use crate::sip::identity::{diverted_by, Exemption};
use crate::sip::message::{Message, StartLine};
use crate::sip::uri::{param, NameAddr, Uri};
use crate::sip::{passport, sdp};

/// Facts of an attempt that are not texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptFacts {
    pub(super) fingerprint: u64,
    pub(super) attestation: Option<char>,
    pub(super) exemption: Option<Exemption>,
}

/// Caller and callee, canonical.
#[derive(Clone, Debug, Default)]
pub(super) struct Parties {
    pub(super) caller: Option<Vec<u8>>,
    pub(super) callee: Option<Vec<u8>>,
    asserted: Option<Vec<u8>>,
    verstat: Option<Vec<u8>>,
}

impl Parties {
    /// The caller is P-Asserted-Identity from a trusted peer, else From (RFC 3325); PASSporTs are not verified here.
    pub(super) fn of(message: &Message<'_>, seen: &Seen, identity: &IdentitySettings) -> Parties {
        let from = message.header(HeaderId::From).map(NameAddr::parse).unwrap_or_default();
        let to = message.header(HeaderId::To).map(NameAddr::parse).unwrap_or_default();
        let pai = message.header(HeaderId::PAssertedIdentity).map(NameAddr::parse);
        let asserted = pai.and_then(|p| identity.numbers.canonical(p.uri));
        let trusted = identity.trusts(seen.source.ip());
        let claimed = identity.numbers.canonical(from.uri);
        let verstat = trusted
            .then(|| [pai.unwrap_or_default(), from].into_iter().find_map(verstat_of))
            .flatten();
        Parties {
            caller: match &asserted {
                Some(asserted) if trusted => Some(asserted.clone()),
                _ => claimed,
            },
            callee: identity.numbers.canonical(to.uri),
            asserted,
            verstat,
        }
    }
}

/// The verstat parameter of a URI or its user part (3GPP TS 24.229 section 7.2A.20).
fn verstat_of(address: NameAddr<'_>) -> Option<Vec<u8>> {
    let uri = Uri::parse(address.uri)?;
    param(uri.user_params, b"verstat")
        .or_else(|| param(uri.params, b"verstat"))
        .map(<[u8]>::to_vec)
}

/// Reads an attempt from its request; texts go to `texts`.
pub(super) fn read(
    message: &Message<'_>,
    parties: &Parties,
    identity: &IdentitySettings,
    is_message: bool,
    texts: &mut TextBuilder,
    scratch: &mut Vec<u8>,
) -> AttemptFacts {
    let request_uri = match message.start {
        StartLine::Request { uri, .. } => uri,
        StartLine::Response { .. } => b"",
    };
    let address = |id| {
        message
            .header(id)
            .map(|v| NameAddr::parse(v).uri)
            .filter(|u| !u.is_empty())
    };
    let passport = passport::shaken(message).unwrap_or_default();
    let media = if is_message {
        Some(b"message".to_vec())
    } else {
        sdp::media_types(message.body)
    };
    let diverted = diverted_by(message).and_then(|uri| identity.numbers.canonical(uri));
    texts.clear();
    texts.push(Text::CallId, message.header(HeaderId::CallId));
    texts.push(Text::Caller, parties.caller.as_deref());
    texts.push(Text::Callee, parties.callee.as_deref());
    texts.push(Text::CallerUri, address(HeaderId::From));
    texts.push(Text::CalleeUri, address(HeaderId::To));
    texts.push(Text::RequestUri, Some(request_uri));
    texts.push(Text::UserAgent, message.header(HeaderId::UserAgent));
    texts.push(Text::AssertedIdentity, parties.asserted.as_deref());
    texts.push(Text::Origid, passport.origid.as_deref().map(str::as_bytes));
    texts.push(Text::Verstat, parties.verstat.as_deref());
    texts.push(Text::Media, media.as_deref());
    texts.push(Text::DivertedBy, diverted.as_deref());
    AttemptFacts {
        fingerprint: fingerprint(message, scratch),
        attestation: passport.attestation,
        exemption: Exemption::of(request_uri, message),
    }
}
