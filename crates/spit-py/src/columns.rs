//! Columns of texts in the making, shared by the record batches.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

/// Texts one behind the other, as Arrow keeps them.
///
/// Bytes are taken as they come, and looked at once for all whether they are UTF-8: that costs far less than a look at
/// each text when it is appended.
pub(crate) struct TextColumn {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

impl TextColumn {
    pub(crate) fn new() -> Self {
        TextColumn {
            bytes: Vec::new(),
            ends: vec![0],
            valid: NullBufferBuilder::new(0),
        }
    }

    #[inline]
    pub(crate) fn append_null(&mut self) {
        self.ends.push(self.bytes.len() as i32);
        self.valid.append_null();
    }

    #[inline]
    pub(crate) fn append(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.end();
    }

    #[inline]
    pub(crate) fn append_option(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.append(text),
            None => self.append_null(),
        }
    }

    /// Appends 64 bits as 16 hexadecimal digits.
    pub(crate) fn append_hex(&mut self, bits: u64) {
        self.append(&hex(bits));
    }

    /// Appends an address.
    pub(crate) fn append_ip(&mut self, address: IpAddr) {
        self.write_ip(address);
        self.end();
    }

    /// Appends an address as `ip:port`, IPv6 in brackets.
    pub(crate) fn append_socket(&mut self, address: SocketAddr) {
        // Writing into memory can't fail.
        let _ = match address {
            SocketAddr::V4(v4) => {
                self.write_ip(IpAddr::V4(*v4.ip()));
                self.bytes.push(b':');
                let mut digits = itoa::Buffer::new();
                self.bytes.write_all(digits.format(v4.port()).as_bytes())
            }
            SocketAddr::V6(_) => write!(self.bytes, "{address}"),
        };
        self.end();
    }

    fn write_ip(&mut self, address: IpAddr) {
        match address {
            // Nearly all are IPv4, and the general formatting costs ten times as much.
            IpAddr::V4(v4) => {
                let mut text = [0u8; 15];
                let len = write_v4(&mut text, v4);
                self.bytes.extend_from_slice(&text[..len]);
            }
            IpAddr::V6(v6) => {
                let _ = write!(self.bytes, "{v6}");
            }
        }
    }

    #[inline]
    fn end(&mut self) {
        // A batch is read within some ten thousand rows of some hundred bytes.
        self.ends.push(self.bytes.len() as i32);
        self.valid.append_non_null();
    }

    /// The column, which is then empty; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        let TextColumn { bytes, ends, mut valid } = std::mem::replace(self, TextColumn::new());
        let nulls = valid.finish();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let values = Buffer::from_vec(bytes);
        match StringArray::try_new(offsets.clone(), values.clone(), nulls.clone()) {
            Ok(column) => Arc::new(column),
            Err(_) => {
                let texts = offsets.windows(2).enumerate().map(|(at, ends)| {
                    let text = values.get(ends[0] as usize..ends[1] as usize).unwrap_or_default();
                    let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(at));
                    (!is_null).then(|| String::from_utf8_lossy(text))
                });
                Arc::new(texts.collect::<StringArray>())
            }
        }
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
