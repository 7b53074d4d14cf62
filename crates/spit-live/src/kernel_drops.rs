//! What the kernel lost before a ring or a socket's buffer, from its tables under `/proc/net`.

use std::sync::{Mutex, PoisonError};

/// Where a number of drops is found.
#[derive(Clone, Debug)]
enum Place {
    /// An interface, by name: `/proc/net/dev`.
    Interface(String),
    /// A UDP socket, by inode: `/proc/net/udp` or `/proc/net/udp6`.
    UdpSocket(u64),
}

/// Drops of some interfaces and sockets since they were added.
#[derive(Debug, Default)]
pub(crate) struct KernelDrops {
    places: Mutex<Vec<(Place, u64)>>,
    dropped: Mutex<u64>,
}

impl KernelDrops {
    /// Packets of the interface that the card or the kernel had no room for, from now on.
    pub(crate) fn add_interface(&self, name: &str) {
        self.add(Place::Interface(name.to_owned()));
    }

    /// Datagrams that a socket's buffer had no room for, from now on.
    pub(crate) fn add_udp_socket(&self, inode: u64) {
        self.add(Place::UdpSocket(inode));
    }

    fn add(&self, place: Place) {
        let now = Tables::read().find(&place).unwrap_or(0);
        self.places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((place, now));
    }

    /// The drops so far. A place that is gone, or a table that can't be read, adds nothing.
    pub(crate) fn total(&self) -> u64 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        if places.is_empty() {
            return *dropped;
        }
        let tables = Tables::read();
        for (place, before) in places.iter_mut() {
            if let Some(now) = tables.find(place) {
                // An interface that was made anew counts from 0.
                *dropped += now.checked_sub(*before).unwrap_or(now);
                *before = now;
            }
        }
        *dropped
    }
}

struct Tables {
    interfaces: String,
    udp: [String; 2],
}

impl Tables {
    fn read() -> Tables {
        let table = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        Tables {
            interfaces: table("dev"),
            udp: [table("udp"), table("udp6")],
        }
    }

    fn find(&self, place: &Place) -> Option<u64> {
        match place {
            Place::Interface(name) => interface_drops(&self.interfaces, name),
            Place::UdpSocket(inode) => self.udp.iter().find_map(|table| udp_drops(table, *inode)),
        }
    }
}

/// The fourth number behind an interface's name: dropped for want of room, by the kernel or by the card.
fn interface_drops(table: &str, name: &str) -> Option<u64> {
    let numbers = table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    numbers.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// The last number of the line that has the inode as its tenth field.
fn udp_drops(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(9)?.parse() == Ok(inode);
        is_it.then(|| fields.get(12)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 4970460   46371    0    0    0     0          0         0  4970460   46371    0    0    0     0       0          0
  eth1:  770640    3210    1   42    3     0          0         0   311430    2412    0    7    0     0       0          0
eth1.10:    640       2    0    5    0     0          0         0        0       0    0    0    0     0       0          0
";

    const UDP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 0100007F:2364 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 98765 2 0000000000000000 17
 1235: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1234 2 0000000000000000 0
";

    #[test]
    fn drops_of_an_interface_are_found_by_its_whole_name() {
        assert_eq!(interface_drops(DEV, "eth1"), Some(42));
        assert_eq!(interface_drops(DEV, "eth1.10"), Some(5));
        assert_eq!(interface_drops(DEV, "lo"), Some(0));
        assert_eq!(interface_drops(DEV, "eth"), None);
        assert_eq!(interface_drops("", "eth1"), None);
    }

    #[test]
    fn drops_of_a_socket_are_found_by_its_inode() {
        assert_eq!(udp_drops(UDP, 98765), Some(17));
        assert_eq!(udp_drops(UDP, 1234), Some(0));
        assert_eq!(udp_drops(UDP, 1), None);
        assert_eq!(udp_drops("", 1), None);
    }
}
