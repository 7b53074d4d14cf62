//! Claims of a PASSporT in an Identity header (RFC 8224, RFC 8225, RFC 8588), read without trusting them.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use serde_json::Value;

use super::header::HeaderId;
use super::message::Message;

/// Claims of one `shaken` PASSporT. Nothing here was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passport {
    /// `A`, `B` or `C`.
    pub attestation: Option<char>,
    /// The opaque origination identifier.
    pub origid: Option<String>,
}

/// The longest PASSporT that is read.
const MAX_PASSPORT: usize = 8 * 1024;

/// The claims of the first Identity header whose PASSporT is in full form and of type `shaken`.
pub fn shaken(message: &Message<'_>) -> Option<Passport> {
    message.each(HeaderId::Identity).find_map(parse_shaken)
}

fn parse_shaken(value: &[u8]) -> Option<Passport> {
    let token = value.split(|b| *b == b';').next()?.trim_ascii();
    if token.len() > MAX_PASSPORT {
        return None;
    }
    // header.payload.signature; the compact form of RFC 8225 section 7 leaves the first two empty
    let mut parts = token.split(|b| *b == b'.');
    let header = decode_json(parts.next()?)?;
    let payload = decode_json(parts.next()?)?;
    if header.get("ppt").and_then(Value::as_str) != Some("shaken") {
        return None;
    }
    let attestation = match payload.get("attest").and_then(Value::as_str) {
        Some("A") => Some('A'),
        Some("B") => Some('B'),
        Some("C") => Some('C'),
        _ => None,
    };
    Some(Passport {
        attestation,
        origid: payload.get("origid").and_then(Value::as_str).map(str::to_owned),
    })
}

fn decode_json(part: &[u8]) -> Option<Value> {
    if part.is_empty() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_form_is_read_compact_form_and_garbage_are_not() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","ppt":"shaken","typ":"passport"}"#);
        let payload = URL_SAFE_NO_PAD.encode(r#"{"attest":"B","origid":"o-1"}"#);
        let value = format!("{header}.{payload}.sig;info=<https://x>;ppt=shaken");
        assert_eq!(
            parse_shaken(value.as_bytes()),
            Some(Passport {
                attestation: Some('B'),
                origid: Some("o-1".into())
            })
        );
        assert_eq!(parse_shaken(b"..sig;ppt=shaken"), None);
        assert_eq!(parse_shaken(b"\xff\xff.a.b"), None);
    }
}
