//! Telephone numbers: canonical identities from URIs and bare numbers, E.164 where they are numbers.

use std::borrow::Cow;

use super::scan::{digits_len, find};
use super::uri::{param, Uri};

/// How numbers are brought to E.164. What is empty switches a rule off.
#[derive(Clone, Debug)]
pub struct NumberRules {
    /// Digits of the country code for numbers without one, such as `44`.
    pub country_code: String,
    /// The prefix of national numbers that is taken off before the country code is added, such as `0`.
    pub national_prefix: String,
    /// The prefixes that stand for `+`, such as `00`. The longest that fits is taken.
    pub international_prefixes: Vec<String>,
    /// How many digits national numbers have, prefix not counted: bit n stands for n digits. 0: not known.
    pub national_lengths: u32,
}

impl Default for NumberRules {
    fn default() -> Self {
        NumberRules {
            country_code: String::new(),
            national_prefix: String::new(),
            international_prefixes: vec!["00".into()],
            national_lengths: 0,
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
            if is_phone || number.len() >= MIN_NUMBER_DIGITS || number.first() == Some(&b'+') {
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
        if let Some(rest) = self.after_international_prefix(&digits) {
            return Some(with_plus(b"", rest));
        }
        Some(self.completed(&digits).unwrap_or(digits))
    }

    /// The digits behind the longest international prefix that is followed by a number.
    fn after_international_prefix<'a>(&self, digits: &'a [u8]) -> Option<&'a [u8]> {
        self.international_prefixes
            .iter()
            .filter(|prefix| !prefix.is_empty())
            .filter_map(|prefix| digits.strip_prefix(prefix.as_bytes()))
            .filter(|rest| rest.len() >= MIN_NUMBER_DIGITS)
            .min_by_key(|rest| rest.len())
    }

    /// A national number with its country code.
    ///
    /// Where lengths are known a prefix is one only when a number stands behind it (800 in Russia, whose prefix is 8,
    /// is none), and the country code may stand there already.
    fn completed(&self, digits: &[u8]) -> Option<Vec<u8>> {
        let country = self.country_code.as_bytes();
        if country.is_empty() || digits.len() < MIN_NUMBER_DIGITS {
            return None;
        }
        let behind = |prefix: &[u8]| {
            digits
                .strip_prefix(prefix)
                .filter(|rest| self.is_national_length(rest.len()))
        };
        if let Some(national) = behind(self.national_prefix.as_bytes()) {
            return Some(with_plus(country, national));
        }
        if self.is_national_length(digits.len()) {
            return Some(with_plus(country, digits));
        }
        behind(country).map(|national| with_plus(country, national))
    }

    fn is_national_length(&self, digits: usize) -> bool {
        self.national_lengths == 0 || (digits < 32 && self.national_lengths >> digits & 1 == 1)
    }
}

/// The user part of `sip:+<digits>@…` with plus and digits alone.
#[inline]
fn e164(uri: &[u8]) -> Option<&[u8]> {
    let number = uri.strip_prefix(b"sip:")?;
    let digits = number.strip_prefix(b"+")?;
    let len = digits_len(digits);
    // The last '@' ends the user part (RFC 3261 section 19.1.1).
    let alone = digits.get(len) == Some(&b'@') && find(&digits[len + 1..], b'@').is_none();
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
        let russia = NumberRules {
            country_code: "7".into(),
            national_prefix: "8".into(),
            international_prefixes: vec!["810".into()],
            national_lengths: 1 << 10,
        };
        let hongkong = NumberRules {
            international_prefixes: vec!["00".into(), "001".into()],
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
            (&russia, "sip:89161234567@h", "+79161234567"),
            (&russia, "sip:9161234567@h", "+79161234567"),
            (&russia, "sip:8001234567@h", "+78001234567"),
            (&hongkong, "sip:00115551234567@h", "+15551234567"),
            (&hongkong, "sip:00445551234567@h", "+445551234567"),
            (&hongkong, "sip:0011555@h", "0011555"),
            (&russia, "sip:79161234567@h", "+79161234567"),
            (&russia, "sip:81015551234567@h", "+15551234567"),
            (&russia, "tel:123456789", "123456789"),
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
