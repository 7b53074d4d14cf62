//! What stands between a frame and the signalling's own IP packet: tags, labels, PPPoE, and tunnels over IP and UDP.
//!
//! Each header costs one of [`Layers`], so that no frame is followed for ever. Sub-slices only: nothing is copied.

use super::ip::IpPacket;
use super::link::be16;

/// Headers around the signalling's IP packet that are followed on one frame: each tag, label and tunnel is one.
pub const MAX_LAYERS: u8 = 16;

/// IPv4 in IP (RFC 2003), also in IPv6 (RFC 2473).
const IP_IN_IP: u8 = 4;
/// IPv6 in IP (RFC 4213, RFC 2473).
const IPV6_IN_IP: u8 = 41;
/// Generic routing encapsulation.
const GRE: u8 = 47;
/// MPLS in IP (RFC 4023).
const MPLS_IN_IP: u8 = 137;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const PPPOE_SESSION: u16 = 0x8864;

const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

const VXLAN_PORT: u16 = 4789;
/// The port that VXLAN had in Linux before it was assigned one.
const OLD_VXLAN_PORT: u16 = 8472;
const GENEVE_PORT: u16 = 6081;
const GTP_U_PORT: u16 = 2152;

/// Why the way to an IP packet ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// What is wrapped is no IP.
    NotIp,
    /// There are more headers than [`MAX_LAYERS`].
    TooDeep,
    /// A tag, label or tunnel header is cut off or against its specification.
    Malformed,
}

/// The headers that may still be followed on a frame.
#[derive(Clone, Copy, Debug)]
pub struct Layers(u8);

impl Default for Layers {
    fn default() -> Self {
        Layers(MAX_LAYERS)
    }
}

impl Layers {
    /// Pays for one more header.
    ///
    /// # Errors
    /// When none is left.
    pub fn take(&mut self) -> Result<(), Stop> {
        self.0 = self.0.checked_sub(1).ok_or(Stop::TooDeep)?;
        Ok(())
    }
}

/// What the header before it says of a run of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    /// IPv4 or IPv6.
    Ip,
    /// An Ethernet frame.
    Ethernet,
    /// What this Ethernet type stands for.
    Ethertype(u16),
    /// A label stack, or the rest of one.
    Labels,
}

type Found<'a> = Result<(Layer, &'a [u8]), Stop>;

impl Layer {
    /// The bytes from the next IP header on.
    ///
    /// # Errors
    /// When there is none, or it lies deeper than `layers` allows.
    pub fn ip_packet<'a>(self, bytes: &'a [u8], layers: &mut Layers) -> Result<&'a [u8], Stop> {
        let (mut layer, mut bytes) = (self, bytes);
        loop {
            (layer, bytes) = match layer {
                Layer::Ip => return Ok(bytes),
                Layer::Ethernet => {
                    let rest = bytes.get(14..).ok_or(Stop::NotIp)?;
                    (Layer::Ethertype(be16(bytes, 12).ok_or(Stop::NotIp)?), rest)
                }
                Layer::Ethertype(IPV4 | IPV6) => return Ok(bytes),
                Layer::Ethertype(ethertype) => {
                    layers.take()?;
                    after_ethertype(ethertype, bytes)?
                }
                Layer::Labels => {
                    layers.take()?;
                    after_label(bytes)?
                }
            };
        }
    }
}

fn after_ethertype(ethertype: u16, bytes: &[u8]) -> Found<'_> {
    match ethertype {
        // 802.1Q, 802.1ad and the values in use before it
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
            let inner = be16(bytes, 2).ok_or(Stop::Malformed)?;
            Ok((Layer::Ethertype(inner), &bytes[4..]))
        }
        // RFC 5332: both types stand for MPLS
        0x8847 | 0x8848 => after_label(bytes),
        PPPOE_SESSION => after_pppoe(bytes),
        _ => Err(Stop::NotIp),
    }
}

/// One label stack entry (RFC 3032 section 2.1).
fn after_label(bytes: &[u8]) -> Found<'_> {
    let entry = bytes.first_chunk::<4>().ok_or(Stop::Malformed)?;
    let rest = &bytes[4..];
    match entry[2] & 1 == 1 {
        true => behind_labels(rest),
        false => Ok((Layer::Labels, rest)),
    }
}

/// Labels do not say what they carry: routers tell it by the first nibble (RFC 4928, RFC 8469), and so does this. A
/// pseudowire (RFC 4448) begins with a control word (RFC 4385) or with the MAC addresses at once.
fn behind_labels(bytes: &[u8]) -> Found<'_> {
    let nibble = bytes.first().ok_or(Stop::Malformed)? >> 4;
    if matches!(nibble, 4 | 6) && IpPacket::decode(bytes).is_some() {
        return Ok((Layer::Ip, bytes));
    }
    match bytes.get(4..) {
        Some(frame) if nibble == 0 && is_ethernet(frame) => Ok((Layer::Ethernet, frame)),
        _ if is_ethernet(bytes) => Ok((Layer::Ethernet, bytes)),
        _ => Err(Stop::NotIp),
    }
}

/// Whether bytes look like an Ethernet frame on the way to IP.
fn is_ethernet(bytes: &[u8]) -> bool {
    let version = bytes.get(14).map(|byte| byte >> 4);
    match be16(bytes, 12) {
        Some(IPV4) => version == Some(4),
        Some(IPV6) => version == Some(6),
        Some(ethertype) => matches!(
            ethertype,
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x8847 | 0x8848 | PPPOE_SESSION
        ),
        None => false,
    }
}

/// A PPPoE session packet (RFC 2516 section 6) with its PPP protocol.
fn after_pppoe(bytes: &[u8]) -> Found<'_> {
    let header = bytes.first_chunk::<8>().ok_or(Stop::Malformed)?;
    if header[..2] != [0x11, 0] {
        return Err(Stop::Malformed);
    }
    match u16::from_be_bytes([header[6], header[7]]) {
        PPP_IPV4 | PPP_IPV6 => Ok((Layer::Ip, &bytes[8..])),
        _ => Err(Stop::NotIp),
    }
}

/// What an IP packet of this protocol wraps; `None` when the protocol is no tunnel.
pub fn in_ip(protocol: u8, payload: &[u8]) -> Option<Result<(Layer, &[u8]), Stop>> {
    match protocol {
        IP_IN_IP | IPV6_IN_IP => Some(Ok((Layer::Ip, payload))),
        GRE => Some(after_gre(payload)),
        MPLS_IN_IP => Some(Ok((Layer::Labels, payload))),
        _ => None,
    }
}

/// Generic routing encapsulation (RFC 2784) with key and sequence number (RFC 2890).
fn after_gre(bytes: &[u8]) -> Found<'_> {
    let flags = be16(bytes, 0).ok_or(Stop::Malformed)?;
    let protocol = be16(bytes, 2).ok_or(Stop::Malformed)?;
    // Version 1 is PPTP's; the bits of source routing and recursion are refused as RFC 2784 section 2.3 asks.
    if flags & 0x4c07 != 0 {
        return Err(Stop::NotIp);
    }
    let sequenced = flags & 0x1000 != 0;
    let options = [0x8000, 0x2000, 0x1000].iter().filter(|bit| flags & **bit != 0).count();
    let rest = bytes.get(4 + 4 * options..).ok_or(Stop::Malformed)?;
    match protocol {
        TRANSPARENT_ETHERNET => Ok((Layer::Ethernet, rest)),
        // Type I has neither a sequence number nor a header of its own.
        ERSPAN if !sequenced => Ok((Layer::Ethernet, rest)),
        ERSPAN | ERSPAN_III => after_erspan(rest),
        other => Ok((Layer::Ethertype(other), rest)),
    }
}

/// ERSPAN types II and III (draft-foschiano-erspan-03 sections 4.2 and 4.3), told apart by their version.
fn after_erspan(bytes: &[u8]) -> Found<'_> {
    match bytes.first().ok_or(Stop::Malformed)? >> 4 {
        1 => Ok((Layer::Ethernet, bytes.get(8..).ok_or(Stop::Malformed)?)),
        2 => {
            let header = bytes.first_chunk::<12>().ok_or(Stop::Malformed)?;
            // The O bit announces the subheader of a platform.
            let len = if header[11] & 1 == 1 { 20 } else { 12 };
            let rest = bytes.get(len..).ok_or(Stop::Malformed)?;
            match (header[10] >> 2) & 0x1f {
                0 => Ok((Layer::Ethernet, rest)),
                2 => Ok((Layer::Ip, rest)),
                _ => Err(Stop::NotIp),
            }
        }
        _ => Err(Stop::Malformed),
    }
}

/// What a datagram to this port wraps; `None` when it holds no header of the port's tunnel.
///
/// A port alone proves nothing: signalling and media may use it too. No header here can begin as a SIP message does.
#[inline]
pub fn in_udp(destination_port: u16, payload: &[u8]) -> Option<Result<(Layer, &[u8]), Stop>> {
    match destination_port {
        VXLAN_PORT | OLD_VXLAN_PORT => after_vxlan(destination_port, payload),
        GENEVE_PORT => after_geneve(payload),
        GTP_U_PORT => after_gtp(payload),
        _ => None,
    }
}

/// VXLAN (RFC 7348 section 5).
fn after_vxlan(port: u16, bytes: &[u8]) -> Option<Found<'_>> {
    let header = bytes.first_chunk::<8>()?;
    // Reserved bits are ignored as the RFC asks, but on the port that is not VXLAN's own they are what tells it.
    let is_vxlan = match port {
        VXLAN_PORT => header[0] & 0x08 != 0,
        _ => header[..4] == [0x08, 0, 0, 0] && header[7] == 0,
    };
    is_vxlan.then_some(Ok((Layer::Ethernet, &bytes[8..])))
}

/// Geneve (RFC 8926 section 3.4).
fn after_geneve(bytes: &[u8]) -> Option<Found<'_>> {
    let header = bytes.first_chunk::<8>()?;
    let layer = match u16::from_be_bytes([header[2], header[3]]) {
        TRANSPARENT_ETHERNET => Layer::Ethernet,
        ethertype @ (IPV4 | IPV6 | 0x8847 | 0x8848) => Layer::Ethertype(ethertype),
        _ => return None,
    };
    // Version 0 is the only one.
    if header[0] >> 6 != 0 {
        return None;
    }
    let len = 8 + 4 * usize::from(header[0] & 0x3f);
    Some(bytes.get(len..).map(|rest| (layer, rest)).ok_or(Stop::Malformed))
}

/// The G-PDU of GTP-U (3GPP TS 29.281 section 5): a user's IP packet.
fn after_gtp(bytes: &[u8]) -> Option<Found<'_>> {
    let header = bytes.first_chunk::<8>()?;
    // Version 1, the protocol type GTP (not GTP'), and the message that carries packets.
    if header[0] & 0xf0 != 0x30 || header[1] != 255 {
        return None;
    }
    // One of the flags E, S and PN brings the fields of all three.
    if header[0] & 0x07 == 0 {
        return Some(Ok((Layer::Ip, &bytes[8..])));
    }
    Some(behind_gtp_options(bytes, header[0] & 0x04 != 0).ok_or(Stop::Malformed))
}

fn behind_gtp_options(bytes: &[u8], extended: bool) -> Option<(Layer, &[u8])> {
    let mut next = *bytes.get(11)?;
    let mut rest = &bytes[12..];
    while extended && next != 0 {
        // An extension header counts its length in units of 4 bytes and ends with the type of the next.
        let len = 4 * usize::from(*rest.first()?);
        next = *rest.get(len.checked_sub(1)?)?;
        rest = &rest[len..];
    }
    Some((Layer::Ip, rest))
}
