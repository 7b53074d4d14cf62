//! Link layers: where the IP packet begins in a captured frame.

use super::tunnel::{Layer, Layers, Stop};

/// The link types of pcap that are decoded (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkType {
    /// Ethernet.
    Ethernet,
    /// BSD loopback with the address family in the capturing host's byte order.
    Null,
    /// OpenBSD loopback: the address family in network byte order.
    Loop,
    /// An IP packet without a link header.
    RawIp,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// A link type that is not decoded: its number.
    Other(u16),
}

impl LinkType {
    /// The link type of a LINKTYPE_ number.
    pub fn of(number: u16) -> LinkType {
        match number {
            0 => LinkType::Null,
            1 => LinkType::Ethernet,
            12 | 14 | 101 | 228 | 229 => LinkType::RawIp,
            108 => LinkType::Loop,
            113 => LinkType::LinuxSll,
            276 => LinkType::LinuxSll2,
            other => LinkType::Other(other),
        }
    }
}

/// The bytes from the outermost IP header on; tags, labels and PPPoE before it each cost one of `layers`.
///
/// # Errors
/// When the frame holds no IP, or more layers than are followed.
#[inline]
pub fn ip_packet<'a>(link: LinkType, frame: &'a [u8], layers: &mut Layers) -> Result<&'a [u8], Stop> {
    let (layer, bytes) = match link {
        LinkType::Ethernet => match frame.get(12..14) {
            // The usual frame, without a look at the rest.
            Some([0x08, 0x00] | [0x86, 0xdd]) => return Ok(&frame[14..]),
            _ => (Layer::Ethernet, frame),
        },
        LinkType::RawIp => return Ok(frame),
        LinkType::Null | LinkType::Loop => {
            // AF_INET is 2 everywhere; AF_INET6 is 24, 28 or 30 by system. The IP version itself is checked later.
            let family = frame.first_chunk::<4>().ok_or(Stop::NotIp)?;
            let value = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
            return match value {
                2 | 10 | 23 | 24 | 28 | 30 => Ok(&frame[4..]),
                _ => Err(Stop::NotIp),
            };
        }
        LinkType::LinuxSll => cooked(frame, 14, 16)?,
        LinkType::LinuxSll2 => cooked(frame, 0, 20)?,
        LinkType::Other(_) => return Err(Stop::NotIp),
    };
    layer.ip_packet(bytes, layers)
}

fn cooked(frame: &[u8], ethertype_at: usize, header_len: usize) -> Result<(Layer, &[u8]), Stop> {
    match (be16(frame, ethertype_at), frame.get(header_len..)) {
        (Some(ethertype), Some(rest)) => Ok((Layer::Ethertype(ethertype), rest)),
        _ => Err(Stop::NotIp),
    }
}

#[inline]
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([two[0], two[1]]))
}

#[inline]
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: &[u8] = &[0x45, 0, 0, 20];

    fn ip(link: LinkType, frame: &[u8]) -> Result<&[u8], Stop> {
        ip_packet(link, frame, &mut Layers::default())
    }

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn ethernet_with_and_without_ip() {
        let macs = [0u8; 12];
        assert_eq!(ip(LinkType::Ethernet, &frame(&[&macs, &[0x08, 0x00], IP])), Ok(IP));
        assert_eq!(ip(LinkType::Ethernet, &frame(&[&macs, &[0x86, 0xdd], IP])), Ok(IP));
        assert_eq!(
            ip(LinkType::Ethernet, &frame(&[&macs, &[0x08, 0x06], IP])),
            Err(Stop::NotIp)
        );
        assert_eq!(
            ip(LinkType::Ethernet, &frame(&[&macs, &[0x00, 0x26], IP])),
            Err(Stop::NotIp)
        );
    }

    #[test]
    fn cooked_loopback_and_raw() {
        let mut sll = vec![0u8; 14];
        sll.extend([0x08, 0]);
        sll.extend(IP);
        assert_eq!(ip(LinkType::LinuxSll, &sll), Ok(IP));
        let mut sll2 = vec![0x86, 0xdd];
        sll2.extend([0u8; 18]);
        sll2.extend(IP);
        assert_eq!(ip(LinkType::LinuxSll2, &sll2), Ok(IP));
        assert_eq!(ip(LinkType::Null, &frame(&[&[2, 0, 0, 0], IP])), Ok(IP));
        assert_eq!(ip(LinkType::Null, &frame(&[&[0, 0, 0, 30], IP])), Ok(IP));
        assert_eq!(ip(LinkType::Loop, &frame(&[&[0, 0, 0, 2], IP])), Ok(IP));
        assert_eq!(ip(LinkType::Null, &frame(&[&[9, 9, 9, 9], IP])), Err(Stop::NotIp));
        assert_eq!(ip(LinkType::RawIp, IP), Ok(IP));
        assert_eq!(ip(LinkType::Other(147), IP), Err(Stop::NotIp));
    }

    #[test]
    fn short_frames_hold_nothing() {
        for link in [0, 1, 108, 113, 276].map(LinkType::of) {
            for n in 0..4 {
                assert_eq!(ip(link, &vec![0u8; n]), Err(Stop::NotIp));
            }
        }
    }
}
