//! What the tracker tells: attempts, answers and ends, each with the call as far as it is known.

use std::net::{IpAddr, Ipv4Addr};

use super::state::Call;
use super::texts::{TextPlaces, TextValues, NO_TEXTS};
use crate::decode::Transport;
use crate::sip::identity::Exemption;
use crate::Micros;

/// What a call without addresses shows; every call has them until it has ended.
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The kind of a call event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// An INVITE or MESSAGE outside a dialog.
    Attempt,
    /// The first 2xx to the INVITE.
    Answer,
    /// The call has ended, or tracking of it has.
    End,
}

impl EventKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [EventKind; 3] = [EventKind::Attempt, EventKind::Answer, EventKind::End];

    /// The name that the records use.
    pub const fn name(self) -> &'static str {
        match self {
            EventKind::Attempt => "attempt",
            EventKind::Answer => "answer",
            EventKind::End => "end",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Outcome {
    Answered,
    Busy,
    Declined,
    Cancelled,
    NotFound,
    NoAnswer,
    Redirected,
    Failed,
    Unauthorized,
    Unwanted,
    Incomplete,
}

impl Outcome {
    /// Every outcome, in the order of declaration.
    pub const ALL: [Outcome; 11] = [
        Outcome::Answered,
        Outcome::Busy,
        Outcome::Declined,
        Outcome::Cancelled,
        Outcome::NotFound,
        Outcome::NoAnswer,
        Outcome::Redirected,
        Outcome::Failed,
        Outcome::Unauthorized,
        Outcome::Unwanted,
        Outcome::Incomplete,
    ];

    /// The name that the records use.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Busy => "busy",
            Outcome::Declined => "declined",
            Outcome::Cancelled => "cancelled",
            Outcome::NotFound => "not_found",
            Outcome::NoAnswer => "no_answer",
            Outcome::Redirected => "redirected",
            Outcome::Failed => "failed",
            Outcome::Unauthorized => "unauthorized",
            Outcome::Unwanted => "unwanted",
            Outcome::Incomplete => "incomplete",
        }
    }

    /// What a final response to the INVITE means (RFC 3261 section 21, RFC 8197, RFC 8688).
    pub fn of_status(status: u16) -> Outcome {
        match status {
            200..=299 => Outcome::Answered,
            300..=399 => Outcome::Redirected,
            401 | 407 => Outcome::Unauthorized,
            404 | 410 | 484 | 604 => Outcome::NotFound,
            408 | 480 => Outcome::NoAnswer,
            486 | 600 => Outcome::Busy,
            487 => Outcome::Cancelled,
            603 | 608 => Outcome::Declined,
            607 => Outcome::Unwanted,
            _ => Outcome::Failed,
        }
    }
}

/// Who sent the BYE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum HangupBy {
    Caller,
    Callee,
    None,
}

impl HangupBy {
    /// Every one, in the order of declaration.
    pub const ALL: [HangupBy; 3] = [HangupBy::Caller, HangupBy::Callee, HangupBy::None];

    /// The name that the records use.
    pub const fn name(self) -> &'static str {
        match self {
            HangupBy::Caller => "caller",
            HangupBy::Callee => "callee",
            HangupBy::None => "none",
        }
    }
}

/// The texts that a call keeps, in the order in which they are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Text {
    CallId,
    Caller,
    Callee,
    CallerUri,
    CalleeUri,
    RequestUri,
    UserAgent,
    AssertedIdentity,
    Origid,
    Verstat,
    Media,
    DivertedBy,
    PassportTypes,
    PassportOrig,
    PassportMismatch,
    /// When the PASSporT was issued: seconds since the Unix epoch, as digits.
    PassportIat,
}

impl Text {
    /// How many texts there are.
    pub const COUNT: usize = Text::PassportIat as usize + 1;
}

/// Where events go.
pub trait EventSink {
    /// Takes one event. Events come in the order of their time.
    fn event(&mut self, kind: EventKind, time_us: Micros, call: &CallView<'_>);
}

impl<F: FnMut(EventKind, Micros, &CallView<'_>)> EventSink for F {
    fn event(&mut self, kind: EventKind, time_us: Micros, call: &CallView<'_>) {
        self(kind, time_us, call);
    }
}

/// A call as it is known at an event.
#[derive(Clone, Copy)]
pub struct CallView<'a> {
    pub(super) call: &'a Call,
    pub(super) agent: Option<&'a [u8]>,
    pub(super) end: Option<EndFacts>,
}

/// What only the end of a call knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndFacts {
    pub(super) end_us: Micros,
    pub(super) outcome: Outcome,
    pub(super) hangup_by: HangupBy,
    pub(super) censored: bool,
}

impl<'a> CallView<'a> {
    /// All of the call's texts in the order of [`Text`]; bytes as they came, perhaps not UTF-8.
    pub fn texts(&self) -> TextValues<'a> {
        let mut values = NO_TEXTS;
        self.call.texts.fill(&mut values);
        values[Text::UserAgent as usize] = self.agent;
        values
    }

    /// Fills `places`, which are [`NO_PLACES`](super::NO_PLACES), with those of the call's texts but for the User-Agent,
    /// which many calls share. Answers the bytes among which they stand, and one bit for each that is there.
    #[inline]
    pub fn text_places(&self, places: &mut TextPlaces) -> (&'a [u8], u16) {
        self.call.texts.places(places)
    }

    /// The User-Agent as it came, perhaps not UTF-8.
    #[inline]
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.agent
    }

    /// One of the call's texts.
    pub fn text(&self, text: Text) -> Option<&'a [u8]> {
        self.texts()[text as usize]
    }

    /// Whether the call is a MESSAGE and not an INVITE.
    #[inline]
    pub fn is_message(&self) -> bool {
        self.call.is_message
    }

    /// Time of the first INVITE.
    #[inline]
    pub fn start_us(&self) -> Micros {
        self.call.start_us
    }

    /// Sender of the first INVITE.
    #[inline]
    pub fn source_ip(&self) -> IpAddr {
        self.call.texts.source_ip().unwrap_or(NO_ADDRESS)
    }

    /// Receiver of the first INVITE.
    #[inline]
    pub fn destination_ip(&self) -> IpAddr {
        self.call.texts.destination_ip().unwrap_or(NO_ADDRESS)
    }

    /// Transport of the first INVITE.
    #[inline]
    pub fn transport(&self) -> Transport {
        self.call.transport
    }

    /// Fingerprint of the first INVITE.
    #[inline]
    pub fn fingerprint(&self) -> u64 {
        self.call.fingerprint
    }

    /// Attestation that the first INVITE claims.
    #[inline]
    pub fn attestation(&self) -> Option<char> {
        self.call.attestation
    }

    /// Seconds from the time at which the PASSporT says it was issued to the first INVITE; below 0 when the clocks
    /// differ. A minute is fresh (RFC 8224 section 6.2.4); an old one is replayed.
    #[inline]
    pub fn passport_iat_age_s(&self) -> Option<f64> {
        // Most calls have none, and this is asked of every event.
        if !self.call.texts.has(Text::PassportIat) {
            return None;
        }
        let iat = std::str::from_utf8(self.text(Text::PassportIat)?).ok()?;
        let iat_us = iat.parse::<Micros>().ok()?.saturating_mul(1_000_000);
        Some(self.call.start_us.saturating_sub(iat_us) as f64 / 1e6)
    }

    /// Why the call must never be blocked.
    #[inline]
    pub fn exemption(&self) -> Option<Exemption> {
        self.call.exemption
    }

    /// Time of the end; `None` before it.
    #[inline]
    pub fn end_us(&self) -> Option<Micros> {
        self.end.map(|e| e.end_us)
    }

    /// How the call ended; `None` before it.
    #[inline]
    pub fn outcome(&self) -> Option<Outcome> {
        self.end.map(|e| e.outcome)
    }

    /// Who hung up; `None` before the end.
    #[inline]
    pub fn hangup_by(&self) -> Option<HangupBy> {
        self.end.map(|e| e.hangup_by)
    }

    /// The last final response to the INVITE.
    #[inline]
    pub fn final_status(&self) -> Option<u16> {
        self.end
            .and((self.call.final_status > 0).then_some(self.call.final_status))
    }

    /// Post-dial delay in seconds: first INVITE to first provisional other than 100 (RFC 6076 section 4.3.1).
    #[inline]
    pub fn pdd_s(&self) -> Option<f64> {
        self.call
            .provisional
            .get(self.call.start_us)
            .map(|t| seconds(self.call.start_us, t))
    }

    /// Seconds from the first INVITE to the first 2xx.
    #[inline]
    pub fn setup_time_s(&self) -> Option<f64> {
        self.call
            .answer
            .get(self.call.start_us)
            .map(|t| seconds(self.call.start_us, t))
    }

    /// Seconds of ringing: first 18x to answer, CANCEL or final response.
    #[inline]
    pub fn ring_time_s(&self) -> Option<f64> {
        let end = self.end?;
        let ring = self.call.ring.get(self.call.start_us)?;
        let until = self
            .call
            .answer
            .get(self.call.start_us)
            .or(self.call.cancel.get(self.call.start_us))
            .unwrap_or(end.end_us);
        Some(seconds(ring, until))
    }

    /// Seconds from the first 2xx to the BYE; a lower bound when censored. `None` unless an INVITE was answered.
    #[inline]
    pub fn duration_s(&self) -> Option<f64> {
        let end = self.end?;
        let answer = self
            .call
            .answer
            .get(self.call.start_us)
            .filter(|_| !self.call.is_message)?;
        Some(seconds(answer, end.end_us))
    }

    /// Whether the BYE was not seen; `None` before the end.
    #[inline]
    pub fn duration_censored(&self) -> Option<bool> {
        self.end.map(|e| e.censored)
    }

    /// Whether a 401 or 407 was answered to the call.
    #[inline]
    pub fn auth_challenged(&self) -> bool {
        self.call.auth_challenged
    }

    /// Retransmitted requests and final responses.
    #[inline]
    pub fn retransmissions(&self) -> u32 {
        u32::from(self.call.retransmissions)
    }

    /// Hops on which the call was seen.
    #[inline]
    pub fn legs(&self) -> u16 {
        self.call.hops
    }
}

fn seconds(from: Micros, to: Micros) -> f64 {
    // A mirror may write packets slightly out of order; a time span is never negative.
    to.saturating_sub(from).max(0) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_by_their_number() {
        assert!(EventKind::ALL.iter().enumerate().all(|(at, one)| *one as usize == at));
        assert!(Outcome::ALL.iter().enumerate().all(|(at, one)| *one as usize == at));
        assert!(HangupBy::ALL.iter().enumerate().all(|(at, one)| *one as usize == at));
        assert!(Transport::ALL.iter().enumerate().all(|(at, one)| *one as usize == at));
    }
}
