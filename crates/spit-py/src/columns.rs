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
    /// Empty as long as the rows without a gap are all that there are, as in most columns.
    words: Vec<u64>,
    set: usize,
}

impl Bits {
    /// Sets the bit of a row that has none yet.
    #[inline(always)]
    fn set(&mut self, row: usize) {
        if row > self.set || !self.words.is_empty() {
            self.set_behind_gap(row);
        }
        self.set += 1;
    }

    #[inline(never)]
    fn set_behind_gap(&mut self, row: usize) {
        if self.words.is_empty() {
            self.write_dense();
        }
        let word = row / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
    }

    /// Writes the bits of the rows without a gap.
    fn write_dense(&mut self) {
        self.words.resize(self.set / 64, u64::MAX);
        self.words.push((1 << (self.set % 64)) - 1);
    }

    fn finish(mut self, rows: usize) -> BooleanBuffer {
        if self.words.is_empty() {
            self.write_dense();
        }
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
    #[inline(always)]
    pub(crate) fn put(&mut self, row: usize, value: T::Native) {
        if row > self.values.len() {
            self.go_to(row);
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

    #[inline(never)]
    fn go_to(&mut self, row: usize) {
        self.values.resize(row, T::Native::default());
    }

    /// The column with so many rows, which is then empty.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        if self.valid.set == 0 {
            return Arc::new(PrimitiveArray::<T>::new_null(rows));
        }
        let next = NumberColumn {
            // The next batch is as large.
            values: Vec::with_capacity(self.values.len()),
            valid: Bits::default(),
        };
        let NumberColumn { mut values, valid } = std::mem::replace(self, next);
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
    #[inline(always)] // Twenty times for each row.
    pub(crate) fn put(&mut self, row: usize, text: &[u8]) {
        self.go_to(row);
        append(&mut self.bytes, text);
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
                let (text, len) = dotted(v4);
                let end = self.bytes.len() + len;
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
    #[inline(always)]
    fn go_to(&mut self, row: usize) {
        if row >= self.ends.len() {
            self.pass_over(row);
        }
    }

    #[inline(never)]
    fn pass_over(&mut self, row: usize) {
        self.ends.resize(row + 1, self.bytes.len() as i32);
    }

    #[inline(always)]
    fn end(&mut self) {
        self.valid.set(self.ends.len() - 1);
        // A batch is read within some ten thousand rows of some hundred bytes.
        self.ends.push(self.bytes.len() as i32);
    }

    /// The column with so many rows, which is then empty; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        if self.valid.set == 0 {
            return Arc::new(StringArray::new_null(rows));
        }
        self.go_to(rows);
        // The next batch is as large, or a little larger.
        let mut next = TextColumn {
            bytes: Vec::with_capacity(self.bytes.len() + self.bytes.len() / 32),
            ends: Vec::with_capacity(self.ends.len()),
            valid: Bits::default(),
        };
        next.ends.push(0);
        let TextColumn { bytes, ends, valid } = std::mem::replace(self, next);
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

/// Appends a text. Up to 64 bytes go as two copies of known length that overlap, which costs less than a call.
#[inline]
fn append(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        4..=8 => append_halves::<4>(out, text),
        9..=16 => append_halves::<8>(out, text),
        17..=32 => append_halves::<16>(out, text),
        33..=64 => append_halves::<32>(out, text),
        _ => out.extend_from_slice(text),
    }
}

/// As `append` a text of N to 2 N bytes.
#[inline]
fn append_halves<const N: usize>(out: &mut Vec<u8>, text: &[u8]) {
    if let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) {
        let second_at = out.len() + text.len() - N;
        out.reserve(2 * N);
        out.extend_from_slice(first);
        out.truncate(second_at);
        out.extend_from_slice(last);
    }
}

/// Each octet in decimal with a dot behind it, the first digit lowest, and how many bytes that is.
static OCTETS: [(u32, u8); 256] = {
    let mut octets = [(0, 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let mut at = match octet {
            0..=9 => 2,
            10..=99 => 1,
            _ => 0,
        };
        let (mut text, mut len) = (0, 0);
        while at < 3 {
            text |= (b'0' as u32 + digits[at]) << (8 * len);
            (at, len) = (at + 1, len + 1);
        }
        octets[octet as usize] = (text | (b'.' as u32) << (8 * len), len + 1);
        octet += 1;
    }
    octets
};

/// An address in dotted form, and how many of the bytes that is.
#[inline]
pub(crate) fn dotted(address: Ipv4Addr) -> ([u8; 16], usize) {
    // In a register: bytes that are written one by one and read together make the reader wait.
    let (mut text, mut len) = (0u128, 0);
    for octet in address.octets() {
        let (digits, count) = OCTETS[usize::from(octet)];
        text |= u128::from(digits) << (8 * len);
        len += usize::from(count);
    }
    // The last dot is none of it.
    (text.to_le_bytes(), len - 1)
}

/// 64 bits as 16 hexadecimal digits.
#[inline]
pub(crate) fn hex(bits: u64) -> [u8; 16] {
    let (high, low) = (hex_digits((bits >> 32) as u32), hex_digits(bits as u32));
    (u128::from(low) << 64 | u128::from(high)).to_le_bytes()
}

/// 32 bits as 8 hexadecimal digits, the first lowest.
#[inline]
fn hex_digits(bits: u32) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The first digit stands highest in the number, and lowest in the text.
    let mut nibbles = u64::from(bits.swap_bytes());
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles >> 4 | nibbles << 8) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (nibbles + 6 * ONES) >> 4 & ONES;
    nibbles + u64::from(b'0') * ONES + letters * u64::from(b'a' - b'0' - 10)
}
