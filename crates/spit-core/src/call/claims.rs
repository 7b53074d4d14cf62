//! What the PASSporTs of a request claim, held against what the request itself says.

use crate::sip::message::Message;
use crate::sip::numbers::NumberRules;
use crate::sip::passport::{passports, Claims, Form, Party, Passport};

/// Where the claims differ from the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PassportMismatch {
    /// Nowhere, as far as they can be compared.
    None,
    /// `orig` is not the caller.
    Orig,
    /// `dest` is neither the callee nor diverted to it.
    Dest,
    /// Both.
    OrigAndDest,
}

impl PassportMismatch {
    /// The name that the records use.
    pub(super) fn name(self) -> &'static str {
        match self {
            PassportMismatch::None => "none",
            PassportMismatch::Orig => "orig",
            PassportMismatch::Dest => "dest",
            PassportMismatch::OrigAndDest => "orig,dest",
        }
    }
}

/// How many PASSporTs a request has, by what could be read of them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct PassportCounts {
    pub(super) all: u8,
    pub(super) compact: u8,
    pub(super) unreadable: u8,
    /// Whether there are more than are read.
    pub(super) has_more: bool,
}

/// What is kept of the PASSporTs of a request. Nothing of it was verified.
#[derive(Debug, Default)]
pub(super) struct PassportFacts {
    /// The types in order, comma-separated; `base` for one without a name.
    pub(super) types: Option<String>,
    /// The canonical identity that is claimed to call.
    pub(super) orig: Option<Vec<u8>>,
    pub(super) attestation: Option<char>,
    pub(super) origid: Option<String>,
    /// When it was issued: seconds since the Unix epoch, as digits.
    pub(super) iat: Option<String>,
    pub(super) mismatch: Option<PassportMismatch>,
    /// The canonical identity that is claimed to have forwarded the call last.
    pub(super) diverted_by: Option<Vec<u8>>,
    pub(super) counts: PassportCounts,
}

/// Reads the PASSporTs of a request.
///
/// `caller`: the canonical identity that is believed; `callees`: those of To and of the Request-URI. Origin, time and
/// destination are those of the first `shaken` whose claims can be read, without one of the first PASSporT with claims.
pub(super) fn read(
    message: &Message<'_>,
    numbers: &NumberRules,
    caller: Option<&[u8]>,
    callees: [Option<&[u8]>; 2],
) -> PassportFacts {
    let read = passports(message);
    if read.list.is_empty() {
        return PassportFacts::default();
    }
    let with_form = |form| read.list.iter().filter(|one| one.form == form).count() as u8;
    let types: Vec<&str> = read
        .list
        .iter()
        .filter(|one| one.ppt.is_some() || one.form == Form::Full)
        .map(|one| one.ppt.as_deref().unwrap_or("base"))
        .collect();
    let full = || read.list.iter().filter(|one| one.form == Form::Full);
    let shaken = full().find(|one| is_type(one, "shaken"));
    let claims = shaken.or_else(|| full().next()).map(|one| &one.claims);
    let orig = claims.and_then(|c| identity(c.orig.as_ref()?, numbers));
    let diversions: Vec<&Claims> = full()
        .filter(|one| is_type(one, "div"))
        .map(|one| &one.claims)
        .collect();
    let (destinations, last) = follow(claims, &diversions, numbers);
    let dest = matches_any(&destinations, callees);
    let mismatch = match (same(orig.as_deref(), caller), dest) {
        (None, None) => None,
        (Some(false), Some(false)) => Some(PassportMismatch::OrigAndDest),
        (Some(false), _) => Some(PassportMismatch::Orig),
        (_, Some(false)) => Some(PassportMismatch::Dest),
        _ => Some(PassportMismatch::None),
    };
    PassportFacts {
        types: (!types.is_empty()).then(|| types.join(",")),
        attestation: shaken.and_then(|one| one.claims.attestation),
        origid: shaken.and_then(|one| one.claims.origid.clone()),
        iat: claims.and_then(|c| c.iat_s).map(|s| s.to_string()),
        mismatch,
        diverted_by: last
            .or(diversions.last().copied())
            .and_then(|c| identity(c.div.as_ref()?, numbers)),
        orig,
        counts: PassportCounts {
            all: read.list.len() as u8,
            compact: with_form(Form::Compact),
            unreadable: with_form(Form::Unreadable),
            has_more: read.has_more,
        },
    }
}

fn is_type(passport: &Passport, name: &str) -> bool {
    passport.ppt.as_deref() == Some(name)
}

/// Everybody whom the call was for: `dest` of the claims, then that of every diversion whose `div` was among them
/// (RFC 8946 section 5). With the last diversion on the way.
fn follow<'c>(
    claims: Option<&Claims>,
    diversions: &[&'c Claims],
    numbers: &NumberRules,
) -> (Vec<Vec<u8>>, Option<&'c Claims>) {
    let of = |claims: &Claims| -> Vec<Vec<u8>> { claims.dest.iter().filter_map(|d| identity(d, numbers)).collect() };
    let mut destinations = claims.map(of).unwrap_or_default();
    let mut left: Vec<&Claims> = diversions.to_vec();
    let mut last = None;
    while let Some(at) = left.iter().position(|diversion| {
        let from = diversion.div.as_ref().and_then(|div| identity(div, numbers));
        from.is_some_and(|from| destinations.contains(&from))
    }) {
        let diversion = left.remove(at);
        destinations.extend(of(diversion));
        last = Some(diversion);
    }
    (destinations, last)
}

/// The canonical identity of a party. A number of a PASSporT is E.164 without `+`; short ones are what they are
/// (RFC 8224 section 8.3).
fn identity(party: &Party, numbers: &NumberRules) -> Option<Vec<u8>> {
    match party {
        Party::Number(number) => {
            let digits = number.strip_prefix('+').unwrap_or(number);
            if digits.len() < MIN_E164_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return numbers.canonical(number.as_bytes()).map(|id| id.into_owned());
            }
            numbers
                .canonical(format!("+{digits}").as_bytes())
                .map(|id| id.into_owned())
        }
        Party::Uri(uri) => numbers.canonical(uri.as_bytes()).map(|id| id.into_owned()),
    }
}

/// Shorter numbers are service codes.
const MIN_E164_DIGITS: usize = 7;

fn matches_any(claimed: &[Vec<u8>], shown: [Option<&[u8]>; 2]) -> Option<bool> {
    let mut answer = None;
    for claimed in claimed {
        for shown in shown {
            match same(Some(claimed), shown) {
                Some(true) => return Some(true),
                other => answer = answer.or(other),
            }
        }
    }
    answer
}

/// Whether a claimed identity is the one shown; `None` where they can't be compared: one is missing, or only one of
/// them is a number, as when the caller is anonymous.
fn same(claimed: Option<&[u8]>, shown: Option<&[u8]>) -> Option<bool> {
    let (claimed, shown) = (claimed?, shown?);
    if claimed == shown {
        return Some(true);
    }
    let is_number = |id: &[u8]| id.strip_prefix(b"+").unwrap_or(id).iter().all(u8::is_ascii_digit);
    match (is_number(claimed), is_number(shown)) {
        (true, true) if shown.starts_with(b"+") => Some(false),
        // A national number that no rule completed is the end of its E.164 form.
        (true, true) => {
            let zeros = shown.iter().take_while(|b| **b == b'0').count();
            Some(shown.len() - zeros >= MIN_E164_DIGITS && claimed.ends_with(&shown[zeros..]))
        }
        (false, false) => Some(false),
        _ => None,
    }
}
