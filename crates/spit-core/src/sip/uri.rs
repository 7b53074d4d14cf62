//! Name-addr, URIs and parameters (RFC 3261 sections 19.1 and 25.1, RFC 3966), read leniently from hostile text.

use super::scan::{find, find_any, find_either, those_of, WORD};

/// A `name-addr` or `addr-spec` header value in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct NameAddr<'a> {
    /// Display name without quotes around it; empty when there is none.
    pub display_name: &'a [u8],
    /// The URI without angle brackets.
    pub uri: &'a [u8],
    /// What follows the URI: header parameters, beginning with `;`.
    pub params: &'a [u8],
}

impl<'a> NameAddr<'a> {
    /// Parses the first address of a header value.
    pub fn parse(value: &'a [u8]) -> NameAddr<'a> {
        let open = find_unquoted(value, b'<');
        if let Some(open) = open {
            let rest = &value[open + 1..];
            let (uri, after) = match find(rest, b'>') {
                Some(close) => (&rest[..close], &rest[close + 1..]),
                None => (rest, &rest[rest.len()..]),
            };
            return NameAddr {
                display_name: unquote(value[..open].trim_ascii()),
                uri: uri.trim_ascii(),
                params: until_comma(after),
            };
        }
        // Without brackets parameters belong to the header, not to the URI (RFC 3261 section 20.10).
        let value = until_comma(value);
        let split = find(value, b';').unwrap_or(value.len());
        NameAddr {
            display_name: b"",
            uri: value[..split].trim_ascii(),
            params: &value[split..],
        }
    }

    /// The tag of a From or To value, without the work of a whole parse in the usual case.
    #[inline]
    pub fn tag(value: &[u8]) -> Option<&[u8]> {
        match behind_address(value) {
            Some(b"") => return None,
            Some([b';', b't', b'a', b'g', b'=', tag @ ..]) if is_plain(value, tag) => return Some(tag),
            _ => {}
        }
        NameAddr::parse(value).param(b"tag")
    }

    /// The value of a header parameter, without quotes.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        param(self.params, name)
    }
}

/// What stands behind the first '>' behind the first '<', when no quote between them shows that the '<' stands in a
/// display name.
#[inline]
fn behind_address(value: &[u8]) -> Option<&[u8]> {
    let address = &value[find(value, b'<')?..];
    let close = find_either(address, b'>', b'"')?;
    (address[close] == b'>').then(|| &address[close + 1..])
}

/// Whether a parameter's value, the end of `whole`, needs neither trimming nor unquoting and has nothing behind it.
#[inline]
fn is_plain(whole: &[u8], value: &[u8]) -> bool {
    const SPECIAL: [u8; 3] = [b';', b'"', b','];
    if !matches!(value, [first, .., last] if *first > b' ' && *last > b' ') {
        return false;
    }
    match whole.last_chunk::<WORD>() {
        // One look for the usual length.
        Some(word) if value.len() <= WORD => those_of(*word, SPECIAL) >> (WORD - value.len()) == 0,
        _ => find_any(value, SPECIAL).is_none(),
    }
}

/// The value of `;name=value` in a run of parameters; empty for a parameter without a value.
pub fn param<'a>(mut params: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // Where it usually stands: in front, without quotes.
    let behind = params.strip_prefix(b";").and_then(|one| one.strip_prefix(name));
    if let Some([b'=', value @ ..]) = behind {
        let end = find_either(value, b';', b'"').unwrap_or(value.len());
        if value.get(end) != Some(&b'"') {
            return Some(value[..end].trim_ascii());
        }
    }
    let mut quotes = Quotes::default();
    while let Some(semicolon) = quotes.find_outside(params, b';') {
        params = &params[semicolon + 1..];
        let end = quotes.find_outside(params, b';').unwrap_or(params.len());
        let one = &params[..end];
        let (key, value) = match find(one, b'=') {
            Some(eq) => (&one[..eq], one[eq + 1..].trim_ascii()),
            None => (one, &one[one.len()..]),
        };
        if key.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(unquote(value));
        }
    }
    None
}

/// A SIP, SIPS or tel URI in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The scheme as written, without colon.
    pub scheme: &'a [u8],
    /// User part as written, without password; for tel the number; empty when there is none.
    pub user: &'a [u8],
    /// Parameters of the user part (`+1555;phone-context=…@host`) or of a tel URI, beginning with `;`.
    pub user_params: &'a [u8],
    /// Host without port; empty for tel.
    pub host: &'a [u8],
    /// URI parameters, beginning with `;`.
    pub params: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Parses a URI; `None` when it has no scheme.
    pub fn parse(uri: &'a [u8]) -> Option<Uri<'a>> {
        let colon = find(uri, b':')?;
        let scheme = &uri[..colon];
        if scheme != b"sip"
            && (scheme.is_empty()
                || !scheme
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))
        {
            return None;
        }
        let rest = &uri[colon + 1..];
        if !(scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips")) {
            let split = find(rest, b';').unwrap_or(rest.len());
            // What other schemes name is no user.
            let user_end = if scheme.eq_ignore_ascii_case(b"tel") { split } else { 0 };
            return Some(Uri {
                scheme,
                user: &rest[..user_end],
                user_params: &rest[split..],
                host: b"",
                params: &rest[split..],
            });
        }
        // The user part may hold ';' and '?', so '@' is looked for first (RFC 3261 section 19.1.1).
        let (userinfo, hostpart) = match rest.iter().rposition(|b| *b == b'@') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (&rest[..0], rest),
        };
        let user_end = find_either(userinfo, b';', b':').unwrap_or(userinfo.len());
        let params_start = user_end + find(&userinfo[user_end..], b';').unwrap_or(userinfo.len() - user_end);
        let host_end = host_len(hostpart);
        let params_at = find(hostpart, b';').unwrap_or(hostpart.len());
        let params = &hostpart[params_at..];
        let params = &params[..find(params, b'?').unwrap_or(params.len())];
        Some(Uri {
            scheme,
            user: &userinfo[..user_end],
            user_params: &userinfo[params_start..],
            host: &hostpart[..host_end],
            params,
        })
    }
}

/// Length of the host at the front of `host[:port][;params][?headers]`.
fn host_len(hostpart: &[u8]) -> usize {
    if hostpart.first() == Some(&b'[') {
        return find(hostpart, b']').map_or(hostpart.len(), |i| i + 1);
    }
    hostpart
        .iter()
        .position(|b| matches!(b, b':' | b';' | b'?' | b' ' | b'>'))
        .unwrap_or(hostpart.len())
}

/// The elements of a comma-separated header value (RFC 3261 section 7.3.1), empty ones left out. Commas within quotes
/// or angle brackets separate nothing.
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = element_len(rest);
            let element = rest[..end].trim_ascii();
            rest = rest.get(end + 1..).unwrap_or(b"");
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    })
}

/// Length of the first element. A quote or bracket that is never closed is nothing special.
fn element_len(text: &[u8]) -> usize {
    let mut at = 0;
    let (mut quotes, mut brackets) = (true, true);
    while let Some(found) = find_any(&text[at..], [b',', b'"', b'<']) {
        let found = at + found;
        at = match text[found] {
            b',' => return found,
            b'"' if quotes => match closing_quote(text, found + 1) {
                Some(close) => close + 1,
                None => {
                    quotes = false;
                    found + 1
                }
            },
            b'<' if brackets => match find(&text[found..], b'>') {
                Some(close) => found + close + 1,
                None => {
                    brackets = false;
                    found + 1
                }
            },
            _ => found + 1,
        };
    }
    text.len()
}

fn until_comma(text: &[u8]) -> &[u8] {
    &text[..find_unquoted(text, b',').unwrap_or(text.len())]
}

/// The first `wanted` outside double quotes; a quote that is never closed quotes nothing.
#[inline]
pub(crate) fn find_unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    Quotes::default().find_outside(text, wanted)
}

/// Searches of one text, part by part. Without the memory of a quote that is never closed, a text of escaped quotes
/// would be searched to its end from each of them.
#[derive(Default)]
struct Quotes {
    unclosed: bool,
}

impl Quotes {
    #[inline]
    fn find_outside(&mut self, text: &[u8], wanted: u8) -> Option<usize> {
        let mut at = 0;
        while !self.unclosed {
            let found = at + find_either(&text[at..], wanted, b'"')?;
            if text[found] == wanted {
                return Some(found);
            }
            match closing_quote(text, found + 1) {
                Some(close) => at = close + 1,
                None => {
                    self.unclosed = true;
                    at = found + 1;
                }
            }
        }
        find(&text[at..], wanted).map(|n| at + n)
    }
}

fn closing_quote(text: &[u8], mut at: usize) -> Option<usize> {
    while let Some(i) = find_either(&text[at..], b'"', b'\\') {
        let i = at + i;
        if text[i] == b'"' {
            return Some(i);
        }
        at = i + 2;
        if at > text.len() {
            return None;
        }
    }
    None
}

fn unquote(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] => inner,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_display_names_may_hold_brackets_commas_and_quotes() {
        let n = NameAddr::parse(br#""Mr <X>, \"y\"" <sip:a@b;transport=tcp>;tag=t1;x="a;b""#);
        assert_eq!(n.display_name, br#"Mr <X>, \"y\""#);
        assert_eq!(n.uri, b"sip:a@b;transport=tcp");
        assert_eq!(n.param(b"tag"), Some(b"t1".as_slice()));
        assert_eq!(n.param(b"x"), Some(b"a;b".as_slice()));
        assert_eq!(n.param(b"transport"), None);
    }

    #[test]
    fn tags_are_those_of_the_whole_parse() {
        for value in [
            "<sip:a@b>;tag=x",
            "<sip:a@b>",
            "sip:a@b;tag=x",
            "<sip:a@b>;tag=\"q\";y",
            "<sip:a@b> ; tag = x",
            "<sip:a@b>;x=\">\";tag=y",
            "\"a>\" <sip:a@b>;tag=x, <sip:c@d>;tag=z",
            "<sip:a@b>;tag=",
            "\"a <\" <sip:a@b>;tag=x",
            "\"A <sip:\"a, b\" c@h>;tag=x",
            "<sip:a@\";tag=x",
            "",
        ] {
            let value = value.as_bytes();
            assert_eq!(
                NameAddr::tag(value),
                NameAddr::parse(value).param(b"tag"),
                "{}",
                value.escape_ascii()
            );
        }
    }

    #[test]
    fn without_brackets_parameters_are_the_headers() {
        let n = NameAddr::parse(b"sip:a@b;tag=t2");
        assert_eq!(
            (n.uri, n.param(b"TAG")),
            (b"sip:a@b".as_slice(), Some(b"t2".as_slice()))
        );
    }

    #[test]
    fn uri_parts() {
        let u = Uri::parse(b"sip:+1555;phone-context=x:pw@[2001:db8::1]:5060;user=phone?a=b").unwrap();
        assert_eq!(u.user, b"+1555");
        assert_eq!(u.host, b"[2001:db8::1]");
        assert_eq!(param(u.params, b"user"), Some(b"phone".as_slice()));
        let u = Uri::parse(b"tel:+1-555;verstat=TN-Validation-Passed").unwrap();
        assert_eq!(u.user, b"+1-555");
        assert_eq!(param(u.params, b"verstat"), Some(b"TN-Validation-Passed".as_slice()));
        assert_eq!(Uri::parse(b"sip:example.com:5060").unwrap().host, b"example.com");
        assert_eq!(Uri::parse(b"http://www.example.com/;a").unwrap().user, b"");
        assert!(Uri::parse(b"no scheme").is_none());
    }

    #[test]
    fn elements_are_cut_at_commas_outside_quotes_and_brackets() {
        let cut = |text: &'static str| -> Vec<&str> {
            elements(text.as_bytes())
                .map(|one| std::str::from_utf8(one).unwrap())
                .collect()
        };
        assert_eq!(
            cut("\"a, b\" <sip:x,y@h>;p=\",\" , <sip:c@h?Reason=a,b>;i=1,, d"),
            ["\"a, b\" <sip:x,y@h>;p=\",\"", "<sip:c@h?Reason=a,b>;i=1", "d"]
        );
        assert_eq!(cut("<sip:a@h, <sip:b@h>"), ["<sip:a@h, <sip:b@h>"]);
        assert_eq!(cut("\"a\\\", b, <c"), ["\"a\\\"", "b", "<c"]);
        assert_eq!(cut("<sip:a@h, b"), ["<sip:a@h", "b"]);
        assert_eq!(cut("\"a, b"), ["\"a", "b"]);
        assert_eq!(cut(" , "), [""; 0]);
    }

    #[test]
    fn unclosed_quotes_and_brackets_do_not_run_away() {
        let n = NameAddr::parse(br#""open <sip:a@b>;tag=x"#);
        assert_eq!(n.uri, b"sip:a@b");
        assert_eq!(NameAddr::parse(b"<sip:a@b;tag=x").uri, b"sip:a@b;tag=x");
        assert_eq!(find_unquoted(br#""a\"#, b','), None);
    }
}
