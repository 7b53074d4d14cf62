//! Who forwarded a call last (RFC 5806, RFC 7044).

use super::header::HeaderId;
use super::message::Message;
use super::uri::{elements, param, NameAddr, Uri};

/// Values of Diversion and History-Info that are looked at.
const MAX_ENTRIES: usize = 32;

/// The URI of the last forwarder: the top Diversion, else what History-Info says.
///
/// Diversion's counter, reason and privacy do not change who it was; a value without an address is passed over.
pub fn diverted_by<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message
        .each(HeaderId::Diversion)
        .flat_map(elements)
        .take(MAX_ENTRIES)
        .map(|value| NameAddr::parse(value).uri)
        .find(|uri| !uri.is_empty())
        .or_else(|| last_in_history(message))
}

/// One entry of History-Info.
struct Entry<'a> {
    uri: &'a [u8],
    address: NameAddr<'a>,
    index: &'a [u8],
}

fn last_in_history<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message.header(HeaderId::HistoryInfo)?;
    let entries: Vec<Entry<'a>> = message
        .each(HeaderId::HistoryInfo)
        .flat_map(elements)
        .take(MAX_ENTRIES)
        .map(|value| {
            let address = NameAddr::parse(value);
            Entry {
                uri: address.uri,
                index: address.param(b"index").unwrap_or(b""),
                address,
            }
        })
        .collect();
    (1..entries.len()).rev().find_map(|at| forwarder(&entries, at))
}

/// Whose forwarding made an entry; `None` where the request only went on its way.
fn forwarder<'a>(entries: &[Entry<'a>], at: usize) -> Option<&'a [u8]> {
    let entry = &entries[at];
    let with_index = |index: &[u8]| entries[..at].iter().find(|e| !index.is_empty() && e.index == index);
    // `mp`: the new target is another user's; its value is the index of the entry that was left (RFC 7044 section 5).
    let from = if let Some(index) = entry.address.param(b"mp") {
        with_index(index).or_else(|| parent(entries, at))
    // `rc` and `np`: another contact of the same user, or no change at all.
    } else if entry.address.param(b"rc").is_some() || entry.address.param(b"np").is_some() {
        None
    // Before RFC 7044 the cause stood in the new target (RFC 4458) or as escaped Reason in the one that was left.
    } else if Uri::parse(entry.uri).is_some_and(|uri| param(uri.params, b"cause").is_some()) {
        parent(entries, at)
    } else {
        parent(entries, at).filter(|left| has_reason(left.uri) && user(left.uri) != user(entry.uri))
    };
    from.map(|entry| entry.uri).filter(|uri| !uri.is_empty())
}

/// The entry whose index is one level shorter, else the one before.
fn parent<'e, 'a>(entries: &'e [Entry<'a>], at: usize) -> Option<&'e Entry<'a>> {
    let index = entries[at].index;
    let parent = &index[..index.iter().rposition(|b| *b == b'.').unwrap_or(0)];
    let earlier = &entries[..at];
    earlier
        .iter()
        .find(|e| !parent.is_empty() && e.index == parent)
        .or(earlier.last())
}

/// Whether a URI carries a Reason among its headers: `sip:a@b?Reason=SIP%3Bcause%3D302`.
fn has_reason(uri: &[u8]) -> bool {
    let headers = uri
        .iter()
        .rposition(|b| *b == b'?')
        .map_or(&b""[..], |at| &uri[at + 1..]);
    headers
        .split(|b| *b == b'&')
        .any(|header| header.get(..7).is_some_and(|h| h.eq_ignore_ascii_case(b"Reason=")))
}

fn user(uri: &[u8]) -> &[u8] {
    Uri::parse(uri).map_or(b"", |parts| parts.user)
}
