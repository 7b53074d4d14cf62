//! What the INVITE or MESSAGE alone shows of a call.

use std::borrow::Cow;
use std::net::IpAddr;

use super::claims::{self, PassportCounts};
use super::digest::Digester;
use super::event::Text;
use super::texts::{cut, pack, TextValues, Texts};
use crate::decode::{Seen, Transport};
use crate::sip::diversion::diverted_by;
use crate::sip::fingerprint::Fingerprinter;
use crate::sip::framing;
use crate::sip::head::HeaderTable;
use crate::sip::header::HeaderId;
use crate::sip::identity::{asserted_identity, verstat, Exemption};
use crate::sip::message::Message;
use crate::sip::start_line::StartLine;
use crate::sip::uri::NameAddr;

/// Everything that a call keeps of its first request, but for the texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Where the packed texts stand among those of all attempts.
    texts: (usize, usize),
    /// Where the User-Agent stands behind them: it is kept apart, because many calls share it.
    agent: Option<(usize, usize)>,
    pub(super) source_ip: IpAddr,
    pub(super) transport: Transport,
    pub(super) fingerprint: u64,
    /// The transaction of the request.
    pub(super) branch: u64,
    /// Caller and callee as one hash, 0 when one of them is not known.
    pub(super) parties: u64,
    /// The local UUID of Session-ID, 0 without one.
    pub(super) session: u64,
    /// Call-IDs that headers of a B2BUA name, 0 where there is none.
    pub(super) other_call_ids: [u64; 2],
    pub(super) attestation: Option<char>,
    pub(super) passports: PassportCounts,
    pub(super) exemption: Option<Exemption>,
}

/// Attempts in order; the texts of all stand in one place.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    list: Vec<Option<Attempt>>,
    texts: Vec<u8>,
    fingerprinter: Fingerprinter,
    /// Requests that nobody has read yet: where each stands among `requests`.
    kept: Vec<(usize, usize, Seen)>,
    requests: Vec<u8>,
}

/// An attempt with its texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptView<'a> {
    pub(super) facts: &'a Attempt,
    texts: &'a [u8],
}

impl Attempts {
    pub(super) fn push(&mut self, digester: &Digester, message: &Message<'_>, seen: &Seen) {
        let attempt = read(message, seen, digester, &mut self.texts, &mut self.fingerprinter);
        self.list.push(Some(attempt));
    }

    /// Keeps the request, to be read by `read_kept`.
    pub(super) fn keep(&mut self, message: &Message<'_>, seen: &Seen) {
        let start = self.requests.len();
        self.requests.extend_from_slice(message.whole());
        self.kept.push((start, self.requests.len(), *seen));
    }

    /// Reads the requests that were kept, in order, behind those that were pushed.
    pub(super) fn read_kept(&mut self, digester: &Digester, table: &mut HeaderTable) {
        for (start, end, seen) in self.kept.drain(..) {
            let message = framing::framed(&self.requests[start..end], table);
            let attempt =
                message.map(|message| read(&message, &seen, digester, &mut self.texts, &mut self.fingerprinter));
            self.list.push(attempt);
        }
        self.requests.clear();
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
        self.kept.clear();
        self.requests.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<AttemptView<'_>>> {
        self.list
            .iter()
            .map(|facts| facts.as_ref().map(|facts| self.view(facts)))
    }

    pub(super) fn get(&self, at: usize) -> Option<AttemptView<'_>> {
        self.list.get(at)?.as_ref().map(|facts| self.view(facts))
    }

    fn view<'a>(&'a self, facts: &'a Attempt) -> AttemptView<'a> {
        AttemptView {
            facts,
            texts: &self.texts,
        }
    }
}

impl AttemptView<'_> {
    /// The texts in memory of their own.
    pub(super) fn texts(&self) -> Texts {
        Texts::keep(&self.texts[self.facts.texts.0..self.facts.texts.1])
    }

    /// The User-Agent.
    pub(super) fn agent(&self) -> Option<&[u8]> {
        self.facts.agent.map(|(start, end)| &self.texts[start..end])
    }
}

fn read(
    message: &Message<'_>,
    seen: &Seen,
    digester: &Digester,
    bytes: &mut Vec<u8>,
    fingerprinter: &mut Fingerprinter,
) -> Attempt {
    let identity = &digester.identity;
    let (is_message, request_uri) = match message.start {
        StartLine::Request { method, uri } => (method == b"MESSAGE", uri),
        StartLine::Response { .. } => (false, &b""[..]),
    };
    let from = message.header(HeaderId::From).map(NameAddr::parse).unwrap_or_default();
    let to = message.header(HeaderId::To).map(NameAddr::parse).unwrap_or_default();
    let trusted = identity.trusts(seen.source.ip());
    let asserted = asserted_identity(message, trusted, &identity.numbers);
    let claimed = identity.numbers.canonical(from.uri);
    // What a trusted peer asserts, else From (RFC 3325); PASSporTs are not verified here.
    let caller = match &asserted {
        Some(asserted) if trusted => Some(asserted),
        _ => claimed.as_ref(),
    };
    let callee = identity.numbers.canonical(to.uri);
    let verstat = trusted.then(|| verstat(message)).flatten();
    let passport = match message.header(HeaderId::Identity) {
        Some(_) => {
            let requested = identity.numbers.canonical(request_uri);
            let caller = caller.map(|caller| &**caller);
            claims::read(
                message,
                &identity.numbers,
                caller,
                [callee.as_deref(), requested.as_deref()],
            )
        }
        None => claims::PassportFacts::default(),
    };
    let (fingerprint, media) = fingerprinter.fingerprint(message);
    let media = if is_message {
        Some(Cow::Borrowed(&b"message"[..]))
    } else {
        media.joined()
    };
    let diverted = diverted_by(message)
        .and_then(|uri| identity.numbers.canonical(uri))
        .or(passport.diverted_by.map(Cow::Owned));
    let mut values: TextValues<'_> = [None; Text::COUNT];
    values[Text::CallId as usize] = message.header(HeaderId::CallId);
    values[Text::Caller as usize] = caller.map(|caller| &**caller);
    values[Text::Callee as usize] = callee.as_deref();
    values[Text::CallerUri as usize] = Some(from.uri).filter(|uri| !uri.is_empty());
    values[Text::CalleeUri as usize] = Some(to.uri).filter(|uri| !uri.is_empty());
    values[Text::RequestUri as usize] = Some(request_uri);
    values[Text::AssertedIdentity as usize] = asserted.as_deref();
    values[Text::Origid as usize] = passport.origid.as_deref().map(str::as_bytes);
    values[Text::Verstat as usize] = verstat;
    values[Text::Media as usize] = media.as_deref();
    values[Text::DivertedBy as usize] = diverted.as_deref();
    values[Text::PassportTypes as usize] = passport.types.as_deref().map(str::as_bytes);
    values[Text::PassportOrig as usize] = passport.orig.as_deref();
    values[Text::PassportMismatch as usize] = passport.mismatch.map(|mismatch| mismatch.name().as_bytes());
    values[Text::PassportIat as usize] = passport.iat.as_deref().map(str::as_bytes);
    let named = |id| message.header(id).map_or(0, |v| digester.hash(v));
    let start = bytes.len();
    pack(&values, seen.source.ip(), seen.destination.ip(), bytes);
    let texts = (start, bytes.len());
    let agent = message.header(HeaderId::UserAgent).map(|agent| {
        bytes.extend_from_slice(cut(agent));
        (texts.1, bytes.len())
    });
    Attempt {
        texts,
        agent,
        source_ip: seen.source.ip(),
        transport: seen.transport,
        fingerprint,
        branch: digester.branch(message),
        parties: match (caller, &callee) {
            (Some(caller), Some(callee)) => digester.hash2(caller, callee),
            _ => 0,
        },
        session: digester.session(message),
        other_call_ids: [named(HeaderId::XCallId), named(HeaderId::XCid)],
        attestation: passport.attestation,
        passports: passport.counts,
        exemption: Exemption::of(request_uri, to.uri, message),
    }
}
