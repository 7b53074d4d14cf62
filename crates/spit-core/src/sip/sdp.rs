//! The little of SDP (RFC 8866) that describes a call: which media are offered, and in what shape.

use std::borrow::Cow;

use memchr::memmem;

use super::lines::LineEnds;
use super::scan::find;

/// The media types of every `m=` line, in order, without repeats, comma-separated; `None` without one.
pub fn media_types(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut seen: [&[u8]; 4] = [b""; 4];
    let mut count = 0;
    for line in media_lines(body) {
        let kind = &line[..line.iter().position(|b| *b == b' ').unwrap_or(line.len())];
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
    let first = body.starts_with(b"m=").then_some(0);
    let others = memmem::find_iter(body, b"\nm=").map(|feed| feed + 1);
    first.into_iter().chain(others).map(|start| {
        let line = &body[start + 2..];
        let line = &line[..find(line, b'\n').unwrap_or(line.len())];
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// Appends what software writes alike in every offer: the kinds of lines in order, media without their ports, names of
/// attributes.
pub(super) fn write_shape(body: &[u8], out: &mut Vec<u8>) {
    // What is written is never longer than what is read, but for the space behind the last field of a medium.
    out.reserve(body.len() + body.len() / 4 + 1);
    for line in lines(body) {
        let [kind, b'=', value @ ..] = line else { continue };
        out.push(*kind);
        match kind {
            // m=<media> <port> <proto> <formats>: all but the port
            b'm' => {
                let mut fields = value.splitn(3, |b| *b == b' ');
                for field in [fields.next(), fields.nth(1)].into_iter().flatten() {
                    out.extend_from_slice(field);
                    out.push(b' ');
                }
            }
            // a=<attribute>[:<value>]: the attribute's name
            b'a' => {
                let end = value.iter().position(|b| *b == b':').unwrap_or(value.len());
                out.extend_from_slice(&value[..end]);
            }
            _ => {}
        }
    }
}

/// The lines of a body without their ends.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
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
    fn a_shape_leaves_out_what_differs_from_call_to_call() {
        let mut shape = Vec::new();
        write_shape(
            b"v=0\r\no=- 5 6 IN IP4 h\r\nm=audio 4000 RTP/AVP 0  8\r\na=rtpmap:0 PCMU/8000\r\nx\r\na=sendrecv",
            &mut shape,
        );
        assert_eq!(
            shape.escape_ascii().to_string(),
            "vomaudio RTP/AVP 0  8 artpmapasendrecv"
        );
        shape.clear();
        write_shape(b"m=audio\nm=audio 1\nm=", &mut shape);
        assert_eq!(shape.escape_ascii().to_string(), "maudio maudio m ");
    }

    #[test]
    fn media_types_in_order_without_repeats() {
        let body = b"v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 96\r\nm=audio 3 RTP/AVP 8\r\n";
        assert_eq!(media_types(body).as_deref(), Some(b"audio,video".as_slice()));
        assert_eq!(
            media_types(b"m=image 1\nm=text 2").as_deref(),
            Some(b"image,text".as_slice())
        );
        assert_eq!(media_types(b"a=m=audio 1\r\nv=0\r\n"), None);
        assert_eq!(media_types(b"m=\x00\xff 1\r\n"), None);
    }
}
