//! Packet sockets (packet(7)): opened deaf, given a ring and a place in a fanout group, then a filter.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem::{size_of, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::bpf::Instruction;
use crate::filter::Front;

/// `ARPHRD_ETHER` and `ARPHRD_LOOPBACK`: frames begin with an Ethernet header.
const ETHERNET: [u16; 2] = [1, 772];

/// An interface of the system.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) front: Front,
    pub(crate) is_loopback: bool,
    index: i32,
}

impl Interface {
    /// Finds an interface that is up.
    pub(crate) fn find(name: &str) -> io::Result<Interface> {
        let missing = || {
            let there = names();
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("interface {name:?}: expected one of {}", there.join(", ")),
            )
        };
        let c_name = CString::new(name).map_err(|_| missing())?;
        // SAFETY: the name is a string that ends with NUL, and is only read.
        let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
        // An ifreq holds 15 letters and a NUL; no interface has a longer name.
        if index == 0 || name.len() >= libc::IFNAMSIZ {
            return Err(missing());
        }
        // SAFETY: all zeros is a valid ifreq.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(c_name.as_bytes()) {
            *to = *from as libc::c_char;
        }
        let any = std::net::UdpSocket::bind(("127.0.0.1", 0)).or_else(|_| std::net::UdpSocket::bind(("::1", 0)))?;
        let mut ask = |what: libc::c_ulong| {
            // SAFETY: both requests fill in the union of an ifreq, which is ours for the time of the call.
            match unsafe { libc::ioctl(any.as_raw_fd(), what as _, &mut request) } {
                // SAFETY: the kernel has filled in the part of the union that the caller reads; all are plain numbers.
                0 => Ok(unsafe { (request.ifr_ifru.ifru_flags, request.ifr_ifru.ifru_hwaddr.sa_family) }),
                _ => Err(io::Error::last_os_error()),
            }
        };
        let (flags, _) = ask(libc::SIOCGIFFLAGS)?;
        let (_, hardware) = ask(libc::SIOCGIFHWADDR)?;
        if i32::from(flags) & libc::IFF_UP == 0 {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                format!("interface {name}: expected it to be up, found it down (ip link set {name} up)"),
            ));
        }
        Ok(Interface {
            name: name.to_owned(),
            front: if ETHERNET.contains(&hardware) {
                Front::Ethernet
            } else {
                Front::Ip
            },
            is_loopback: i32::from(flags) & libc::IFF_LOOPBACK != 0,
            index: index as i32,
        })
    }
}

/// The names of all interfaces.
fn names() -> Vec<String> {
    // SAFETY: takes nothing; gives an array that ends with an entry of index 0, or null.
    let list = unsafe { libc::if_nameindex() };
    let mut names = Vec::new();
    if list.is_null() {
        return names;
    }
    let mut at = list;
    // SAFETY: `at` goes from entry to entry and not behind the one with index 0; names are strings that end with NUL, and
    // live until the list is freed, once, after the loop.
    unsafe {
        while (*at).if_index != 0 {
            names.push(std::ffi::CStr::from_ptr((*at).if_name).to_string_lossy().into_owned());
            at = at.add(1);
        }
        libc::if_freenameindex(list);
    }
    names
}

/// What the kernel counted for a socket since the last question.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Packets that passed the filter, dropped ones among them.
    pub(crate) received: u32,
    /// Packets that found no room in the ring.
    pub(crate) dropped: u32,
    /// Times the ring was full.
    pub(crate) freezes: u32,
}

/// A packet socket.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// A socket that receives nothing yet: without a protocol it is not attached to anything.
    pub(crate) fn open(interface: &Interface) -> io::Result<PacketSocket> {
        let kind = match interface.front {
            Front::Ethernet => libc::SOCK_RAW,
            // The kernel takes off whatever stands before the IP header.
            Front::Ip => libc::SOCK_DGRAM,
        };
        // SAFETY: plain numbers in, a descriptor or -1 out.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::PermissionDenied {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!(
                        "interface {}: expected the capability CAP_NET_RAW, found none: start as root, through the systemd unit, \
                         or after `setcap cap_net_raw+ep` on the Python interpreter",
                        interface.name
                    ),
                ));
            }
            return Err(error);
        }
        // SAFETY: the descriptor is open and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = PacketSocket { fd };
        socket.set(
            libc::PACKET_VERSION,
            &(libc::tpacket_versions::TPACKET_V3 as libc::c_int),
        )?;
        Ok(socket)
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Asks for a ring of blocks; see [`crate::ring`].
    pub(crate) fn request_ring(&self, block_len: usize, blocks: usize, retire_ms: u32) -> io::Result<()> {
        // Frames have no size of their own in version 3; the kernel only wants the numbers to agree.
        let frame_len = 2048;
        self.set(
            libc::PACKET_RX_RING,
            &libc::tpacket_req3 {
                tp_block_size: block_len as u32,
                tp_block_nr: blocks as u32,
                tp_frame_size: frame_len as u32,
                tp_frame_nr: (block_len / frame_len * blocks) as u32,
                tp_retire_blk_tov: retire_ms,
                tp_sizeof_priv: 0,
                tp_feature_req_word: 0,
            },
        )
    }

    /// Puts a filter in the place of the one before, in one step.
    pub(crate) fn attach(&self, program: &[Instruction]) -> io::Result<()> {
        let filter = libc::sock_fprog {
            len: program.len() as u16,
            // Instruction has the layout of sock_filter; the kernel only reads it.
            filter: program.as_ptr().cast_mut().cast(),
        };
        self.set_at(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
    }

    /// Attaches the socket to the interface. The interface shows every frame for as long as the socket is open.
    pub(crate) fn bind(&self, interface: &Interface) -> io::Result<()> {
        // SAFETY: all zeros is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface.index;
        let len = size_of::<libc::sockaddr_ll>() as u32;
        // SAFETY: the address is as long as said and only read.
        let bound = unsafe { libc::bind(self.fd(), (&raw const address).cast(), len) };
        if bound != 0 {
            return Err(io::Error::last_os_error());
        }
        self.set(
            libc::PACKET_ADD_MEMBERSHIP,
            &libc::packet_mreq {
                mr_ifindex: interface.index,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            },
        )
    }

    /// Joins the group that shares an interface's packets by flow, or begins one; gives its number.
    ///
    /// The kernel chooses the number of a new group: one chosen here (0, or made from the process id) might be a group
    /// that exists, and its members would share what each should see in full.
    pub(crate) fn join_fanout(&self, group: Option<u16>) -> io::Result<u16> {
        let flags = match group {
            Some(_) => libc::PACKET_FANOUT_HASH,
            None => libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_UNIQUEID,
        };
        let argument = u32::from(group.unwrap_or(0)) | flags << 16;
        self.set(libc::PACKET_FANOUT, &argument)?;
        let answer: u32 = self.get(libc::PACKET_FANOUT)?;
        Ok(answer as u16)
    }

    /// What was counted since the last question, which sets it to 0.
    pub(crate) fn statistics(&self) -> io::Result<Statistics> {
        let counted: libc::tpacket_stats_v3 = self.get(libc::PACKET_STATISTICS)?;
        Ok(Statistics {
            received: counted.tp_packets,
            dropped: counted.tp_drops,
            freezes: counted.tp_freeze_q_cnt,
        })
    }

    /// Takes a pending error, such as that the interface went down.
    pub(crate) fn take_error(&self) -> io::Result<()> {
        match self.get_at::<libc::c_int>(libc::SOL_SOCKET, libc::SO_ERROR)? {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn set<T: Copy>(&self, option: libc::c_int, value: &T) -> io::Result<()> {
        self.set_at(libc::SOL_PACKET, option, value)
    }

    fn set_at<T: Copy>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        set_option(self.fd(), level, option, value)
    }

    fn get<T: Copy>(&self, option: libc::c_int) -> io::Result<T> {
        self.get_at(libc::SOL_PACKET, option)
    }

    /// `T` is a struct of plain numbers, for which any bits are valid.
    fn get_at<T: Copy>(&self, level: libc::c_int, option: libc::c_int) -> io::Result<T> {
        let mut value = MaybeUninit::<T>::zeroed();
        let mut len = size_of::<T>() as u32;
        // SAFETY: the kernel writes at most `len` bytes into a value that is as long.
        let got = unsafe { libc::getsockopt(self.fd(), level, option, value.as_mut_ptr().cast(), &mut len) };
        if got != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was all zeros before the kernel wrote, which is valid for the plain numbers that callers ask for.
        Ok(unsafe { value.assume_init() })
    }
}

/// Asks for a receive buffer; the kernel gives as much of it as `net.core.rmem_max` allows.
pub(crate) fn set_receive_buffer(fd: RawFd, bytes: usize) -> io::Result<()> {
    let bytes = bytes.min(i32::MAX as usize) as libc::c_int;
    set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes)
}

fn set_option<T: Copy>(fd: RawFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as u32;
    // SAFETY: the value is as long as said and only read; what it points to lives in the caller.
    match unsafe { libc::setsockopt(fd, level, option, (&raw const *value).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits until one of the descriptors can be read, at most for `patience`. Answers for each whether there is something.
pub(crate) fn wait(fds: impl Iterator<Item = RawFd>, patience: Duration, ready: &mut Vec<bool>) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> = fds
        .map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let timeout_ms = patience.as_millis().min(i32::MAX as u128) as libc::c_int;
    // SAFETY: the array is as long as said and ours for the time of the call.
    let answer = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
    if answer < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    ready.clear();
    ready.extend(polled.iter().map(|one| one.revents != 0));
    Ok(())
}
