//! HEP version 3 over TCP: the packets stand one behind the other, each with its length.

use memchr::memmem;

use super::{v3, MAGIC};

/// What stands at the front of a stream of HEP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameLen {
    /// The bytes are the beginning of a packet; its length has not arrived.
    Incomplete,
    /// A packet of that many bytes begins here; not all of them need to have arrived.
    Len(usize),
    /// No HEP packet begins here: go on at [`resynchronise`].
    Malformed,
}

/// The length of the packet at the front of a stream's bytes.
pub fn frame_len(bytes: &[u8]) -> FrameLen {
    let seen = bytes.len().min(MAGIC.len());
    if bytes[..seen] != MAGIC[..seen] {
        return FrameLen::Malformed;
    }
    match bytes.get(4..6) {
        None => FrameLen::Incomplete,
        Some(length) => match usize::from(u16::from_be_bytes([length[0], length[1]])) {
            // The header alone holds nothing: such a length is a lie.
            len if len > v3::HEADER_LEN => FrameLen::Len(len),
            _ => FrameLen::Malformed,
        },
    }
}

/// How many bytes at the front are no packet: up to the next "HEP3" behind the first byte, or what may become one.
pub fn resynchronise(bytes: &[u8]) -> usize {
    let Some(rest) = bytes.get(1..) else {
        return bytes.len();
    };
    if let Some(at) = memmem::find(rest, MAGIC) {
        return at + 1;
    }
    let kept = (1..MAGIC.len())
        .rev()
        .find(|n| *n <= rest.len() && rest.ends_with(&MAGIC[..*n]))
        .unwrap_or(0);
    bytes.len() - kept
}

/// Whether a TCP stream begins with HEP; `None` while too little of it has arrived.
///
/// Stricter than the magic, which may stand in any text: the first chunk must fit too.
pub(crate) fn starts_stream(bytes: &[u8]) -> Option<bool> {
    match frame_len(bytes) {
        FrameLen::Malformed => Some(false),
        FrameLen::Incomplete => None,
        FrameLen::Len(len) => {
            let chunk = bytes.get(v3::HEADER_LEN..v3::HEADER_LEN + v3::CHUNK_HEADER_LEN)?;
            let chunk_len = usize::from(u16::from_be_bytes([chunk[4], chunk[5]]));
            Some((v3::CHUNK_HEADER_LEN..=len - v3::HEADER_LEN).contains(&chunk_len))
        }
    }
}
