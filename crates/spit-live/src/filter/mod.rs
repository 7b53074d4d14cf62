//! The kernel's filter: drops what is surely no signalling, and our own traffic, before it costs anything.
//!
//! It is made here rather than by libpcap, whose `port 5060` loses every fragment but the first. What is not known to be
//! useless passes: the decoder counts what it can't use, the kernel counts nothing that a filter drops.

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::bpf::{
    Assembler, Instruction, Label, ADD_K, ADD_X, AND_K, JEQ_K, JGE_K, JGT_K, LDX_IMM, LD_B_ABS, LD_B_IND, LD_H_ABS,
    LD_H_IND, LD_MEM, LD_W_ABS, LD_W_IND, LSH_K, RET_K, RSH_K, ST, TAX, TXA,
};

/// What passes, besides what is excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pass {
    /// What may carry signalling: SIP over UDP, HEP, TCP, SCTP, fragments, tunnels, and what is not known.
    #[default]
    Sip,
    /// Everything.
    All,
}

/// What a frame begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Front {
    /// An Ethernet header.
    Ethernet,
    /// An IP header.
    Ip,
}

/// What the filter is made from.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// What passes.
    pub pass: Pass,
    /// UDP and TCP to or from these never passes; an unspecified address means the port on every address.
    pub exclude: &'a [SocketAddr],
    /// What frames begin with.
    pub front: Front,
    /// Drops frames that the host sends: the loopback interface shows each of them again as received.
    pub drop_outgoing: bool,
}

/// Excluded addresses that a filter takes: their instructions are bounded by `net.core.optmem_max`, 20 KiB on old systems.
pub const MAX_EXCLUDED: usize = 64;

/// Bytes of a passing frame that are kept: all of it, segments that offloading has joined included.
const KEEP: u32 = 0x40000;

/// VLAN tags that the filter looks behind, besides the outermost, which the kernel takes off. Deeper ones pass.
const TAGS: u32 = 2;
const VLANS: [u32; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
/// ARP, RARP, flow control, LACP, 802.1X, LLDP, PTP, loopback test.
const USELESS_ETHERTYPES: [u32; 8] = [0x0806, 0x8035, 0x8808, 0x8809, 0x888e, 0x88cc, 0x88f7, 0x9000];
/// Smaller values are lengths: spanning tree and other LLC.
const FIRST_ETHERTYPE: u32 = 0x0600;

const TCP: u32 = 6;
const UDP: u32 = 17;
const IPV6_FRAGMENT: u32 = 44;
/// ICMP, IGMP, ESP, ICMPv6, no next header, EIGRP, OSPF, PIM, VRRP.
const USELESS_PROTOCOLS: [u32; 9] = [1, 2, 50, 58, 59, 88, 89, 103, 112];
/// VXLAN, VXLAN as Linux had it first, Geneve, GTP-U.
const TUNNEL_PORTS: [u32; 4] = [4789, 8472, 6081, 2152];
/// Bytes of a token (RFC 3261 section 25.1) that are neither letter nor digit, and the line ends of keep-alives.
const OTHER_FIRST_BYTES: &[u8] = b"-.!%*_+`'~\r\n";
/// HEP version 2 begins with its version and the length of its header: with IPv4 or with IPv6 addresses.
const HEP2: [u32; 2] = [0x0210, 0x0228];

/// `SKF_AD_OFF + SKF_AD_PKTTYPE`: the kernel answers this load with the direction of the packet.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
const PACKET_OUTGOING: u32 = 4;

/// Scratch memory: IPv4 addresses, ports, protocol, and whether more fragments follow.
const SOURCE: u32 = 0;
const DESTINATION: u32 = 1;
const PORTS: u32 = 2;
const PROTOCOL: u32 = 3;
const MORE_FRAGMENTS: u32 = 4;

/// The program that drops every frame: it stands before capture begins and after it ends.
pub fn nothing() -> Vec<Instruction> {
    let mut assembler = Assembler::default();
    assembler.op(RET_K, 0);
    assembler.assemble()
}

impl Filter<'_> {
    /// The filter as a program for the kernel.
    pub fn program(&self) -> Vec<Instruction> {
        let mut assembler = Assembler::default();
        let ends = Ends {
            pass: assembler.label(),
            drop: assembler.label(),
        };
        let (ipv4, ipv6) = (assembler.label(), assembler.label());
        if self.drop_outgoing {
            assembler.op(LD_W_ABS, PACKET_TYPE);
            assembler.jump_if(JEQ_K, PACKET_OUTGOING, ends.drop);
        }
        if self.pass == Pass::Sip || !self.exclude.is_empty() {
            match self.front {
                Front::Ethernet => self.ethernet(&mut assembler, &ends, ipv4, ipv6),
                Front::Ip => self.version(&mut assembler, &ends, ipv4, ipv6),
            }
            // From here on X is where the header at hand begins.
            let (transport, other) = (assembler.label(), assembler.label());
            assembler.place(ipv4);
            self.ipv4(&mut assembler, &ends, transport, other);
            assembler.place(ipv6);
            self.ipv6(&mut assembler, &ends, transport, other);
            assembler.place(transport);
            self.transport(&mut assembler, &ends);
            assembler.place(other);
            self.other_protocol(&mut assembler, &ends);
        }
        assembler.place(ends.pass);
        assembler.op(RET_K, KEEP);
        assembler.place(ends.drop);
        assembler.op(RET_K, 0);
        assembler.assemble()
    }

    fn ethernet(&self, assembler: &mut Assembler, ends: &Ends, ipv4: Label, ipv6: Label) {
        let other = assembler.label();
        for tags in 0..=TAGS {
            let tagged = assembler.label();
            assembler.op(LD_H_ABS, 12 + 4 * tags);
            assembler.op(LDX_IMM, 14 + 4 * tags);
            assembler.jump_if(JEQ_K, IPV4, ipv4);
            assembler.jump_if(JEQ_K, IPV6, ipv6);
            for vlan in VLANS {
                assembler.jump_if(JEQ_K, vlan, tagged);
            }
            assembler.goto(other);
            assembler.place(tagged);
        }
        assembler.goto(ends.pass);
        assembler.place(other);
        if self.pass == Pass::Sip {
            assembler.jump_unless(JGE_K, FIRST_ETHERTYPE, ends.drop);
            for useless in USELESS_ETHERTYPES {
                assembler.jump_if(JEQ_K, useless, ends.drop);
            }
        }
        assembler.goto(ends.pass);
    }

    fn version(&self, assembler: &mut Assembler, ends: &Ends, ipv4: Label, ipv6: Label) {
        assembler.op(LDX_IMM, 0);
        assembler.op(LD_B_ABS, 0);
        assembler.op(AND_K, 0xf0);
        assembler.jump_if(JEQ_K, 0x40, ipv4);
        assembler.jump_if(JEQ_K, 0x60, ipv6);
        assembler.goto(ends.pass);
    }

    fn ipv4(&self, assembler: &mut Assembler, ends: &Ends, transport: Label, other: Label) {
        let ports = assembler.label();
        assembler.op(LD_H_IND, 6);
        assembler.op(AND_K, 0x1fff);
        assembler.jump_unless(JEQ_K, 0, ends.pass);
        assembler.op(LD_H_IND, 6);
        assembler.op(AND_K, 0x2000);
        assembler.op(ST, MORE_FRAGMENTS);
        assembler.op(LD_W_IND, 12);
        assembler.op(ST, SOURCE);
        assembler.op(LD_W_IND, 16);
        assembler.op(ST, DESTINATION);
        assembler.op(LD_B_IND, 9);
        assembler.op(ST, PROTOCOL);
        assembler.op(LD_B_IND, 0);
        assembler.op(AND_K, 0x0f);
        assembler.op(LSH_K, 2);
        assembler.op(ADD_X, 0);
        assembler.op(TAX, 0);
        assembler.op(LD_MEM, PROTOCOL);
        assembler.jump_if(JEQ_K, UDP, ports);
        assembler.jump_unless(JEQ_K, TCP, other);
        assembler.place(ports);
        assembler.op(LD_W_IND, 0);
        assembler.op(ST, PORTS);
        for excluded in self.exclude {
            let (ip, port) = match excluded.ip() {
                IpAddr::V4(ip) => ((!ip.is_unspecified()).then_some(u32::from(ip)), excluded.port()),
                // A socket on [::] takes IPv4 too.
                IpAddr::V6(ip) if ip.is_unspecified() => (None, excluded.port()),
                IpAddr::V6(_) => continue,
            };
            for (address, high) in [(SOURCE, true), (DESTINATION, false)] {
                let next = assembler.label();
                if let Some(ip) = ip {
                    assembler.op(LD_MEM, address);
                    assembler.jump_unless(JEQ_K, ip, next);
                }
                assembler.op(LD_MEM, PORTS);
                if high {
                    assembler.op(RSH_K, 16);
                } else {
                    assembler.op(AND_K, 0xffff);
                }
                assembler.jump_if(JEQ_K, u32::from(port), ends.drop);
                assembler.place(next);
            }
        }
        // The first fragment holds the ports, but the end of its message is elsewhere.
        assembler.op(LD_MEM, MORE_FRAGMENTS);
        assembler.jump_unless(JEQ_K, 0, ends.pass);
        assembler.goto(transport);
    }

    fn ipv6(&self, assembler: &mut Assembler, ends: &Ends, transport: Label, other: Label) {
        let ports = assembler.label();
        assembler.op(LD_B_IND, 6);
        assembler.op(ST, PROTOCOL);
        assembler.jump_if(JEQ_K, IPV6_FRAGMENT, ends.pass);
        assembler.jump_if(JEQ_K, UDP, ports);
        assembler.jump_unless(JEQ_K, TCP, other);
        assembler.place(ports);
        for excluded in self.exclude {
            let IpAddr::V6(ip) = excluded.ip() else {
                continue;
            };
            for (address, port) in [(8, 40), (24, 42)] {
                let next = assembler.label();
                for (word, at) in words(ip).into_iter().zip((address..).step_by(4)) {
                    if !ip.is_unspecified() {
                        assembler.op(LD_W_IND, at);
                        assembler.jump_unless(JEQ_K, word, next);
                    }
                }
                assembler.op(LD_H_IND, port);
                assembler.jump_if(JEQ_K, u32::from(excluded.port()), ends.drop);
                assembler.place(next);
            }
        }
        assembler.op(TXA, 0);
        assembler.op(ADD_K, 40);
        assembler.op(TAX, 0);
        assembler.goto(transport);
    }

    /// UDP or TCP at X, whole and not excluded.
    fn transport(&self, assembler: &mut Assembler, ends: &Ends) {
        if self.pass == Pass::All {
            return assembler.goto(ends.pass);
        }
        assembler.op(LD_MEM, PROTOCOL);
        assembler.jump_if(JEQ_K, TCP, ends.pass);
        for port_at in [2, 0] {
            assembler.op(LD_H_IND, port_at);
            for port in TUNNEL_PORTS {
                assembler.jump_if(JEQ_K, port, ends.pass);
            }
        }
        // The first byte: 0x80 to 0xbf is RTP or RTCP, 0 to 3 STUN, 20 to 25 DTLS.
        assembler.op(LD_B_IND, 8);
        for (first, last) in [(b'A', b'Z'), (b'a', b'z'), (b'0', b'9')] {
            let next = assembler.label();
            assembler.jump_unless(JGE_K, u32::from(first), next);
            assembler.jump_unless(JGT_K, u32::from(last), ends.pass);
            assembler.place(next);
        }
        for byte in OTHER_FIRST_BYTES {
            assembler.jump_if(JEQ_K, u32::from(*byte), ends.pass);
        }
        assembler.op(LD_H_IND, 8);
        for start in HEP2 {
            assembler.jump_if(JEQ_K, start, ends.pass);
        }
        assembler.goto(ends.drop);
    }

    /// A protocol that is neither UDP nor TCP, in A.
    fn other_protocol(&self, assembler: &mut Assembler, ends: &Ends) {
        if self.pass == Pass::All {
            return assembler.goto(ends.pass);
        }
        for useless in USELESS_PROTOCOLS {
            assembler.jump_if(JEQ_K, useless, ends.drop);
        }
        assembler.goto(ends.pass);
    }
}

struct Ends {
    pass: Label,
    drop: Label,
}

fn words(ip: Ipv6Addr) -> [u32; 4] {
    let bits = u128::from(ip);
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}
