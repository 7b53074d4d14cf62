//! From a captured frame to SIP messages: link, IP, fragments, UDP and TCP in one pass.

use std::fmt;
use std::net::SocketAddr;

use crate::hep;
use crate::packet::defrag::Defragmenter;
use crate::packet::duplicate::{Duplicates, DUPLICATE_WINDOW_US};
use crate::packet::ip::{self, IpPacket};
use crate::packet::link::{self, LinkType};
use crate::packet::tcp::{Carried, Streams, MAX_HELD_BYTES};
use crate::packet::transport::{TcpSegment, UdpDatagram};
use crate::packet::tunnel::{self, Layer, Layers, Stop};
use crate::sip::framing;
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::sip::start_line::may_start_message;
use crate::Micros;

/// How a message travelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// SCTP (RFC 4168).
    Sctp,
    /// WebSocket (RFC 7118).
    Ws,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Transport; 5] = [
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Sctp,
        Transport::Ws,
    ];

    /// The name that the records use.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Sctp => "sctp",
            Transport::Ws => "ws",
        }
    }

    /// The transport of a name that the records use.
    pub fn from_name(name: &str) -> Option<Transport> {
        Transport::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// Where and when a message was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Capture time of the packet that completed the message.
    pub time_us: Micros,
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Transport.
    pub transport: Transport,
}

/// Bounds of the decoder, and the key that HEP must carry.
#[derive(Clone)]
pub struct DecodeSettings {
    /// Directions of TCP connections that are followed.
    pub max_tcp_streams: usize,
    /// Bytes of TCP streams that may wait for the rest of a message or for a missing segment.
    pub max_tcp_bytes: usize,
    /// Bytes of IP fragments that may wait for others.
    pub max_fragments_bytes: usize,
    /// A packet seen again within this is a mirror's duplicate; 0 keeps every packet.
    pub duplicate_window_us: Micros,
    /// Seed of the hashes by which duplicates are known. Nobody who sends packets may know it.
    pub hash_seed: u64,
    /// The authentication key that every HEP packet must carry; `None` takes any packet.
    pub hep_auth_key: Option<Vec<u8>>,
}

/// The key is a secret: only whether there is one is shown.
impl fmt::Debug for DecodeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeSettings")
            .field("max_tcp_streams", &self.max_tcp_streams)
            .field("max_tcp_bytes", &self.max_tcp_bytes)
            .field("max_fragments_bytes", &self.max_fragments_bytes)
            .field("duplicate_window_us", &self.duplicate_window_us)
            .field("hep_auth_key", &self.hep_auth_key.is_some())
            .finish()
    }
}

impl Default for DecodeSettings {
    fn default() -> Self {
        DecodeSettings {
            max_tcp_streams: 100_000,
            max_tcp_bytes: MAX_HELD_BYTES,
            max_fragments_bytes: 64 * 1024 * 1024,
            duplicate_window_us: DUPLICATE_WINDOW_US,
            hash_seed: 0,
            hep_auth_key: None,
        }
    }
}

/// What passed through the decoder, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounters {
    /// Frames seen.
    pub packets: u64,
    /// Bytes captured of them.
    pub bytes: u64,
    /// Frames that hold no IP, or IP, UDP or TCP headers that can't be decoded.
    pub not_ip: u64,
    /// Packets taken out of a tunnel: once for each IP packet around another.
    pub tunnelled: u64,
    /// Tags, labels and tunnel headers that are cut off or against their specification.
    pub bad_tunnel: u64,
    /// Frames with more layers around the signalling than are followed.
    pub too_deep: u64,
    /// Packets that a mirror showed twice.
    pub duplicates: u64,
    /// ICMP and ICMPv6 packets, errors that quote SIP among them.
    pub icmp: u64,
    /// Packets of other transports than UDP and TCP.
    pub other_transport: u64,
    /// UDP datagrams without contents, or of line ends and NUL bytes alone.
    pub keep_alives: u64,
    /// Other UDP datagrams that hold no SIP.
    pub not_sip: u64,
    /// SIP messages.
    pub messages: u64,
    /// HEP packets.
    pub hep_packets: u64,
    /// HEP packets that hold something other than SIP.
    pub hep_not_sip: u64,
    /// HEP packets that can't be decoded.
    pub hep_bad: u64,
    /// HEP packets without the configured authentication key.
    pub hep_bad_key: u64,
    /// HEP packets whose compressed payload grows beyond the limit.
    pub hep_bomb: u64,
    /// HEP packets that hold HEP.
    pub hep_nested: u64,
    /// SIP messages in HEP without a time, or with one far from that of their arrival, which stands for it.
    pub hep_time_replaced: u64,
}

/// The state of decoding one stream of packets.
#[derive(Debug)]
pub struct Decoder {
    table: HeaderTable,
    settings: DecodeSettings,
    /// Fragments that wait.
    pub fragments: Defragmenter,
    /// TCP connections.
    pub streams: Streams,
    duplicates: Duplicates,
    /// What passed through.
    pub counters: DecodeCounters,
}

/// What is known of a packet from what it was found in.
#[derive(Clone, Copy)]
struct Around {
    time_us: Micros,
    /// The headers that may still be followed.
    layers: Layers,
    /// The capture holds only a part.
    truncated: bool,
}

impl Decoder {
    /// A decoder with these bounds.
    pub fn new(settings: DecodeSettings) -> Self {
        Decoder::with_table(settings, HeaderTable::default())
    }

    /// A decoder for those who only track calls: see [`HeaderTable::of_calls`].
    pub fn of_calls(settings: DecodeSettings) -> Self {
        Decoder::with_table(settings, HeaderTable::of_calls())
    }

    fn with_table(settings: DecodeSettings, table: HeaderTable) -> Self {
        Decoder {
            table,
            fragments: Defragmenter::new(settings.max_fragments_bytes),
            streams: Streams::new(settings.max_tcp_streams, settings.max_tcp_bytes),
            duplicates: Duplicates::new(settings.duplicate_window_us, settings.hash_seed),
            counters: DecodeCounters::default(),
            settings,
        }
    }

    /// Decodes a frame; calls `emit` for each message that it completes.
    #[inline]
    pub fn frame(
        &mut self,
        time_us: Micros,
        link: LinkType,
        frame: &[u8],
        original_len: usize,
        emit: &mut impl FnMut(&Message<'_>, &Seen),
    ) {
        self.counters.packets += 1;
        self.counters.bytes += frame.len() as u64;
        let mut around = Around {
            time_us,
            layers: Layers::default(),
            truncated: original_len > frame.len(),
        };
        match link::ip_packet(link, frame, &mut around.layers) {
            Ok(bytes) => self.ip(bytes, around, emit),
            Err(stop) => self.stop(stop),
        }
    }

    /// Ends the stream of packets: what waits behind a TCP gap is read.
    pub fn flush(&mut self, _now_us: Micros, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let (counters, settings) = (&mut self.counters, &self.settings);
        self.streams.flush(&mut self.table, &mut |carried, at| {
            take_carried(carried, at, settings, counters, emit);
        });
    }

    /// Decodes a HEP packet as received from a socket, or found in a datagram: the SIP in it, as its sender saw it.
    pub fn hep(&mut self, bytes: &[u8], received_us: Micros, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let received = hep::Received {
            time_us: received_us,
            auth_key: self.settings.hep_auth_key.as_deref(),
        };
        hep::receive(bytes, &received, &mut self.counters, &mut self.table, emit);
    }

    fn ip(&mut self, bytes: &[u8], around: Around, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        // The two versions apart: one answer for both would be copied.
        if IpPacket::is_v4(bytes) {
            return match IpPacket::decode_v4(bytes) {
                Some(packet) => self.ip_packet(&packet, around, emit),
                None => self.stop(Stop::NotIp),
            };
        }
        match IpPacket::decode(bytes) {
            Some(packet) => self.ip_packet(&packet, around, emit),
            None => self.stop(Stop::NotIp),
        }
    }

    fn ip_packet(&mut self, packet: &IpPacket<'_>, mut around: Around, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let Some(fragment) = packet.fragment else {
            around.truncated |= packet.truncated;
            return self.transport(packet, around, emit);
        };
        if self.duplicates.fragment(packet, fragment, around.time_us) {
            self.counters.duplicates += 1;
            return;
        }
        if let Some(whole) = self.fragments.take(packet, fragment, around.time_us) {
            let packet = IpPacket {
                payload: &whole.payload,
                protocol: whole.protocol,
                fragment: None,
                ..*packet
            };
            around.truncated = false;
            self.transport(&packet, around, emit);
        }
    }

    #[inline]
    fn transport(&mut self, packet: &IpPacket<'_>, around: Around, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        match packet.protocol {
            ip::UDP => self.udp(packet, around, emit),
            ip::TCP => self.tcp(packet, around, emit),
            ip::ICMP | ip::ICMPV6 => self.counters.icmp += 1,
            protocol => match tunnel::in_ip(protocol, packet.payload) {
                Some(found) => self.tunnel(found, around, emit),
                None => self.counters.other_transport += 1,
            },
        }
    }

    /// Goes on inside a tunnel. Each costs a layer, which bounds the recursion.
    fn tunnel(
        &mut self,
        found: Result<(Layer, &[u8]), Stop>,
        mut around: Around,
        emit: &mut impl FnMut(&Message<'_>, &Seen),
    ) {
        let inner = around.layers.take().and(found);
        match inner.and_then(|(layer, bytes)| layer.ip_packet(bytes, &mut around.layers)) {
            Ok(bytes) => {
                self.counters.tunnelled += 1;
                self.ip(bytes, around, emit);
            }
            Err(stop) => self.stop(stop),
        }
    }

    #[inline]
    fn udp(&mut self, packet: &IpPacket<'_>, around: Around, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let Some(datagram) = UdpDatagram::decode(packet.payload) else {
            return self.stop(Stop::NotIp);
        };
        if hep::is_hep(datagram.payload) {
            if self.duplicates.datagram(packet, around.time_us) {
                self.counters.duplicates += 1;
                return;
            }
            return self.hep(datagram.payload, around.time_us, emit);
        }
        // A tunnel's header can't be taken for the beginning of a message, so looking for SIP first loses neither.
        if !may_start_message(framing::skip_line_ends(datagram.payload)) {
            return self.other_datagram(&datagram, around, emit);
        }
        if self.duplicates.datagram(packet, around.time_us) {
            self.counters.duplicates += 1;
            return;
        }
        let seen = Seen {
            time_us: around.time_us,
            source: SocketAddr::new(packet.source, datagram.source_port),
            destination: SocketAddr::new(packet.destination, datagram.destination_port),
            transport: Transport::Udp,
        };
        let counters = &mut self.counters;
        let truncated = around.truncated || datagram.truncated;
        let found = framing::datagram(datagram.payload, truncated, &mut self.table, |message| {
            counters.messages += 1;
            emit(message, &seen);
        });
        if !found {
            self.counters.not_sip += 1;
        }
    }

    /// A datagram that begins with no message: a tunnel, a keep-alive, media or another protocol.
    fn other_datagram(
        &mut self,
        datagram: &UdpDatagram<'_>,
        around: Around,
        emit: &mut impl FnMut(&Message<'_>, &Seen),
    ) {
        if let Some(found) = tunnel::in_udp(datagram.destination_port, datagram.payload) {
            self.tunnel(found, around, emit);
        } else if framing::is_keep_alive(datagram.payload) {
            self.counters.keep_alives += 1;
        } else {
            self.counters.not_sip += 1;
        }
    }

    fn tcp(&mut self, packet: &IpPacket<'_>, around: Around, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let Some(segment) = TcpSegment::decode(packet.payload) else {
            return self.stop(Stop::NotIp);
        };
        // Bare acknowledgements repeat each other and change nothing.
        let bare = segment.payload.is_empty() && !(segment.syn || segment.fin || segment.rst);
        if bare {
            return;
        }
        if self.duplicates.segment(packet, around.time_us) {
            self.counters.duplicates += 1;
            return;
        }
        let (counters, settings) = (&mut self.counters, &self.settings);
        self.streams.take(
            SocketAddr::new(packet.source, segment.source_port),
            SocketAddr::new(packet.destination, segment.destination_port),
            &segment,
            around.time_us,
            &mut self.table,
            &mut |carried, at| take_carried(carried, at, settings, counters, emit),
        );
    }

    #[cold]
    fn stop(&mut self, stop: Stop) {
        match stop {
            Stop::NotIp => self.counters.not_ip += 1,
            Stop::TooDeep => self.counters.too_deep += 1,
            Stop::Malformed => self.counters.bad_tunnel += 1,
        }
    }
}

/// Passes on what a TCP stream carried. HEP's own time is held against that of its arrival.
fn take_carried(
    carried: Carried<'_>,
    at: &Seen,
    settings: &DecodeSettings,
    counters: &mut DecodeCounters,
    emit: &mut impl FnMut(&Message<'_>, &Seen),
) {
    match carried {
        Carried::Message(message) => {
            counters.messages += 1;
            emit(message, at);
        }
        Carried::Hep(bytes, table) => {
            let received = hep::Received {
                time_us: at.time_us,
                auth_key: settings.hep_auth_key.as_deref(),
            };
            hep::receive(bytes, &received, counters, table, emit);
        }
    }
}
