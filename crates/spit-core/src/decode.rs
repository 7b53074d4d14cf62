//! From a captured frame to SIP messages: link, IP, fragments, UDP and TCP in one pass.

use std::fmt;
use std::net::SocketAddr;

use crate::hep;
use crate::packet::defrag::Defragmenter;
use crate::packet::ip::{self, IpPacket};
use crate::packet::link::{ip_packet, LinkType};
use crate::packet::tcp::{Carried, Streams};
use crate::packet::transport::{TcpSegment, UdpDatagram};
use crate::sip::framing;
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::Micros;

/// How a message travelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS, where somebody else has decrypted it.
    Tls,
    /// SCTP.
    Sctp,
    /// WebSocket (RFC 7118).
    Ws,
}

impl Transport {
    /// The name that the records use.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Sctp => "sctp",
            Transport::Ws => "ws",
        }
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
            .field("hep_auth_key", &self.hep_auth_key.is_some())
            .finish()
    }
}

impl Default for DecodeSettings {
    fn default() -> Self {
        DecodeSettings {
            max_tcp_streams: 100_000,
            max_tcp_bytes: 64 * 1024 * 1024,
            max_fragments_bytes: 64 * 1024 * 1024,
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
    /// Frames that hold no IP, or IP that can't be decoded.
    pub not_ip: u64,
    /// Packets of other transports than UDP and TCP.
    pub other_transport: u64,
    /// UDP datagrams that hold no SIP.
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
    /// What passed through.
    pub counters: DecodeCounters,
}

impl Decoder {
    /// A decoder with these bounds.
    pub fn new(settings: DecodeSettings) -> Self {
        Decoder {
            table: HeaderTable::default(),
            fragments: Defragmenter::new(settings.max_fragments_bytes),
            streams: Streams::new(settings.max_tcp_streams, settings.max_tcp_bytes),
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
        let Some(packet) = ip_packet(link, frame).and_then(IpPacket::decode) else {
            self.counters.not_ip += 1;
            return;
        };
        let truncated = packet.truncated || original_len > frame.len();
        match packet.fragment {
            None => self.transport(
                time_us,
                packet.source,
                packet.destination,
                packet.protocol,
                packet.payload,
                truncated,
                emit,
            ),
            Some(fragment) => {
                if let Some(whole) = self.fragments.take(&packet, fragment, time_us) {
                    let (source, destination) = (whole.source, whole.destination);
                    self.transport(
                        time_us,
                        source,
                        destination,
                        whole.protocol,
                        &whole.payload,
                        false,
                        emit,
                    );
                }
            }
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

    #[allow(clippy::too_many_arguments)]
    fn transport(
        &mut self,
        time_us: Micros,
        source: std::net::IpAddr,
        destination: std::net::IpAddr,
        protocol: u8,
        payload: &[u8],
        truncated: bool,
        emit: &mut impl FnMut(&Message<'_>, &Seen),
    ) {
        let counters = &mut self.counters;
        match protocol {
            ip::UDP => {
                let Some(datagram) = UdpDatagram::decode(payload) else {
                    counters.not_ip += 1;
                    return;
                };
                if hep::is_hep(datagram.payload) {
                    self.hep(datagram.payload, time_us, emit);
                    return;
                }
                let seen = Seen {
                    time_us,
                    source: SocketAddr::new(source, datagram.source_port),
                    destination: SocketAddr::new(destination, datagram.destination_port),
                    transport: Transport::Udp,
                };
                let found = framing::datagram(
                    datagram.payload,
                    truncated || datagram.truncated,
                    &mut self.table,
                    |message| {
                        counters.messages += 1;
                        emit(message, &seen);
                    },
                );
                if !found {
                    counters.not_sip += 1;
                }
            }
            ip::TCP => {
                let Some(segment) = TcpSegment::decode(payload) else {
                    counters.not_ip += 1;
                    return;
                };
                let settings = &self.settings;
                self.streams.take(
                    SocketAddr::new(source, segment.source_port),
                    SocketAddr::new(destination, segment.destination_port),
                    &segment,
                    time_us,
                    &mut self.table,
                    &mut |carried, at| take_carried(carried, at, settings, counters, emit),
                );
            }
            _ => counters.other_transport += 1,
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
