//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, with the fragment's place where there is one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::{be16, be32};

/// The transport protocol number of UDP.
pub const UDP: u8 = 17;
/// The transport protocol number of TCP.
pub const TCP: u8 = 6;
/// The protocol number of ICMP.
pub const ICMP: u8 = 1;
/// The protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;

/// One IP packet without its header.
#[derive(Clone, Copy, Debug)]
pub struct IpPacket<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// IPv4: the identification. IPv6, which has none in whole packets: the flow label.
    pub identification: u32,
    /// Payload; link padding is cut off.
    pub payload: &'a [u8],
    /// The capture holds fewer bytes than the packet had.
    pub truncated: bool,
    /// Set for a fragment.
    pub fragment: Option<Fragment>,
}

/// The place of a fragment in its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The packet's identification.
    pub id: u32,
    /// Offset of the payload in bytes.
    pub offset: usize,
    /// More fragments follow.
    pub more: bool,
}

/// IPv6 extension headers that are followed on one packet.
const MAX_EXTENSIONS: usize = 8;

impl<'a> IpPacket<'a> {
    /// Decodes an IP header; `None` when the bytes are no IP packet.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Option<IpPacket<'a>> {
        match bytes.first()? >> 4 {
            4 => Self::decode_v4(bytes),
            6 => Self::decode_v6(bytes),
            _ => None,
        }
    }

    /// Whether bytes say that they are IPv4.
    #[inline]
    pub(crate) fn is_v4(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| first >> 4 == 4)
    }

    /// As `decode`, where [`IpPacket::is_v4`].
    #[inline(always)] // Nearly every packet; the answer would be copied.
    pub(crate) fn decode_v4(bytes: &'a [u8]) -> Option<IpPacket<'a>> {
        let header = bytes.get(..20)?;
        let header_len = usize::from(header[0] & 0x0f) * 4;
        let mut total = usize::from(be16(header, 2)?);
        if total == 0 {
            // Segmentation offload leaves the length empty; the frame says how long the packet is.
            total = bytes.len();
        }
        if header_len < 20 || total < header_len {
            return None;
        }
        let payload = bytes.get(header_len..total.min(bytes.len()))?;
        let identification = u32::from(be16(header, 4)?);
        let flags = be16(header, 6)?;
        let offset = usize::from(flags & 0x1fff) * 8;
        let more = flags & 0x2000 != 0;
        Some(IpPacket {
            source: v4(header, 12),
            destination: v4(header, 16),
            protocol: header[9],
            identification,
            payload,
            truncated: total > bytes.len(),
            fragment: (more || offset > 0).then_some(Fragment {
                id: identification,
                offset,
                more,
            }),
        })
    }

    fn decode_v6(bytes: &'a [u8]) -> Option<IpPacket<'a>> {
        let header = bytes.get(..40)?;
        let mut length = usize::from(be16(header, 4)?);
        if length == 0 {
            length = bytes.len() - 40;
        }
        let mut payload = &bytes[40..bytes.len().min(40 + length)];
        let truncated = bytes.len() < 40 + length;
        let mut next = header[6];
        let mut fragment = None;
        for _ in 0..MAX_EXTENSIONS {
            match next {
                // hop-by-hop, routing, destination options, mobility: length in units of 8 bytes
                0 | 43 | 60 | 135 => {
                    let len = (usize::from(*payload.get(1)?) + 1) * 8;
                    next = payload[0];
                    payload = payload.get(len..)?;
                }
                // authentication header: length in units of 4 bytes (RFC 4302)
                51 => {
                    let len = (usize::from(*payload.get(1)?) + 2) * 4;
                    next = payload[0];
                    payload = payload.get(len..)?;
                }
                44 => {
                    let place = be16(payload, 2)?;
                    let id = be32(payload, 4)?;
                    next = payload[0];
                    payload = payload.get(8..)?;
                    let offset = usize::from(place & 0xfff8);
                    let more = place & 1 != 0;
                    // An atomic fragment is a whole packet (RFC 6946).
                    if more || offset > 0 {
                        fragment = Some(Fragment { id, offset, more });
                        break;
                    }
                }
                _ => break,
            }
        }
        Some(IpPacket {
            source: v6(header, 8),
            destination: v6(header, 24),
            protocol: next,
            identification: be32(header, 0)? & 0x000f_ffff,
            payload,
            truncated,
            fragment,
        })
    }
}

fn v4(header: &[u8], at: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(
        header[at],
        header[at + 1],
        header[at + 2],
        header[at + 3],
    ))
}

fn v6(header: &[u8], at: usize) -> IpAddr {
    let mut octets = [0u8; 16];
    octets.copy_from_slice(&header[at..at + 16]);
    IpAddr::V6(Ipv6Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ethernet_padding_is_no_payload() {
        let mut bytes = vec![0x45, 0, 0, 22, 0, 1, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];
        bytes.extend([7, 8, 0, 0, 0, 0]);
        let packet = IpPacket::decode(&bytes).unwrap();
        assert_eq!((packet.payload, packet.truncated), (&[7u8, 8][..], false));
        assert_eq!(packet.fragment, None);
    }

    #[test]
    fn lengths_that_lie_are_refused_or_marked() {
        let mut bytes = vec![0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 9];
        assert!(IpPacket::decode(&bytes).unwrap().truncated);
        bytes[3] = 10;
        assert!(IpPacket::decode(&bytes).is_none());
        bytes[0] = 0x41;
        assert!(IpPacket::decode(&bytes).is_none());
        assert!(IpPacket::decode(&[]).is_none());
        assert!(IpPacket::decode(&[0x60; 39]).is_none());
    }

    #[test]
    fn ipv6_extensions_and_fragments() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 20, 0, 64];
        bytes.extend([1u8; 32]);
        bytes.extend([44, 0, 1, 4, 0, 0, 0, 0]); // hop-by-hop, 8 bytes
        bytes.extend([17, 0, 0, 9, 0, 0, 0, 5]); // fragment: offset 8, more
        bytes.extend([1, 2, 3, 4]);
        let packet = IpPacket::decode(&bytes).unwrap();
        assert_eq!(packet.protocol, UDP);
        assert_eq!(packet.payload, [1, 2, 3, 4]);
        assert_eq!(
            packet.fragment,
            Some(Fragment {
                id: 5,
                offset: 8,
                more: true
            })
        );
    }
}
