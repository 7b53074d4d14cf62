//! What an identity or a URI says about the person behind it: a number, a withheld identity, the same as another.

/// RFC 3323 and common practice: the users of a caller who withholds his identity.
const WITHHELD_USERS: [&[u8]; 5] = [b"anonymous", b"unavailable", b"restricted", b"private", b"unknown"];

/// Fewer digits are a short code; E.164 allows 15, which a float64 still holds exactly.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Digits that two spellings of one number share: From is often national where an assertion is E.164.
const COMPARED_DIGITS: usize = 7;

/// The digits of an identity that is a number of 7 to 15 digits, after an optional `+`.
pub fn number_digits(identity: &str) -> Option<&str> {
    let digits = identity.strip_prefix('+').unwrap_or(identity);
    let is_number = NUMBER_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(digits)
}

/// How many digits an identity has that consists of digits alone, perhaps after a plus.
pub fn digit_count(identity: &str) -> Option<usize> {
    let digits = identity.strip_prefix('+').unwrap_or(identity);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits.len())
}

/// How many digits two numbers (as [`number_digits`] has them) share from the front.
pub fn shared_digits(a: &str, b: &str) -> Option<usize> {
    let (a, b) = (number_digits(a)?, number_digits(b)?);
    Some(a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count())
}

/// Whether a canonical identity, `user` or `user@host`, names nobody.
pub fn withheld_identity(identity: &str) -> bool {
    let identity = identity.as_bytes();
    is_withheld(identity.split(|&b| b == b'@').next().unwrap_or_default())
}

/// Whether a sip or sips URI, perhaps after `<`, names nobody: `sip:anonymous@anonymous.invalid`.
pub fn withheld_uri(uri: &str) -> bool {
    let uri = uri.as_bytes();
    let rest = strip_scheme(uri, b"sip:").or_else(|| strip_scheme(uri, b"sips:"));
    rest.and_then(|rest| Some(&rest[..memchr::memchr(b'@', rest)?]))
        .is_some_and(is_withheld)
}

/// Whether P-Asserted-Identity and From are of different people.
///
/// `asserted`: a canonical identity; `uri`: the URI of From. Numbers are compared by their last 7 digits. A
/// withheld From is no lie (RFC 3323, RFC 3325), and neither is a URI that names no user.
pub fn asserted_differs(asserted: &str, uri: &str) -> bool {
    if withheld_uri(uri) {
        return false;
    }
    let Some(claimed) = user_of(uri) else {
        return false;
    };
    let proven = asserted.trim_start_matches('+');
    let proven = proven.split('@').next().unwrap_or_default();
    match (last_digits(claimed), last_digits(proven)) {
        (Some(claimed), Some(proven)) => claimed != proven,
        (None, None) => {
            let lower = |text: &'_ str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
            claimed != proven && lower(claimed) != lower(proven)
        }
        _ => true,
    }
}

fn is_withheld(user: &[u8]) -> bool {
    WITHHELD_USERS.iter().any(|name| user.eq_ignore_ascii_case(name))
}

fn strip_scheme<'a>(uri: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let uri = uri.strip_prefix(b"<").unwrap_or(uri);
    let (found, rest) = uri.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The user of a sip, sips or tel URI, without a leading `+`.
fn user_of(uri: &str) -> Option<&str> {
    let bytes = uri.as_bytes();
    let rest = [&b"sip:"[..], b"sips:", b"tel:"]
        .iter()
        .find_map(|scheme| strip_scheme(bytes, scheme))?;
    // What was taken off is ASCII, so this is a boundary of characters.
    let rest = uri.get(uri.len() - rest.len()..)?;
    let rest = rest.strip_prefix('+').unwrap_or(rest);
    rest.split(['@', ';', ':', '>']).next()
}

/// The last 7 digits of a number of at least as many, whatever separates them; None for any other text.
fn last_digits(text: &str) -> Option<[u8; COMPARED_DIGITS]> {
    let mut last = [0; COMPARED_DIGITS];
    let mut count = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                last.rotate_left(1);
                last[COMPARED_DIGITS - 1] = byte;
                count += 1;
            }
            b'-' | b'.' | b'(' | b')' | b' ' => {}
            _ => return None,
        }
    }
    (count >= COMPARED_DIGITS).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_and_compared_from_the_front() {
        assert_eq!(digit_count("+4930123"), Some(7));
        assert_eq!(digit_count("112"), Some(3));
        assert_eq!(
            (digit_count(""), digit_count("+"), digit_count("a1")),
            (None, None, None)
        );
        assert_eq!(shared_digits("+12125551234", "12125559999"), Some(7));
        assert_eq!(shared_digits("+4930123456", "+4930123456"), Some(10));
        assert_eq!(shared_digits("+4930123456", "+15551234567"), Some(0));
        assert_eq!(shared_digits("+4930123456", "alice@example.org"), None);
        assert_eq!(shared_digits("112", "+4930123456"), None);
    }

    #[test]
    fn numbers_have_7_to_15_digits() {
        assert_eq!(number_digits("+4930123456"), Some("4930123456"));
        assert_eq!(number_digits("1234567"), Some("1234567"));
        assert_eq!(number_digits("123456789012345"), Some("123456789012345"));
        for other in [
            "",
            "+",
            "123456",
            "1234567890123456",
            "++1234567",
            "123456a",
            "1234567@example.org",
        ] {
            assert_eq!(number_digits(other), None, "{other}");
        }
    }

    #[test]
    fn withheld_is_the_whole_user() {
        for text in [
            "anonymous",
            "Anonymous@anonymous.invalid",
            "UNKNOWN@x",
            "private@",
            "restricted",
            "unavailable",
        ] {
            assert!(withheld_identity(text), "{text}");
        }
        for text in ["", "anonymously", "x.anonymous@y", "anonymous ", "sip:anonymous@x"] {
            assert!(!withheld_identity(text), "{text}");
        }
        for uri in ["sip:anonymous@anonymous.invalid", "<SIPS:Unknown@x>", "<sip:private@x>"] {
            assert!(withheld_uri(uri), "{uri}");
        }
        for uri in [
            "",
            "sip:",
            "sip:anonymous",
            "tel:anonymous@x",
            "sip:anonymous;a=b@x",
            "sip:alice@x",
            "sip",
        ] {
            assert!(!withheld_uri(uri), "{uri}");
        }
    }

    #[test]
    fn an_assertion_is_compared_with_from() {
        let same = [
            ("+4930123456", "sip:030123456@example.org"),
            ("+4930123456", "<sip:+49-30-(12)3456@example.org>"),
            ("alice@example.org", "sip:Alice@other.example"),
            ("+4930123456", "tel:+4930123456"),
            ("+4930123456", "sip:anonymous@anonymous.invalid"),
            ("+4930123456", "urn:service:sos"),
        ];
        for (asserted, uri) in same {
            assert!(!asserted_differs(asserted, uri), "{asserted} {uri}");
        }
        let different = [
            ("+4930123456", "sip:+4930123457@example.org"),
            ("+4930123456", "sip:alice@example.org"),
            ("alice@example.org", "sip:bob@example.org"),
            ("112", "sip:110@example.org"),
            ("+4930123456", "sip:@example.org"),
            ("\u{e4}@x", "sip:\u{fc}@x"),
        ];
        for (asserted, uri) in different {
            assert!(asserted_differs(asserted, uri), "{asserted} {uri}");
        }
    }
}
