//! Link layers: where the IP packet begins in a captured frame.

/// The link types of pcap that are decoded (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkType {
    /// Ethernet, with any number of VLAN tags up to [`MAX_TAGS`].
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

/// VLAN tags (802.1Q, 802.1ad) that are followed on one frame.
pub const MAX_TAGS: usize = 4;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// The bytes from the IP header on, or `None` when the frame holds no IP.
#[inline]
pub fn ip_packet(link: LinkType, frame: &[u8]) -> Option<&[u8]> {
    match link {
        LinkType::Ethernet => after_ethertype(be16(frame, 12)?, frame.get(14..)?),
        LinkType::RawIp => Some(frame),
        LinkType::Null | LinkType::Loop => {
            // AF_INET is 2 everywhere; AF_INET6 is 24, 28 or 30 by system. The IP version itself is checked later.
            let family: [u8; 4] = frame.get(..4)?.try_into().ok()?;
            let value = u32::from_le_bytes(family).min(u32::from_be_bytes(family));
            matches!(value, 2 | 10 | 23 | 24 | 28 | 30).then(|| &frame[4..])
        }
        LinkType::LinuxSll => after_ethertype(be16(frame, 14)?, frame.get(16..)?),
        LinkType::LinuxSll2 => after_ethertype(be16(frame, 0)?, frame.get(20..)?),
        LinkType::Other(_) => None,
    }
}

fn after_ethertype(mut ethertype: u16, mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..=MAX_TAGS {
        match ethertype {
            IPV4 | IPV6 => return Some(rest),
            // 802.1Q, 802.1ad and the values in use before it
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                ethertype = be16(rest, 2)?;
                rest = rest.get(4..)?;
            }
            _ => return None,
        }
    }
    None
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

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn vlan_and_qinq() {
        let macs = [0u8; 12];
        let plain = frame(&[&macs, &[0x08, 0x00], IP]);
        assert_eq!(ip_packet(LinkType::Ethernet, &plain), Some(IP));
        let vlan = frame(&[&macs, &[0x81, 0, 0, 7, 0x08, 0], IP]);
        assert_eq!(ip_packet(LinkType::Ethernet, &vlan), Some(IP));
        let qinq = frame(&[&macs, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], IP]);
        assert_eq!(ip_packet(LinkType::Ethernet, &qinq), Some(IP));
        let arp = frame(&[&macs, &[0x08, 0x06], IP]);
        assert_eq!(ip_packet(LinkType::Ethernet, &arp), None);
    }

    #[test]
    fn tags_end_at_the_declared_depth() {
        let mut bytes = vec![0u8; 12];
        for _ in 0..=MAX_TAGS {
            bytes.extend([0x81, 0, 0, 7]);
        }
        bytes.extend([0x08, 0]);
        bytes.extend(IP);
        assert_eq!(ip_packet(LinkType::Ethernet, &bytes), None);
    }

    #[test]
    fn cooked_loopback_and_raw() {
        let mut sll = vec![0u8; 14];
        sll.extend([0x08, 0]);
        sll.extend(IP);
        assert_eq!(ip_packet(LinkType::LinuxSll, &sll), Some(IP));
        let mut sll2 = vec![0x86, 0xdd];
        sll2.extend([0u8; 18]);
        sll2.extend(IP);
        assert_eq!(ip_packet(LinkType::LinuxSll2, &sll2), Some(IP));
        assert_eq!(ip_packet(LinkType::Null, &frame(&[&[2, 0, 0, 0], IP])), Some(IP));
        assert_eq!(ip_packet(LinkType::Null, &frame(&[&[0, 0, 0, 30], IP])), Some(IP));
        assert_eq!(ip_packet(LinkType::Loop, &frame(&[&[0, 0, 0, 2], IP])), Some(IP));
        assert_eq!(ip_packet(LinkType::Null, &frame(&[&[9, 9, 9, 9], IP])), None);
        assert_eq!(ip_packet(LinkType::RawIp, IP), Some(IP));
    }

    #[test]
    fn short_frames_hold_nothing() {
        for link in [0, 1, 108, 113, 276].map(LinkType::of) {
            for n in 0..4 {
                assert_eq!(ip_packet(link, &vec![0u8; n]), None);
            }
        }
    }
}
