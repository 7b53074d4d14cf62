//! Who calls whom: canonical identities from URIs (E.164 where they are numbers), and which header to believe.

use std::borrow::Cow;

use super::header::HeaderId;
use super::message::Message;
use super::scan::find;
use super::uri::{param, NameAddr, Uri};

/// How numbers are brought to E.164. Empty strings switch a rule off.
#[derive(Clone, Debug)]
pub struct NumberRules {
    /// Digits of the country code for numbers without one, such as `44`.
    pub country_code: String,
    /// The prefix of national numbers that is taken off before the country code is added, such as `0`.
    pub national_prefix: String,
    /// The prefix that stands for `+`, such as `00`.
    pub international_prefix: String,
}

impl Default for NumberRules {
    fn default() -> Self {
        NumberRules {
            country_code: String::new(),
            national_prefix: String::new(),
            international_prefix: "00".into(),
        }
    }
}

/// Digits that make a telephone number rather than an extension: below that the host stays part of the identity.
const MIN_NUMBER_DIGITS: usize = 7;
/// E.164 allows 15 digits; prefixes may stand before them.
const MAX_NUMBER_DIGITS: usize = 20;

impl NumberRules {
    /// The canonical identity of a URI or bare number: `+E164`, digits that no rule could complete, or `user@host`.
    ///
    /// `None` when there is neither user nor host. The answer is lower-case and at most 255 bytes.
    pub fn canonical<'a>(&self, uri: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        // The usual case needs no more: a number in E.164 as it stands.
        if let Some(number) = e164(uri) {
            return Some(Cow::Borrowed(number));
        }
        let Some(parts) = Uri::parse(uri) else {
            return self.number(uri, b"").or_else(|| plain(uri)).map(Cow::Owned);
        };
        self.canonical_parts(uri, parts).map(Cow::Owned)
    }

    fn canonical_parts(&self, uri: &[u8], parts: Uri<'_>) -> Option<Vec<u8>> {
        if !parts.scheme[..].eq_ignore_ascii_case(b"sip")
            && !parts.scheme.eq_ignore_ascii_case(b"sips")
            && !parts.scheme.eq_ignore_ascii_case(b"tel")
        {
            return plain(uri);
        }
        let user = unescape(parts.user);
        let context = param(parts.user_params, b"phone-context")
            .or_else(|| param(parts.params, b"phone-context"))
            .unwrap_or(b"");
        let is_tel = parts.scheme.eq_ignore_ascii_case(b"tel");
        let is_phone = is_tel
            || param(parts.params, b"user").is_some_and(|v| v.eq_ignore_ascii_case(b"phone"))
            || !context.is_empty();
        if let Some(number) = self.number(&user, context) {
            if is_phone || number.len() > MIN_NUMBER_DIGITS || number.first() == Some(&b'+') {
                return Some(number);
            }
        }
        if user.is_empty() && parts.host.is_empty() {
            return None;
        }
        let mut out = user;
        if !parts.host.is_empty() {
            if !out.is_empty() {
                out.push(b'@');
            }
            out.extend_from_slice(parts.host);
        }
        plain(&out)
    }

    /// The number that `user` spells, or `None` when it spells none.
    fn number(&self, user: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let (plus, rest) = match user.strip_prefix(b"+") {
            Some(rest) => (true, rest),
            None => (false, user),
        };
        let mut digits = Vec::with_capacity(rest.len().min(MAX_NUMBER_DIGITS) + 4);
        for b in rest {
            match b {
                b'0'..=b'9' => digits.push(*b),
                // visual separators (RFC 3966 section 5.1.1)
                b'-' | b'.' | b'(' | b')' | b' ' => {}
                _ => return None,
            }
            if digits.len() > MAX_NUMBER_DIGITS {
                return None;
            }
        }
        if digits.is_empty() {
            return None;
        }
        if plus {
            return Some(with_plus(b"", &digits));
        }
        if let Some(prefix) = context.strip_prefix(b"+") {
            if prefix.iter().all(u8::is_ascii_digit) && prefix.len() <= 7 {
                return Some(with_plus(prefix, &digits));
            }
        }
        let international = self.international_prefix.as_bytes();
        if !international.is_empty() && digits.len() >= MIN_NUMBER_DIGITS + international.len() {
            if let Some(rest) = digits.strip_prefix(international) {
                return Some(with_plus(b"", rest));
            }
        }
        let country = self.country_code.as_bytes();
        if !country.is_empty() && digits.len() >= MIN_NUMBER_DIGITS {
            let national = digits.strip_prefix(self.national_prefix.as_bytes()).unwrap_or(&digits);
            return Some(with_plus(country, national));
        }
        Some(digits)
    }
}

/// The user part of `sip:+<digits>@…` with plus and digits alone.
#[inline]
fn e164(uri: &[u8]) -> Option<&[u8]> {
    let number = uri.strip_prefix(b"sip:")?;
    let digits = number.strip_prefix(b"+")?;
    let len = digits.iter().position(|b| !b.is_ascii_digit())?;
    // The last '@' ends the user part (RFC 3261 section 19.1.1).
    let alone = digits[len] == b'@' && find(&digits[len + 1..], b'@').is_none();
    (alone && (1..=MAX_NUMBER_DIGITS).contains(&len)).then(|| &number[..=len])
}

fn with_plus(prefix: &[u8], digits: &[u8]) -> Vec<u8> {
    [b"+".as_slice(), prefix, digits].concat()
}

fn plain(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let mut out = text[..text.len().min(255)].to_ascii_lowercase();
    out.retain(|b| !b.is_ascii_control());
    (!out.is_empty()).then_some(out)
}

/// Resolves %-escapes (RFC 3261 section 19.1.2); a broken escape stays as it is.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let escaped = match text[at..] {
            [b'%', high, low, ..] => hex(high).zip(hex(low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        match escaped {
            Some(b) => {
                out.push(b);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

fn hex(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|d| d as u8)
}

/// The last forwarder: the top Diversion (RFC 5806), else the entry before the last of History-Info that was
/// retargeted (RFC 7044).
pub fn diverted_by<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    if let Some(value) = message.header(HeaderId::Diversion) {
        return Some(NameAddr::parse(value).uri).filter(|uri| !uri.is_empty());
    }
    message.header(HeaderId::HistoryInfo)?;
    let mut entries: Vec<NameAddr<'a>> = Vec::new();
    for value in message.each(HeaderId::HistoryInfo) {
        let mut rest = value;
        while !rest.is_empty() && entries.len() < 32 {
            entries.push(NameAddr::parse(rest));
            rest = match super::uri::find_unquoted(rest, b',') {
                Some(comma) => &rest[comma + 1..],
                None => b"",
            };
        }
    }
    let last = entries.last()?;
    let retargeted = Uri::parse(last.uri).is_some_and(|u| param(u.params, b"cause").is_some());
    match entries.as_slice() {
        [.., before, _] if retargeted => Some(before.uri),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(rules: &NumberRules, uri: &str) -> String {
        rules
            .canonical(uri.as_bytes())
            .map(|v| String::from_utf8(v.into_owned()).unwrap())
            .unwrap_or_default()
    }

    #[test]
    fn numbers_are_e164_where_they_can_be() {
        let none = NumberRules::default();
        let uk = NumberRules {
            country_code: "44".into(),
            national_prefix: "0".into(),
            ..NumberRules::default()
        };
        for (rules, uri, want) in [
            (&none, "sip:+1-555-123-4567@h;user=phone", "+15551234567"),
            (&none, "sip:%2B15551234567@h", "+15551234567"),
            (&none, "tel:+44(20)7946.0958;verstat=x", "+442079460958"),
            (&none, "sip:00442079460958@h", "+442079460958"),
            (&none, "sip:5551234567@h", "5551234567"),
            (&none, "tel:9460958;phone-context=+4420", "+44209460958"),
            (&none, "+15551234567", "+15551234567"),
            (&uk, "sip:02079460958@h", "+442079460958"),
            (&uk, "sip:0015551234567@h", "+15551234567"),
            (&none, "sip:1001@PBX.example:5080", "1001@pbx.example"),
            (&none, "sip:112@h;user=phone", "112"),
            (&none, "sip:Alice@Example.COM;transport=tcp", "alice@example.com"),
            (&none, "sip:example.com", "example.com"),
            (&none, "urn:service:sos.police", "urn:service:sos.police"),
        ] {
            assert_eq!(canonical(rules, uri), want, "{uri}");
        }
    }

    #[test]
    fn broken_escapes_and_empty_uris_do_no_harm() {
        let rules = NumberRules::default();
        assert_eq!(canonical(&rules, "sip:a%zz@h"), "a%zz@h");
        assert_eq!(canonical(&rules, "sip:a%4"), "a%4");
        assert_eq!(rules.canonical(b"sip:"), None);
        assert_eq!(rules.canonical(b""), None);
    }
}
