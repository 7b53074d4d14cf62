//! The little of SDP (RFC 8866) that describes a call: which media are offered, and in what shape.

use std::borrow::Cow;

use super::lines::LineEnds;
use super::scan::{find, those_of, WORD};

/// Media types that are told apart.
const MAX_MEDIA_TYPES: usize = 4;

/// The media types of an offer, in order, without repeats.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaTypes<'a> {
    kinds: [&'a [u8]; MAX_MEDIA_TYPES],
    count: usize,
}

impl<'a> MediaTypes<'a> {
    /// The types comma-separated; `None` without one.
    pub fn joined(&self) -> Option<Cow<'a, [u8]>> {
        match &self.kinds[..self.count] {
            [] => None,
            // Nearly every call offers audio alone.
            [one] => Some(Cow::Borrowed(one)),
            several => Some(Cow::Owned(several.join(&b','))),
        }
    }

    fn add(&mut self, kind: &'a [u8]) {
        let plain = !kind.is_empty() && kind.iter().all(u8::is_ascii_alphanumeric);
        if plain && self.count < MAX_MEDIA_TYPES && !self.kinds[..self.count].contains(&kind) {
            self.kinds[self.count] = kind;
            self.count += 1;
        }
    }
}

/// Appends what software writes alike in every offer: the kinds of lines in order, media without their ports, names of
/// attributes. Answers which media there are.
pub(super) fn write_shape<'a>(body: &'a [u8], out: &mut Vec<u8>) -> MediaTypes<'a> {
    let mut media = MediaTypes::default();
    // What is written is never longer than what is read, but for the space behind the last field of a medium and the
    // word of which only the front counts.
    out.reserve(body.len() + body.len() / 4 + WORD + 1);
    let mut ends = LineEnds::new(body);
    let mut start = 0;
    while start < body.len() {
        let end = ends.next().unwrap_or(body.len());
        let line = &body[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let behind = &body[start..];
        start = end + 1;
        let [kind, b'=', value @ ..] = line else { continue };
        if *kind == b'a' && write_attribute(line, behind, out) {
            continue;
        }
        out.push(*kind);
        match kind {
            // m=<media> <port> <proto> <formats>: all but the port
            b'm' => {
                let (kind, rest) = cut_field(value);
                media.add(kind);
                out.extend_from_slice(kind);
                out.push(b' ');
                if let Some((_, Some(rest))) = rest.map(cut_field) {
                    out.extend_from_slice(rest);
                    out.push(b' ');
                }
            }
            // a=<attribute>[:<value>]: the attribute's name
            b'a' => out.extend_from_slice(&value[..find(value, b':').unwrap_or(value.len())]),
            _ => {}
        }
    }
    media
}

/// A field and what follows the space behind it.
#[inline]
fn cut_field(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match find(value, b' ') {
        Some(space) => (&value[..space], Some(&value[space + 1..])),
        None => (value, None),
    }
}

/// Appends the letter of an attribute's line and its name, where one look at the line and what stands `behind` its
/// beginning shows the end of the name.
#[inline(always)] // Most lines of an offer.
fn write_attribute(line: &[u8], behind: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(word) = behind.first_chunk::<WORD>() else {
        return false;
    };
    let name_end = line.len().min(those_of(*word, [b':']).trailing_zeros() as usize);
    if name_end > WORD {
        return false;
    }
    let letters = u128::from_le_bytes(*word);
    // The '=' between them is left out. A whole word costs less than a copy of just so many bytes.
    let (kind, name) = (letters & 0xff, letters >> 16);
    let end = out.len() + name_end - 1;
    out.extend_from_slice(&(name << 8 | kind).to_le_bytes());
    out.truncate(end);
    true
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
    fn names_of_attributes_of_every_length_at_every_distance_from_the_end() {
        for len in 0..40 {
            for (value, behind) in [("", ""), ("", "\r\ns=:"), (":", ""), (":x:y", "\r\nt=0 0"), ("", "\n")] {
                let name = &"abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"[..len];
                let mut shape = b"before".to_vec();
                write_shape(format!("a={name}{value}").as_bytes(), &mut shape);
                assert_eq!(shape.escape_ascii().to_string(), format!("beforea{name}"));
                shape.clear();
                write_shape(format!("a={name}{value}{behind}").as_bytes(), &mut shape);
                let kind = behind.trim_start().get(..1).unwrap_or("");
                assert_eq!(shape.escape_ascii().to_string(), format!("a{name}{kind}"));
            }
        }
    }

    #[test]
    fn media_types_in_order_without_repeats() {
        let media_types = |body| write_shape(body, &mut Vec::new()).joined();
        let body = b"v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 96\r\nm=audio 3 RTP/AVP 8\r\n";
        assert_eq!(media_types(&body[..]).as_deref(), Some(b"audio,video".as_slice()));
        assert_eq!(
            media_types(b"m=image 1\nm=text 2").as_deref(),
            Some(b"image,text".as_slice())
        );
        assert_eq!(media_types(b"a=m=audio 1\r\nv=0\r\n"), None);
        assert_eq!(media_types(b"m=\x00\xff 1\r\n"), None);
    }
}
