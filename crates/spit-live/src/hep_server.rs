//! A collector of HEP: one thread for all sockets and connections, none of which is waited for alone.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::now_us;
use crate::hep_address::HepAddress;
use crate::hep_connection::{Connection, Turn};
use crate::intake::Intake;
use crate::socket::{set_receive_buffer, wait};

/// Connections that are held at once; more are refused.
const MAX_CONNECTIONS: usize = 256;

/// Asked for each UDP socket: a burst waits here while the thread decodes.
const RECEIVE_BUFFER: usize = 16 * 1024 * 1024;

/// Datagrams taken from one socket before the next has its turn.
const DATAGRAMS_PER_TURN: usize = 256;

/// How long sockets on which nothing comes are waited for.
const IDLE: Duration = Duration::from_millis(50);

/// After the end of capture, senders that go on are not waited for longer than this.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// Where the system can give no further descriptor, connections are not accepted for this long.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What became of connections.
#[derive(Debug, Default)]
pub(crate) struct HepCounters {
    /// Connections accepted.
    pub(crate) connections: AtomicU64,
    /// Connections refused because there were too many.
    pub(crate) refused: AtomicU64,
    /// Connections cut off: no HEP, too slow, idle, or ended within a packet.
    pub(crate) cut: AtomicU64,
}

/// The sockets of a collector.
pub(crate) struct HepServer {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
    connections: Vec<Connection<TcpStream>>,
    accept_after: Option<Instant>,
    counters: Arc<HepCounters>,
}

impl HepServer {
    /// Opens the sockets of all addresses.
    pub(crate) fn open(addresses: &[HepAddress], counters: Arc<HepCounters>) -> io::Result<HepServer> {
        let mut server = HepServer {
            udp: Vec::new(),
            tcp: Vec::new(),
            connections: Vec::new(),
            accept_after: None,
            counters,
        };
        for address in addresses {
            let (udp, tcp) = address.bind()?;
            if let Some(udp) = &udp {
                set_receive_buffer(udp.as_raw_fd(), RECEIVE_BUFFER)?;
            }
            server.udp.extend(udp);
            server.tcp.extend(tcp);
        }
        Ok(server)
    }

    /// What the sockets are bound to, UDP first.
    pub(crate) fn addresses(&self) -> io::Result<(Vec<SocketAddr>, Vec<SocketAddr>)> {
        let udp = self.udp.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
        let tcp = self
            .tcp
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>()?;
        Ok((udp, tcp))
    }

    /// The inodes of the UDP sockets, by which the kernel lists their drops.
    pub(crate) fn udp_inodes(&self) -> Vec<u64> {
        let inode = |socket: &UdpSocket| {
            let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
            std::fs::metadata(path).ok().map(|data| data.st_ino())
        };
        self.udp.iter().filter_map(inode).collect()
    }

    /// Works until `stop`, then takes what has already come.
    pub(crate) fn run(mut self, mut intake: Intake, stop: &AtomicBool) -> io::Result<()> {
        let mut datagram = vec![0; 65_536];
        let mut ready = Vec::new();
        let mut draining = None;
        loop {
            if draining.is_none() && stop.load(Ordering::Acquire) {
                draining = Some(Instant::now());
            }
            let idle = self.take_turn(&mut intake, &ready, &mut datagram);
            intake.pause(idle);
            match draining {
                Some(since) if idle || since.elapsed() > DRAIN_LIMIT => break,
                // With nothing known to be ready, every socket is looked at.
                Some(_) => ready.clear(),
                None => {
                    let patience = if idle { IDLE } else { Duration::ZERO };
                    self.wait(patience, &mut ready)?;
                }
            }
        }
        intake.end();
        Ok(())
    }

    /// Waits for the UDP sockets, the connections and the listeners, in that order.
    fn wait(&mut self, patience: Duration, ready: &mut Vec<bool>) -> io::Result<()> {
        self.accept_after = self.accept_after.filter(|after| Instant::now() < *after);
        let sockets = self.udp.iter().map(AsRawFd::as_raw_fd);
        let connections = self.connections.iter().map(|c| c.stream().as_raw_fd());
        let listeners = self.tcp.iter().map(AsRawFd::as_raw_fd);
        let listeners = listeners.filter(|_| self.accept_after.is_none());
        wait(sockets.chain(connections).chain(listeners), patience, ready)
    }

    /// Takes what has come on what is ready; whether that was nothing.
    fn take_turn(&mut self, intake: &mut Intake, ready: &[bool], datagram: &mut [u8]) -> bool {
        let mut idle = true;
        let is_ready = |at: usize| ready.get(at).copied().unwrap_or(true);
        for (at, socket) in self.udp.iter().enumerate() {
            if is_ready(at) {
                idle &= take_datagrams(socket, intake, datagram);
            }
        }
        let now = Instant::now();
        let cut = &self.counters.cut;
        let mut at = self.udp.len();
        self.connections.retain_mut(|connection| {
            at += 1;
            let turn = if is_ready(at - 1) {
                connection.read(now, &mut |packet| {
                    idle = false;
                    intake.hep(0, now_us(), packet);
                })
            } else {
                Turn::Empty
            };
            idle &= turn != Turn::More;
            let keep = match turn {
                Turn::Empty | Turn::More => !connection.is_late(now),
                Turn::Closed => return false,
                Turn::Broken => false,
            };
            cut.fetch_add(u64::from(!keep), Ordering::Relaxed);
            keep
        });
        let held = self.connections.len();
        if self.accept_after.is_none() {
            for at in 0..self.tcp.len() {
                self.accept(at, now);
            }
        }
        idle && self.connections.len() == held
    }

    fn accept(&mut self, at: usize, now: Instant) {
        loop {
            match self.tcp[at].accept() {
                Ok((stream, _)) if self.connections.len() < MAX_CONNECTIONS && stream.set_nonblocking(true).is_ok() => {
                    self.counters.connections.fetch_add(1, Ordering::Relaxed);
                    self.connections.push(Connection::new(stream, now));
                }
                Ok(_) => {
                    self.counters.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        self.accept_after = Some(now + ACCEPT_PAUSE);
                    }
                    return;
                }
            }
        }
    }
}

/// Takes datagrams that have come; whether there was none.
fn take_datagrams(socket: &UdpSocket, intake: &mut Intake, datagram: &mut [u8]) -> bool {
    for taken in 0..DATAGRAMS_PER_TURN {
        match socket.recv_from(datagram) {
            Ok((len, _)) => intake.hep(0, now_us(), &datagram[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Errors of a datagram socket concern one datagram, such as one that was answered by ICMP.
            Err(_) => return taken == 0,
        }
    }
    false
}
