//! From a captured frame to SIP messages: link, IP, fragments, UDP and TCP in one pass.

use std::net::SocketAddr;

use crate::packet::defrag::Defragmenter;
use crate::packet::ip::{self, IpPacket};
use crate::packet::link::{ip_packet, LinkType};
use crate::packet::tcp::Streams;
use crate::packet::transport::{TcpSegment, UdpDatagram};
use crate::sip::framing;
use crate::sip::head::HeaderTable;
use crate::sip::message::Message;
use crate::Micros;

/// How a message travelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl Transport {
    /// The name that the records use.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
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

/// Bounds of the decoder.
#[derive(Clone, Copy, Debug)]
pub struct DecodeSettings {
    /// Directions of TCP connections that are followed.
    pub max_tcp_streams: usize,
    /// Bytes of IP fragments that may wait for others.
    pub max_fragments_bytes: usize,
}

impl Default for DecodeSettings {
    fn default() -> Self {
        DecodeSettings {
            max_tcp_streams: 100_000,
            max_fragments_bytes: 64 * 1024 * 1024,
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
}

/// The state of decoding one stream of packets.
#[derive(Debug)]
pub struct Decoder {
    table: HeaderTable,
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
            streams: Streams::new(settings.max_tcp_streams),
            counters: DecodeCounters::default(),
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
    pub fn flush(&mut self, time_us: Micros, emit: &mut impl FnMut(&Message<'_>, &Seen)) {
        let counters = &mut self.counters;
        self.streams
            .flush(&mut self.table, &mut |message, source, destination| {
                counters.messages += 1;
                emit(message, &tcp_seen(time_us, source, destination));
            });
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
                self.streams.take(
                    SocketAddr::new(source, segment.source_port),
                    SocketAddr::new(destination, segment.destination_port),
                    &segment,
                    time_us,
                    &mut self.table,
                    &mut |message, source, destination| {
                        counters.messages += 1;
                        emit(message, &tcp_seen(time_us, source, destination));
                    },
                );
            }
            _ => counters.other_transport += 1,
        }
    }
}

fn tcp_seen(time_us: Micros, source: SocketAddr, destination: SocketAddr) -> Seen {
    Seen {
        time_us,
        source,
        destination,
        transport: Transport::Tcp,
    }
}
