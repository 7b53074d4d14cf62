//! UDP (RFC 768) and TCP (RFC 9293) headers.

use super::link::{be16, be32};

/// One UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Payload.
    pub payload: &'a [u8],
    /// The header promises more bytes than there are.
    pub truncated: bool,
}

impl<'a> UdpDatagram<'a> {
    /// Decodes a datagram; `None` when the bytes are no UDP header.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Option<UdpDatagram<'a>> {
        let header = bytes.get(..8)?;
        let length = usize::from(be16(header, 4)?);
        // Length 0 stands for "as long as the packet" (jumbograms, offload).
        let end = if length < 8 {
            bytes.len()
        } else {
            length.min(bytes.len())
        };
        Some(UdpDatagram {
            source_port: be16(header, 0)?,
            destination_port: be16(header, 2)?,
            payload: &bytes[8..end],
            truncated: length > bytes.len(),
        })
    }
}

/// One TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte of payload (of the SYN where that is set).
    pub sequence: u32,
    /// SYN flag.
    pub syn: bool,
    /// FIN flag.
    pub fin: bool,
    /// RST flag.
    pub rst: bool,
    /// Payload.
    pub payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Decodes a segment; `None` when the bytes are no TCP header.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Option<TcpSegment<'a>> {
        let header = bytes.get(..20)?;
        let header_len = usize::from(header[12] >> 4) * 4;
        if header_len < 20 {
            return None;
        }
        let flags = header[13];
        Some(TcpSegment {
            source_port: be16(header, 0)?,
            destination_port: be16(header, 2)?,
            sequence: be32(header, 4)?,
            syn: flags & 0x02 != 0,
            fin: flags & 0x01 != 0,
            rst: flags & 0x04 != 0,
            payload: bytes.get(header_len..)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_length_bounds_the_payload() {
        let d = UdpDatagram::decode(&[0, 1, 0, 2, 0, 10, 0, 0, 7, 8, 9]).unwrap();
        assert_eq!((d.source_port, d.destination_port, d.payload), (1, 2, &[7u8, 8][..]));
        assert!(UdpDatagram::decode(&[0, 1, 0, 2, 0, 99, 0, 0, 7]).unwrap().truncated);
        assert_eq!(UdpDatagram::decode(&[0, 1, 0, 2, 0, 0, 0, 0, 7]).unwrap().payload, [7]);
        assert!(UdpDatagram::decode(&[0; 7]).is_none());
    }

    #[test]
    fn tcp_options_are_passed_over() {
        let mut bytes = vec![0u8; 24];
        bytes[12] = 6 << 4;
        bytes[13] = 0x03;
        bytes.push(b'x');
        let s = TcpSegment::decode(&bytes).unwrap();
        assert_eq!((s.payload, s.syn, s.fin, s.rst), (&b"x"[..], true, true, false));
        bytes[12] = 4 << 4;
        assert!(TcpSegment::decode(&bytes).is_none());
        bytes[12] = 15 << 4;
        assert!(TcpSegment::decode(&bytes).is_none());
    }
}
