//! The little of SDP (RFC 8866) that describes a call: which media are offered, and in what shape.

use std::borrow::Cow;

use super::lines::LineEnds;

/// The media types of every `m=` line, in order, without repeats, comma-separated; `None` without one.
pub fn media_types(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut seen: [&[u8]; 4] = [b""; 4];
    let mut count = 0;
    for line in media_lines(body) {
        let kind = line.split(|b| *b == b' ').next().unwrap_or(b"");
        let plain = !kind.is_empty() && kind.iter().all(u8::is_ascii_alphanumeric);
        if plain && count < seen.len() && !seen[..count].contains(&kind) {
            seen[count] = kind;
            count += 1;
        }
    }
    match &seen[..count] {
        [] => None,
        // Nearly every call offers audio alone.
        [one] => Some(Cow::Borrowed(one)),
        several => Some(Cow::Owned(several.join(&b','))),
    }
}

/// What follows `m=` of every media line.
pub fn media_lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(body).filter_map(|line| line.strip_prefix(b"m="))
}

/// The lines of a body without their ends.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = LineEnds::new(body).chain((!body.ends_with(b"\n")).then_some(body.len()));
    ends.map(move |end| {
        let line = &body[start..end];
        start = end + 1;
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_in_order_without_repeats() {
        let body = b"v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 96\r\nm=audio 3 RTP/AVP 8\r\n";
        assert_eq!(media_types(body).as_deref(), Some(b"audio,video".as_slice()));
        assert_eq!(media_types(b"v=0\r\n"), None);
        assert_eq!(media_types(b"m=\x00\xff 1\r\n"), None);
    }
}
