//! Column builders that are shared by the record batches.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use arrow_array::builder::StringBuilder;

/// Appends bytes as text; bytes that are not UTF-8 become U+FFFD. Answers whether all were UTF-8.
pub(crate) fn append_text(column: &mut StringBuilder, bytes: Option<&[u8]>) -> bool {
    match bytes {
        None => {
            column.append_null();
            true
        }
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                column.append_value(text);
                true
            }
            Err(_) => {
                column.append_value(String::from_utf8_lossy(bytes));
                false
            }
        },
    }
}

/// Appends anything that can be shown, without a string in between.
pub(crate) fn append_shown(column: &mut StringBuilder, shown: std::fmt::Arguments<'_>) {
    // Writing into a builder can't fail.
    let _ = column.write_fmt(shown);
    column.append_value("");
}

/// Appends an address as `ip:port`, IPv6 in brackets.
pub(crate) fn append_socket(column: &mut StringBuilder, address: SocketAddr) {
    append_shown(column, format_args!("{address}"));
}

/// Appends an address.
pub(crate) fn append_ip(column: &mut StringBuilder, address: IpAddr) {
    match address {
        // Nearly all are IPv4, and the general formatting costs ten times as much.
        IpAddr::V4(v4) => {
            let mut text = [0u8; 15];
            let len = write_v4(&mut text, v4);
            column.append_value(std::str::from_utf8(&text[..len]).unwrap_or_default());
        }
        IpAddr::V6(v6) => append_shown(column, format_args!("{v6}")),
    }
}

/// Writes an address in dotted form; answers how many bytes.
pub(crate) fn write_v4(text: &mut [u8; 15], address: Ipv4Addr) -> usize {
    let mut len = 0;
    for (i, octet) in address.octets().into_iter().enumerate() {
        if i > 0 {
            text[len] = b'.';
            len += 1;
        }
        for divisor in [100, 10, 1] {
            if octet >= divisor || divisor == 1 {
                text[len] = b'0' + octet / divisor % 10;
                len += 1;
            }
        }
    }
    len
}

/// 64 bits as 16 hexadecimal digits.
pub(crate) fn hex(bits: u64) -> [u8; 16] {
    std::array::from_fn(|i| b"0123456789abcdef"[(bits >> (60 - 4 * i) & 15) as usize])
}

/// Appends 64 bits as 16 hexadecimal digits.
pub(crate) fn append_hex(column: &mut StringBuilder, bits: u64) {
    column.append_value(std::str::from_utf8(&hex(bits)).unwrap_or_default());
}
