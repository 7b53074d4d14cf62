//! Where HEP is listened for: `0.0.0.0:9060`, `udp:0.0.0.0:9060`, `tcp:[::]:9060`.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Ports tried when the system chooses one for UDP that TCP does not have free.
const TRIES: usize = 16;

/// An address and over what it is listened on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HepAddress {
    /// Datagrams.
    pub udp: bool,
    /// Connections.
    pub tcp: bool,
    /// The address; port 0 lets the system choose.
    pub address: SocketAddr,
}

impl HepAddress {
    /// Reads an address as users write it; `None` when it is none.
    pub fn parse(text: &str) -> Option<HepAddress> {
        let (udp, tcp, rest) = match text.split_at_checked(4) {
            Some(("udp:", rest)) => (true, false, rest),
            Some(("tcp:", rest)) => (false, true, rest),
            _ => (true, true, text),
        };
        let address = rest.parse().ok()?;
        Some(HepAddress { udp, tcp, address })
    }

    /// Opens the sockets. Where both are wanted both get the same port.
    pub(crate) fn bind(self) -> io::Result<(Option<UdpSocket>, Option<TcpListener>)> {
        let mut tries = if self.address.port() == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.try_bind() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
                Err(error) => {
                    let message = format!("HEP collector on {}: {error}", self.address);
                    return Err(io::Error::new(error.kind(), message));
                }
                bound => return bound,
            }
        }
    }

    fn try_bind(self) -> io::Result<(Option<UdpSocket>, Option<TcpListener>)> {
        let udp = self.udp.then(|| UdpSocket::bind(self.address)).transpose()?;
        let mut address = self.address;
        if let Some(udp) = &udp {
            address.set_port(udp.local_addr()?.port());
        }
        let tcp = self.tcp.then(|| TcpListener::bind(address)).transpose()?;
        if let Some(udp) = &udp {
            udp.set_nonblocking(true)?;
        }
        if let Some(tcp) = &tcp {
            tcp.set_nonblocking(true)?;
        }
        Ok((udp, tcp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_name_what_it_is_listened_on() {
        let parsed = |text| HepAddress::parse(text).map(|a| (a.udp, a.tcp, a.address.to_string()));
        assert_eq!(parsed("0.0.0.0:9060"), Some((true, true, "0.0.0.0:9060".into())));
        assert_eq!(parsed("udp:[::1]:0"), Some((true, false, "[::1]:0".into())));
        assert_eq!(parsed("tcp:127.0.0.1:1"), Some((false, true, "127.0.0.1:1".into())));
        for wrong in [
            "",
            "9060",
            "udp:",
            "sctp:127.0.0.1:1",
            "127.0.0.1",
            "localhost:9060",
            "é:1",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn both_sockets_get_the_port_that_the_system_chose() {
        let (udp, tcp) = HepAddress::parse("127.0.0.1:0").unwrap().bind().unwrap();
        let port = udp.unwrap().local_addr().unwrap().port();
        assert_eq!(tcp.unwrap().local_addr().unwrap().port(), port);
        assert_ne!(port, 0);
    }
}
