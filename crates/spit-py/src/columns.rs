//! Column builders that are shared by the record batches.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

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
    append_shown(column, format_args!("{address}"));
}
