//! The texts and addresses of a call in one piece of memory, each text once although several headers show it.
//!
//! Layout: which texts are there and which of them stand in another one (u16 each, little-endian), 4 or 16 as the length
//! of an address (u8), both addresses, the length of each text that is there (one byte below 128, else two with the
//! first one's top bit set), the texts.

use std::net::IpAddr;

use super::event::Text;

/// The longest text that is kept of a header.
const MAX_TEXT: usize = 1024;

const ADDRESSES_AT: usize = 5;

/// The longest text whose length takes one byte.
const SHORT: u8 = 127;

/// The texts of a call in the order of [`Text`].
pub type TextValues<'a> = [Option<&'a [u8]>; Text::COUNT];

/// No text at all.
pub(super) const NO_TEXTS: TextValues<'static> = [None; Text::COUNT];

/// The places of texts in the order of [`Text`].
pub type TextPlaces = [TextPlace; Text::COUNT];

/// The places of no text at all.
pub const NO_PLACES: TextPlaces = [TextPlace::NONE; Text::COUNT];

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPlace {
    start: u16,
    len: u16,
}

impl TextPlace {
    /// That of no text.
    pub const NONE: TextPlace = TextPlace {
        start: 0,
        len: u16::MAX,
    };
    /// That of a text without letters.
    pub const EMPTY: TextPlace = TextPlace { start: 0, len: 0 };

    /// `None` for a place that is too far behind, or too long.
    #[inline]
    pub fn new(start: usize, len: usize) -> Option<TextPlace> {
        if len > MAX_TEXT {
            return None;
        }
        let start = u16::try_from(start).ok()?;
        Some(TextPlace { start, len: len as u16 })
    }

    /// The first byte and the length of the text, when there is one.
    #[inline]
    pub fn get(self) -> Option<(usize, usize)> {
        (self.len != TextPlace::NONE.len).then_some((usize::from(self.start), usize::from(self.len)))
    }

    #[inline]
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let (start, len) = self.get()?;
        bytes.get(start..start + len)
    }

    /// A text within this one.
    #[inline]
    fn part(self, offset: usize, len: u16) -> Option<TextPlace> {
        let (start, whole) = self.get()?;
        if offset + usize::from(len) > whole {
            return None;
        }
        TextPlace::new(start + offset, usize::from(len))
    }
}

/// The texts and addresses of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Texts(Box<[u8]>);

/// Where a text usually stands: the number in its URI behind `sip:`, the To URI at the front of the Request-URI.
fn usual_place(text: usize) -> Option<(usize, usize)> {
    const CALLER: usize = Text::Caller as usize;
    const CALLEE: usize = Text::Callee as usize;
    const CALLEE_URI: usize = Text::CalleeUri as usize;
    const ASSERTED: usize = Text::AssertedIdentity as usize;
    match text {
        CALLER => Some((Text::CallerUri as usize, "sip:".len())),
        CALLEE => Some((CALLEE_URI, "sip:".len())),
        CALLEE_URI => Some((Text::RequestUri as usize, 0)),
        ASSERTED => Some((CALLER, 0)),
        _ => None,
    }
}

/// Texts that may stand in others, behind those in which they stand.
const SHAREABLE: [Text; 4] = [Text::CalleeUri, Text::Caller, Text::Callee, Text::AssertedIdentity];

/// Appends the packed form to `out`.
pub(super) fn pack(values: &TextValues<'_>, source: IpAddr, destination: IpAddr, out: &mut Vec<u8>) {
    let stands_elsewhere = |at: usize, value: &[u8]| {
        usual_place(at).is_some_and(|(other, offset)| {
            let there = values[other].and_then(|other| cut(other).get(offset..));
            there.is_some_and(|there| there.starts_with(value))
        })
    };
    let (mut present, mut shared) = (0u16, 0u16);
    for (at, value) in values.iter().enumerate() {
        present |= u16::from(value.is_some()) << at;
    }
    for at in SHAREABLE.map(|text| text as usize) {
        if let Some(value) = values[at] {
            shared |= u16::from(stands_elsewhere(at, cut(value))) << at;
        }
    }
    let [p0, p1] = present.to_le_bytes();
    let [s0, s1] = shared.to_le_bytes();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend_from_slice(&[p0, p1, s0, s1, 4]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            out.extend_from_slice(&[p0, p1, s0, s1, 16]);
            out.extend_from_slice(&v6(source));
            out.extend_from_slice(&v6(destination));
        }
    }
    for value in values.iter().flatten() {
        match cut(value).len() {
            len if len <= usize::from(SHORT) => out.push(len as u8),
            len => out.extend_from_slice(&(len as u16 | 0x8000).to_be_bytes()),
        }
    }
    let mut own = present & !shared;
    while own != 0 {
        out.extend_from_slice(cut(values[own.trailing_zeros() as usize].unwrap_or_default()));
        own &= own - 1;
    }
}

/// As much of a text as is kept.
pub(super) fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT)]
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

impl Texts {
    /// Keeps what [`pack`] wrote.
    pub(super) fn keep(packed: &[u8]) -> Texts {
        Texts(packed.into())
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn address_len(&self) -> Option<usize> {
        Some(usize::from(*self.0.get(ADDRESSES_AT - 1)?))
    }

    fn address(&self, which: usize) -> Option<IpAddr> {
        let len = self.address_len()?;
        let bytes = self.0.get(ADDRESSES_AT + which * len..)?;
        match len {
            4 => Some(IpAddr::from(*bytes.first_chunk::<4>()?)),
            16 => Some(IpAddr::from(*bytes.first_chunk::<16>()?).to_canonical()),
            _ => None,
        }
    }

    /// Sender of the first request.
    pub(super) fn source_ip(&self) -> Option<IpAddr> {
        self.address(0)
    }

    /// Receiver of the first request.
    pub(super) fn destination_ip(&self) -> Option<IpAddr> {
        self.address(1)
    }

    /// Fills `values`, which are none, with all texts; with none when the call has given them away.
    #[inline]
    pub(super) fn fill<'a>(&'a self, values: &mut TextValues<'a>) {
        let mut places = NO_PLACES;
        let (bytes, _) = self.places(&mut places);
        for (value, place) in values.iter_mut().zip(places) {
            *value = place.of(bytes);
        }
    }

    /// Fills `places`, which are none, with those of all texts among the bytes that are answered; with none when the
    /// call has given them away. Answers one bit for each text that is there too.
    #[inline]
    pub(super) fn places(&self, places: &mut TextPlaces) -> (&[u8], u16) {
        match self.find_places(places) {
            Some(present) => (&self.0, present),
            None => {
                *places = NO_PLACES;
                (&self.0, 0)
            }
        }
    }

    #[cfg(test)]
    fn values(&self) -> TextValues<'_> {
        let mut values = NO_TEXTS;
        self.fill(&mut values);
        values
    }

    /// Whether there is such a text, without the work of unpacking all.
    pub(super) fn has(&self, text: Text) -> bool {
        self.u16_at(0).is_some_and(|present| present & 1 << text as usize != 0)
    }

    #[inline]
    fn find_places(&self, places: &mut TextPlaces) -> Option<u16> {
        let (present, shared) = (self.u16_at(0)?, self.u16_at(2)?);
        let lens_at = ADDRESSES_AT + 2 * self.address_len()?;
        let count = present.count_ones() as usize;
        // Each of the texts is short, so that none stands too far behind.
        let (mut left, mut start) = (present, (lens_at + count) as u16);
        for len in self.0.get(lens_at..lens_at + count)? {
            if *len > SHORT {
                return self.find_long_places(places);
            }
            let (text, len) = (left.trailing_zeros() as usize % Text::COUNT, u16::from(*len));
            left &= left - 1;
            places[text] = TextPlace { start, len };
            start += if shared & 1 << text == 0 { len } else { 0 };
        }
        self.place_shared(usize::from(start), present & shared, places)?;
        Some(present)
    }

    /// As `find_places` where a length has two bytes.
    #[inline(never)]
    fn find_long_places(&self, places: &mut TextPlaces) -> Option<u16> {
        let (present, shared) = (self.u16_at(0)?, self.u16_at(2)?);
        let mut lens = [0; Text::COUNT];
        let mut at = ADDRESSES_AT + 2 * self.address_len()?;
        let is_there = |text: &usize| present & 1 << text != 0;
        for text in (0..Text::COUNT).filter(is_there) {
            lens[text] = match *self.0.get(at..)? {
                [len @ 0..=SHORT, ..] => usize::from(len),
                [high, low, ..] => usize::from(high & SHORT) << 8 | usize::from(low),
                _ => return None,
            };
            at += if lens[text] <= usize::from(SHORT) { 1 } else { 2 };
        }
        for text in (0..Text::COUNT).filter(is_there) {
            places[text] = TextPlace::new(at, lens[text])?;
            at += if shared & 1 << text == 0 { lens[text] } else { 0 };
        }
        self.place_shared(at, present & shared, places)?;
        Some(present)
    }

    /// Moves the texts that stand in others there; `end` is where the last text of its own ends.
    #[inline]
    fn place_shared(&self, end: usize, shared: u16, places: &mut TextPlaces) -> Option<()> {
        const SHARED: u16 =
            1 << SHAREABLE[0] as u16 | 1 << SHAREABLE[1] as u16 | 1 << SHAREABLE[2] as u16 | 1 << SHAREABLE[3] as u16;
        if end > self.0.len() || shared & !SHARED != 0 {
            return None;
        }
        for text in SHAREABLE.map(|text| text as usize) {
            if shared & 1 << text != 0 {
                let (other, offset) = usual_place(text)?;
                places[text] = places[other].part(offset, places[text].len)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(values: &TextValues<'_>, source: &str, destination: &str) -> Texts {
        let mut out = b"others before".to_vec();
        let start = out.len();
        pack(values, source.parse().unwrap(), destination.parse().unwrap(), &mut out);
        Texts::keep(&out[start..])
    }

    fn usual() -> TextValues<'static> {
        let mut values: TextValues<'_> = [None; Text::COUNT];
        for (text, value) in [
            (Text::CallId, "a84b4c76e66710@pc33.example.com"),
            (Text::Caller, "+4930123456"),
            (Text::Callee, "+4989654321"),
            (Text::CallerUri, "sip:+4930123456@example.com"),
            (Text::CalleeUri, "sip:+4989654321@example.net"),
            (Text::RequestUri, "sip:+4989654321@example.net;user=phone"),
            (Text::UserAgent, ""),
            (Text::AssertedIdentity, "+4930123456"),
        ] {
            values[text as usize] = Some(value.as_bytes());
        }
        values
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut other = usual();
        other[Text::Caller as usize] = Some(b"alice@example.com");
        other[Text::RequestUri as usize] = Some(b"sip:b@h");
        let mut alone: TextValues<'_> = [None; Text::COUNT];
        alone[Text::Callee as usize] = Some(b"+49");
        for values in [usual(), other, alone, [None; Text::COUNT]] {
            for (source, destination) in [
                ("192.0.2.1", "198.51.100.2"),
                ("2001:db8::1", "2001:db8::2"),
                ("10.0.0.1", "::1"),
            ] {
                let texts = packed(&values, source, destination);
                assert_eq!(texts.values(), values);
                assert_eq!(texts.source_ip(), Some(source.parse().unwrap()));
                assert_eq!(texts.destination_ip(), Some(destination.parse().unwrap()));
            }
        }
    }

    #[test]
    fn repeated_texts_stand_once() {
        let texts = packed(&usual(), "192.0.2.1", "198.51.100.2");
        let once = [
            "a84b4c76e66710@pc33.example.com",
            "sip:+4930123456@example.com",
            "sip:+4989654321@example.net;user=phone",
        ];
        assert_eq!(texts.0.len(), 4 + 9 + 8 + once.concat().len());
    }

    #[test]
    fn long_texts_are_cut_and_broken_memory_is_no_panic() {
        let mut values = usual();
        let long = [b'x'; 5000];
        values[Text::RequestUri as usize] = Some(&long);
        let texts = packed(&values, "192.0.2.1", "192.0.2.2");
        assert_eq!(
            texts.values()[Text::RequestUri as usize].map(<[u8]>::len),
            Some(MAX_TEXT)
        );
        let whole = packed(&usual(), "192.0.2.1", "192.0.2.2").0;
        for end in 0..whole.len() {
            let _ = (
                Texts::keep(&whole[..end]).values(),
                Texts::keep(&whole[..end]).source_ip(),
            );
            let mut changed = whole.clone();
            changed[end] ^= 0xff;
            let _ = (Texts(changed.clone()).values(), Texts(changed).destination_ip());
        }
        assert_eq!(Texts::default().values(), [None; Text::COUNT]);
    }
}
