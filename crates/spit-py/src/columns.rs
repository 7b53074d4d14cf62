//! Columns in the making, shared by the record batches.
//!
//! Most columns of an event are null for its kind. A row in which nothing is put is null, and costs nothing.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// Rows that go into a column together: those of one word of bits.
pub(crate) const CHUNK: usize = 64;

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

    /// Sets bits of up to [`CHUNK`] rows from `row` on, a multiple of it, none of which has one yet.
    fn set_chunk(&mut self, row: usize, bits: u64) {
        let count = bits.count_ones() as usize;
        let is_dense = self.words.is_empty() && self.set == row && bits & bits.wrapping_add(1) == 0;
        if count > 0 && !is_dense {
            if self.words.is_empty() {
                self.write_dense();
            }
            self.words.resize(row / CHUNK + 1, 0);
            self.words[row / CHUNK] |= bits;
        }
        self.set += count;
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

    /// Puts numbers of up to [`CHUNK`] rows into those from `row` on, a multiple of it.
    #[inline]
    pub(crate) fn put_chunk<R>(&mut self, row: usize, rows: &[R], number: impl Fn(&R) -> Option<T::Native>) {
        // Nulls are not written before it is known that something comes with or behind them.
        if self.valid.set == 0 && rows.iter().all(|row| number(row).is_none()) {
            return;
        }
        if self.values.len() < row {
            self.go_to(row);
        }
        let (mut valid, mut bit) = (0, 1);
        self.values.extend(rows.iter().map(|row| {
            let number = number(row);
            valid |= if number.is_some() { bit } else { 0 };
            bit <<= 1;
            number.unwrap_or_default()
        }));
        self.valid.set_chunk(row, valid);
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
    /// Puts truths of up to [`CHUNK`] rows into those from `row` on, a multiple of it.
    #[inline]
    pub(crate) fn put_chunk<R>(&mut self, row: usize, rows: &[R], value: impl Fn(&R) -> Option<bool>) {
        let (mut truths, mut valid) = (0, 0);
        for (at, row) in rows.iter().enumerate() {
            let value = value(row);
            truths |= u64::from(value == Some(true)) << at;
            valid |= u64::from(value.is_some()) << at;
        }
        self.truths.set_chunk(row, truths);
        self.valid.set_chunk(row, valid);
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

    /// Goes to a row; `false` when no text is there yet and none comes with the chunk, as for numbers.
    #[inline(always)]
    fn begin_chunk<R, T>(&mut self, row: usize, rows: &[R], text: &impl Fn(&R) -> Option<T>) -> bool {
        if self.valid.set == 0 && rows.iter().all(|row| text(row).is_none()) {
            return false;
        }
        // A chunk without texts may have been left out.
        self.go_to(row);
        true
    }

    /// Puts texts of up to [`CHUNK`] rows into those from `row` on, a multiple of it.
    #[inline(always)] // So that each column has its own.
    fn put_each<R, T>(
        &mut self,
        row: usize,
        rows: &[R],
        text: impl Fn(&R) -> Option<T>,
        mut append: impl FnMut(&mut Vec<u8>, T),
    ) {
        if !self.begin_chunk(row, rows, &text) {
            return;
        }
        let (mut valid, mut bit) = (0, 1);
        let bytes = &mut self.bytes;
        // A batch is read within some ten thousand rows of some hundred bytes.
        self.ends.extend(rows.iter().map(|row| {
            if let Some(text) = text(row) {
                append(bytes, text);
                valid |= bit;
            }
            bit <<= 1;
            bytes.len() as i32
        }));
        self.valid.set_chunk(row, valid);
    }

    /// Puts texts that stand in `source`, which has [`SLACK`] bytes behind the last.
    #[inline]
    pub(crate) fn put_spans<R>(&mut self, row: usize, rows: &[R], source: &[u8], span: impl Fn(&R) -> Option<Span>) {
        self.put_each(row, rows, span, |bytes, span| append_span(bytes, source, span));
    }

    /// Puts short texts.
    #[inline]
    pub(crate) fn put_words<R>(&mut self, row: usize, rows: &[R], word: impl Fn(&R) -> Option<Word>) {
        if !self.begin_chunk(row, rows, &word) {
            return;
        }
        let mut end = self.bytes.len();
        // Room for all at once: a look at the room for each would cost as much as the word.
        self.bytes.resize(end + rows.len() * WORD, 0);
        let (mut valid, mut bit) = (0, 1);
        let bytes = &mut self.bytes[..];
        self.ends.extend(rows.iter().map(|row| {
            if let Some((text, len)) = word(row) {
                if let Some(room) = bytes.get_mut(end..).and_then(|rest| rest.first_chunk_mut()) {
                    *room = text;
                }
                end += len;
                valid |= bit;
            }
            bit <<= 1;
            end as i32
        }));
        self.bytes.truncate(end);
        self.valid.set_chunk(row, valid);
    }

    /// Puts addresses.
    #[inline]
    pub(crate) fn put_ips<R>(&mut self, row: usize, rows: &[R], address: impl Fn(&R) -> IpAddr) {
        // A trunk shows few addresses, one of them again and again.
        let (mut last, mut last_word) = (Ipv4Addr::UNSPECIFIED, dotted(Ipv4Addr::UNSPECIFIED));
        let append = |bytes: &mut Vec<u8>, address| match address {
            IpAddr::V4(v4) => {
                if v4 != last {
                    (last, last_word) = (v4, dotted(v4));
                }
                append_word(bytes, last_word);
            }
            // Writing into memory can't fail.
            IpAddr::V6(v6) => drop(write!(bytes, "{v6}")),
        };
        self.put_each(row, rows, |row| Some(address(row)), append);
    }

    /// Puts an address as `ip:port`, IPv6 in brackets.
    pub(crate) fn put_socket(&mut self, row: usize, address: SocketAddr) {
        self.go_to(row);
        // Writing into memory can't fail.
        let _ = match address {
            SocketAddr::V4(v4) => {
                // Nearly all are IPv4, and the general formatting costs ten times as much.
                append_word(&mut self.bytes, dotted(*v4.ip()));
                self.bytes.push(b':');
                let mut digits = itoa::Buffer::new();
                self.bytes.write_all(digits.format(v4.port()).as_bytes())
            }
            SocketAddr::V6(_) => write!(self.bytes, "{address}"),
        };
        self.end();
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

/// Where a text stands in what it is copied from.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// Bytes behind the last text of what texts are copied from: a copy of known length is no call, and what it brings too
/// much is cut off.
pub(crate) const SLACK: usize = 64;

/// Appends a text of `source`.
#[inline(always)]
fn append_span(out: &mut Vec<u8>, source: &[u8], span: Span) {
    let end = out.len() + span.len;
    let rest = source.get(span.start..).unwrap_or_default();
    match (rest.first_chunk::<32>(), rest.first_chunk::<SLACK>()) {
        (Some(half), _) if span.len <= half.len() => out.extend_from_slice(half),
        (_, Some(whole)) if span.len <= whole.len() => out.extend_from_slice(whole),
        _ => out.extend_from_slice(rest.get(..span.len).unwrap_or_default()),
    }
    out.truncate(end);
}

/// Appends a short text.
#[inline(always)]
fn append_word(out: &mut Vec<u8>, (text, len): Word) {
    let end = out.len() + len;
    out.extend_from_slice(&text);
    out.truncate(end);
}

/// The longest text that is made in a register.
pub(crate) const WORD: usize = 16;

/// A text of up to [`WORD`] bytes, and its length.
pub(crate) type Word = ([u8; WORD], usize);

/// A name as a word, as much as fits.
pub(crate) const fn word(name: &str) -> Word {
    let (bytes, mut text, mut len) = (name.as_bytes(), [0; WORD], 0);
    while len < bytes.len() && len < WORD {
        text[len] = bytes[len];
        len += 1;
    }
    (text, len)
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
pub(crate) fn dotted(address: Ipv4Addr) -> Word {
    // In registers: bytes that are written one by one and read together make the reader wait.
    let [a, b, c, d] = address.octets().map(|octet| OCTETS[usize::from(octet)]);
    let join = |(first, len): (u32, u8), (second, behind): (u32, u8)| {
        (u64::from(first) | u64::from(second) << (8 * len), len + behind)
    };
    let ((front, len), (back, behind)) = (join(a, b), join(c, d));
    let text = u128::from(front) | u128::from(back) << (8 * len);
    // The last dot is none of it.
    (text.to_le_bytes(), usize::from(len + behind) - 1)
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
