//! PASSporTs of Identity headers (RFC 8224, RFC 8225): claims are read, never trusted; no signature is verified.
//!
//! Types: `shaken` (RFC 8588), `div` (RFC 8946), `rcd` (RFC 9795), and the base type without a name.

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::DecodePaddingMode;
use base64::Engine;
use serde_json::Value;

use super::header::HeaderId;
use super::message::Message;
use super::start_line::is_token;
use super::uri::{elements, param};

/// Identity headers of one message that are read: one `shaken`, five `div`, and room (RFC 8946 expects few).
pub const MAX_PASSPORTS: usize = 8;

/// The longest PASSporT that is read, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// The longest name of a type or an algorithm.
const MAX_NAME: usize = 32;

/// Destinations of one PASSporT that are read.
const MAX_DESTINATIONS: usize = 16;

/// How a PASSporT is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `header.payload.signature`, the claims read.
    Full,
    /// `..signature`: the verifier builds the claims from the message (RFC 8225 section 7), so there is none to read.
    Compact,
    /// Neither: no three parts, or parts that are no JSON objects in base64url.
    Unreadable,
}

impl Form {
    /// The name that is shown.
    pub fn name(self) -> &'static str {
        match self {
            Form::Full => "full",
            Form::Compact => "compact",
            Form::Unreadable => "unreadable",
        }
    }
}

/// Who a claim names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// A telephone number: the digits of E.164 without `+`, or a short number as it is (RFC 8224 section 8.3).
    Number(String),
    /// A URI.
    Uri(String),
}

/// One Identity header. Nothing here was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passport {
    /// How it is written.
    pub form: Form,
    /// The type: `ppt` of the token's header, else of the SIP header; `None` for the base type.
    pub ppt: Option<String>,
    /// The signature's algorithm.
    pub alg: Option<String>,
    /// Where the certificate is said to be.
    pub info: Option<String>,
    /// What it claims; `Default` unless the form is full.
    pub claims: Claims,
}

/// The claims of a PASSporT.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Claims {
    /// `A`, `B` or `C` (RFC 8588).
    pub attestation: Option<char>,
    /// The opaque origination identifier (RFC 8588).
    pub origid: Option<String>,
    /// Who calls.
    pub orig: Option<Party>,
    /// Who is called.
    pub dest: Vec<Party>,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat_s: Option<i64>,
    /// Who was called before the diversion (RFC 8946).
    pub div: Option<Party>,
    /// The caller's name (`nam` of `rcd`, RFC 9795).
    pub caller_name: Option<String>,
    /// Whether `rcd` says which number to show instead (`apn`).
    pub has_alternate_number: bool,
}

/// The PASSporTs of a message in order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Passports {
    /// The first [`MAX_PASSPORTS`].
    pub list: Vec<Passport>,
    /// Whether there are more.
    pub has_more: bool,
}

/// Reads the Identity headers of a message. A header that can't be read does not hide those behind it.
pub fn passports(message: &Message<'_>) -> Passports {
    collect(message.each(HeaderId::Identity))
}

/// Reads the value of one Identity header, or several values separated by commas.
pub fn parse_header(value: &[u8]) -> Passports {
    collect(std::iter::once(value))
}

fn collect<'a>(values: impl Iterator<Item = &'a [u8]>) -> Passports {
    let mut values = values.flat_map(elements);
    Passports {
        list: values.by_ref().take(MAX_PASSPORTS).map(parse).collect(),
        has_more: values.next().is_some(),
    }
}

fn parse(value: &[u8]) -> Passport {
    let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
    let (token, params) = (value[..end].trim_ascii(), &value[end..]);
    let named = |name| param(params, name).and_then(|v| known_name(std::str::from_utf8(v).ok()?));
    let mut passport = Passport {
        form: Form::Unreadable,
        ppt: named(b"ppt"),
        alg: named(b"alg"),
        info: param(params, b"info").and_then(uri_within).map(str::to_owned),
        claims: Claims::default(),
    };
    let mut parts = token.split(|b| *b == b'.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return passport;
    };
    if header.is_empty() && payload.is_empty() && !signature.is_empty() {
        passport.form = Form::Compact;
        return passport;
    }
    if token.len() > MAX_TOKEN {
        return passport;
    }
    let header = decode_object(header);
    if let Some(header) = &header {
        let named = |name| header.get(name).and_then(Value::as_str).and_then(known_name);
        passport.ppt = named("ppt").or(passport.ppt);
        passport.alg = named("alg").or(passport.alg);
    }
    if let (Some(_), Some(payload)) = (header, decode_object(payload)) {
        passport.form = Form::Full;
        passport.claims = read_claims(&payload);
    }
    passport
}

/// A name that may stand among others: a short token.
fn known_name(name: &str) -> Option<String> {
    let fits = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_token);
    fits.then(|| name.to_owned())
}

fn uri_within(info: &[u8]) -> Option<&str> {
    let info = info.strip_prefix(b"<").unwrap_or(info);
    let info = info.strip_suffix(b">").unwrap_or(info);
    std::str::from_utf8(info).ok().filter(|uri| !uri.is_empty())
}

/// Padding and spare bits are a matter of the encoder, not of the claims.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decode_object(part: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(&BASE64.decode(part).ok()?).ok()?;
    value.is_object().then_some(value)
}

fn read_claims(payload: &Value) -> Claims {
    let text = |name| payload.get(name).and_then(Value::as_str);
    let rcd = payload.get("rcd");
    Claims {
        attestation: match text("attest") {
            Some("A") => Some('A'),
            Some("B") => Some('B'),
            Some("C") => Some('C'),
            _ => None,
        },
        origid: text("origid").map(str::to_owned),
        orig: payload.get("orig").and_then(|orig| parties(orig).next()),
        dest: payload
            .get("dest")
            .into_iter()
            .flat_map(parties)
            .take(MAX_DESTINATIONS)
            .collect(),
        iat_s: payload.get("iat").and_then(numeric_date),
        div: payload.get("div").and_then(|div| parties(div).next()),
        caller_name: rcd
            .and_then(|rcd| rcd.get("nam"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        has_alternate_number: rcd.is_some_and(|rcd| rcd.get("apn").is_some()),
    }
}

/// The numbers and URIs of `{"tn": …, "uri": …}`. `orig` holds one value and `dest` lists (RFC 8225 section 5.2.1);
/// either is read in both places.
fn parties(claim: &Value) -> impl Iterator<Item = Party> + '_ {
    fn values<'v>(claim: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
        let value = claim.get(name);
        let list = value.and_then(Value::as_array).into_iter().flatten();
        list.chain(value).filter_map(Value::as_str)
    }
    let numbers = values(claim, "tn").map(|number| Party::Number(number.to_owned()));
    let uris = values(claim, "uri").map(|uri| Party::Uri(uri.to_owned()));
    numbers.chain(uris)
}

/// Seconds since the epoch; early drafts wrote them as text, JSON allows fractions.
fn numeric_date(value: &Value) -> Option<i64> {
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|s| s as i64))
        .or_else(|| value.as_str()?.parse().ok())?;
    // Up to the year 5138: what lies outside is no time, and microseconds of it may not fit.
    (0..100_000_000_000).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(json: &str) -> String {
        BASE64.encode(json)
    }

    fn full(ppt: &str, payload: &str) -> String {
        let header = format!(r#"{{"alg":"ES256","ppt":"{ppt}","typ":"passport","x5u":"https://c.example/x.pem"}}"#);
        format!(
            "{}.{}.c2ln;info=<https://c.example/x.pem>;alg=ES256;ppt=\"{ppt}\"",
            encode(&header),
            encode(payload)
        )
    }

    fn one(value: &str) -> Passport {
        let mut read = parse_header(value.as_bytes());
        assert_eq!((read.list.len(), read.has_more), (1, false), "{value}");
        read.list.remove(0)
    }

    fn number(digits: &str) -> Party {
        Party::Number(digits.into())
    }

    #[test]
    fn every_claim_of_the_three_types_is_read() {
        let shaken = one(&full(
            "shaken",
            r#"{"attest":"B","dest":{"tn":["12155550131","12155550132"],"uri":["sip:a@b"]},"iat":1471375418,
                "orig":{"tn":"12155550121"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#,
        ));
        assert_eq!((shaken.form, shaken.ppt.as_deref()), (Form::Full, Some("shaken")));
        assert_eq!(shaken.alg.as_deref(), Some("ES256"));
        assert_eq!(shaken.info.as_deref(), Some("https://c.example/x.pem"));
        assert_eq!(
            shaken.claims,
            Claims {
                attestation: Some('B'),
                origid: Some("123e4567-e89b-12d3-a456-426655440000".into()),
                orig: Some(number("12155550121")),
                dest: vec![
                    number("12155550131"),
                    number("12155550132"),
                    Party::Uri("sip:a@b".into())
                ],
                iat_s: Some(1_471_375_418),
                ..Claims::default()
            }
        );
        let div = one(&full(
            "div",
            r#"{"dest":{"tn":["12155550141"]},"div":{"tn":"12155550131","hi":"1"},"iat":1,"orig":{"uri":"sip:a@b"}}"#,
        ));
        assert_eq!(div.claims.div, Some(number("12155550131")));
        assert_eq!(div.claims.orig, Some(Party::Uri("sip:a@b".into())));
        let rcd = one(&full("rcd", r#"{"rcd":{"nam":"Q Branch","apn":"12155550199"}}"#));
        assert_eq!(rcd.claims.caller_name.as_deref(), Some("Q Branch"));
        assert!(rcd.claims.has_alternate_number);
    }

    #[test]
    fn the_compact_form_tells_type_and_certificate_only() {
        let compact = one("..c2ln;info=<https://c.example/x.pem>;alg=ES256;ppt=shaken");
        assert_eq!((compact.form, compact.ppt.as_deref()), (Form::Compact, Some("shaken")));
        assert_eq!(compact.info.as_deref(), Some("https://c.example/x.pem"));
        assert_eq!(compact.claims, Claims::default());
    }

    #[test]
    fn a_type_that_the_token_names_wins_and_the_base_type_has_none() {
        let token = full("div", "{}");
        let token = token.split(';').next().unwrap();
        assert_eq!(one(&format!("{token};ppt=shaken")).ppt.as_deref(), Some("div"));
        let base = format!("{}.{}.x", encode(r#"{"typ":"passport"}"#), encode("{}"));
        assert_eq!((one(&base).form, one(&base).ppt), (Form::Full, None));
    }

    #[test]
    fn lenient_where_the_meaning_is_clear() {
        let padded = format!("{}==.{}.x", encode(r#"{"a":1}"#).trim_end_matches('='), encode("{}"));
        assert_eq!(one(&padded).form, Form::Full);
        for (iat, want) in [
            ("1", Some(1)),
            ("\"2\"", Some(2)),
            ("3.5", Some(3)),
            ("-1", None),
            ("1e300", None),
            ("null", None),
            ("[4]", None),
        ] {
            let read = one(&full("shaken", &format!(r#"{{"iat":{iat}}}"#)));
            assert_eq!(read.claims.iat_s, want, "{iat}");
        }
        let swapped = one(&full(
            "shaken",
            r#"{"orig":{"tn":["1"]},"dest":{"tn":"2"},"attest":"D"}"#,
        ));
        assert_eq!(swapped.claims.orig, Some(number("1")));
        assert_eq!(swapped.claims.dest, [number("2")]);
        assert_eq!(swapped.claims.attestation, None);
    }

    #[test]
    fn what_can_not_be_read_is_marked() {
        let good = full("shaken", "{}");
        let (header, _) = good.split_once('.').unwrap();
        for bad in [
            "x",
            "a.b",
            "a.b.c.d",
            "...",
            "..",
            "\"QkFTRTY0\"",
            "!!.!!.x",
            &format!("{header}..x"),
            &format!("{header}.{}.x", encode("[1]")),
            &format!("{header}.{}.x", encode("{\"iat\":")),
            &format!("{header}.{}.x", encode(&format!("{{\"a\":\"{}\"}}", "b".repeat(9000)))),
        ] {
            assert_eq!(one(&format!("{bad};ppt=shaken")).form, Form::Unreadable, "{bad}");
        }
        let strange = one(&full("a,b c", "{}"));
        assert_eq!((strange.form, strange.ppt), (Form::Full, None));
    }

    #[test]
    fn lists_are_read_in_order_up_to_the_bound() {
        let list = [full("shaken", "{}"), "bad".into(), full("div", "{}"), String::new()].join(" , ");
        let read = parse_header(list.as_bytes());
        let forms: Vec<Form> = read.list.iter().map(|one| one.form).collect();
        assert_eq!(forms, [Form::Full, Form::Unreadable, Form::Full]);
        let many = ["..x"; MAX_PASSPORTS + 1].join(",");
        let read = parse_header(many.as_bytes());
        assert_eq!((read.list.len(), read.has_more), (MAX_PASSPORTS, true));
    }
}
