//! Columns in the making, shared by the record batches.
//!
//! Most columns of an event are null for its kind. A row in which nothing is put is null, and costs nothing.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// One bit for each row, set where something is.
#[derive(Default)]
struct Bits {
    words: Vec<u64>,
    set: usize,
}

impl Bits {
    /// Sets the bit of a row that has none yet.
    #[inline]
    fn set(&mut self, row: usize) {
        let word = row / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
        self.set += 1;
    }

    fn finish(mut self, rows: usize) -> BooleanBuffer {
        self.words.resize(rows.div_ceil(64), 0);
        // Arrow keeps the first bit lowest, whatever the byte order.
        self.words.iter_mut().for_each(|word| *word = word.to_le());
        BooleanBuffer::new(Buffer::from_vec(self.words), 0, rows)
    }

    /// The bits as those of values that are there; `None` when all are.
    fn finish_valid(self, rows: usize) -> Option<NullBuffer> {
        (self.set < rows).then(|| NullBuffer::new(self.finish(rows)))
    }
}

/// Numbers by their row.
pub(crate) struct NumberColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    valid: Bits,
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    pub(crate) fn new() -> Self {
        NumberColumn {
            values: Vec::new(),
            valid: Bits::default(),
        }
    }

    /// Puts a number into a row behind all that have one.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: T::Native) {
        if row > self.values.len() {
            self.values.resize(row, T::Native::default());
        }
        self.values.push(value);
        self.valid.set(row);
    }

    #[inline]
    pub(crate) fn put_option(&mut self, row: usize, value: Option<T::Native>) {
        if let Some(value) = value {
            self.put(row, value);
        }
    }

    /// The column with so many rows, which is then empty.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        let NumberColumn { mut values, valid } = std::mem::replace(self, NumberColumn::new());
        values.resize(rows, T::Native::default());
        Arc::new(PrimitiveArray::<T>::new(
            ScalarBuffer::from(values),
            valid.finish_valid(rows),
        ))
    }
}

/// Truths by their row.
#[derive(Default)]
pub(crate) struct TruthColumn {
    truths: Bits,
    valid: Bits,
}

impl TruthColumn {
    /// Puts a truth into a row behind all that have one.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: bool) {
        self.valid.set(row);
        if value {
            self.truths.set(row);
        }
    }

    #[inline]
    pub(crate) fn put_option(&mut self, row: usize, value: Option<bool>) {
        if let Some(value) = value {
            self.put(row, value);
        }
    }

    /// The column with so many rows, which is then empty.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        let TruthColumn { truths, valid } = std::mem::take(self);
        Arc::new(BooleanArray::new(truths.finish(rows), valid.finish_valid(rows)))
    }
}

/// Texts one behind the other, as Arrow keeps them.
///
/// Bytes are taken as they come, and looked at once for all whether they are UTF-8: that costs far less than a look at
/// each text when it is appended.
pub(crate) struct TextColumn {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    valid: Bits,
}

impl TextColumn {
    pub(crate) fn new() -> Self {
        TextColumn {
            bytes: Vec::new(),
            ends: vec![0],
            valid: Bits::default(),
        }
    }

    /// Puts a text into a row behind all that have one.
    #[inline]
    pub(crate) fn put(&mut self, row: usize, text: &[u8]) {
        self.go_to(row);
        self.bytes.extend_from_slice(text);
        self.end();
    }

    #[inline]
    pub(crate) fn put_option(&mut self, row: usize, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.put(row, text);
        }
    }

    /// Puts 64 bits as 16 hexadecimal digits.
    #[inline]
    pub(crate) fn put_hex(&mut self, row: usize, bits: u64) {
        self.put(row, &hex(bits));
    }

    /// Puts an address.
    #[inline]
    pub(crate) fn put_ip(&mut self, row: usize, address: IpAddr) {
        self.go_to(row);
        self.write_ip(address);
        self.end();
    }

    /// Puts an address as `ip:port`, IPv6 in brackets.
    pub(crate) fn put_socket(&mut self, row: usize, address: SocketAddr) {
        self.go_to(row);
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

    #[inline]
    fn write_ip(&mut self, address: IpAddr) {
        match address {
            // Nearly all are IPv4, and the general formatting costs ten times as much.
            IpAddr::V4(v4) => {
                let mut text = [0u8; 15];
                let end = self.bytes.len() + write_v4(&mut text, v4);
                // A copy of known length is no call.
                self.bytes.extend_from_slice(&text);
                self.bytes.truncate(end);
            }
            IpAddr::V6(v6) => {
                let _ = write!(self.bytes, "{v6}");
            }
        }
    }

    /// Nulls up to a row.
    #[inline]
    fn go_to(&mut self, row: usize) {
        if row >= self.ends.len() {
            self.ends.resize(row + 1, self.bytes.len() as i32);
        }
    }

    #[inline]
    fn end(&mut self) {
        self.valid.set(self.ends.len() - 1);
        // A batch is read within some ten thousand rows of some hundred bytes.
        self.ends.push(self.bytes.len() as i32);
    }

    /// The column with so many rows, which is then empty; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.go_to(rows);
        let TextColumn { bytes, ends, valid } = std::mem::replace(self, TextColumn::new());
        let nulls = valid.finish_valid(rows);
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

/// Each octet in decimal, and how many digits it has.
static OCTETS: [([u8; 3], usize); 256] = {
    let mut octets = [([b'0'; 3], 1); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [
            b'0' + (octet / 100) as u8,
            b'0' + (octet / 10 % 10) as u8,
            b'0' + (octet % 10) as u8,
        ];
        octets[octet] = match octet {
            0..=9 => ([digits[2], b'0', b'0'], 1),
            10..=99 => ([digits[1], digits[2], b'0'], 2),
            _ => (digits, 3),
        };
        octet += 1;
    }
    octets
};

/// Writes an address in dotted form; answers how many bytes.
pub(crate) fn write_v4(text: &mut [u8; 15], address: Ipv4Addr) -> usize {
    let mut len = 0;
    for (i, octet) in address.octets().into_iter().enumerate() {
        if i > 0 {
            text[len] = b'.';
            len += 1;
        }
        let (digits, count) = OCTETS[usize::from(octet)];
        // All three, of which the next ones take the place of what is too much.
        text[len..len + 3].copy_from_slice(&digits);
        len += count;
    }
    len
}

/// Both hexadecimal digits of a byte.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// 64 bits as 16 hexadecimal digits.
pub(crate) fn hex(bits: u64) -> [u8; 16] {
    let mut text = [0; 16];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bits.to_be_bytes()) {
        pair.copy_from_slice(&HEX[usize::from(byte)]);
    }
    text
}
