//! Captures as files: formats, compression, damage, and several as one stream.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};

use spit_file::Captures;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("spit-file-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        shown(&path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A pcap of one-byte packets at these seconds; the byte tells the packet.
fn pcap(packets: &[(u32, u8)]) -> Vec<u8> {
    let mut out = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
    ];
    for (seconds, byte) in packets {
        out.extend(seconds.to_le_bytes());
        out.extend([0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, *byte]);
    }
    out
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = (12 + body.len()) as u32;
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &len.to_le_bytes()].concat()
}

fn pcapng(resolution: Option<u8>, ticks: u64) -> Vec<u8> {
    let section = [
        0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    ];
    let mut out = block(0x0a0d_0d0a, &section);
    let mut interface = vec![101, 0, 0, 0, 0, 0, 0, 0];
    if let Some(power) = resolution {
        interface.extend([9, 0, 1, 0, power, 0, 0, 0, 0, 0, 0, 0]);
    }
    out.extend(block(1, &interface));
    out.extend(block(0x0bad, &[1, 2, 3, 4]));
    let mut packet = 0u32.to_le_bytes().to_vec();
    packet.extend(((ticks >> 32) as u32).to_le_bytes());
    packet.extend((ticks as u32).to_le_bytes());
    packet.extend([2, 0, 0, 0, 2, 0, 0, 0, 7, 8, 0, 0]);
    out.extend(block(6, &packet));
    out.extend(block(3, &[1, 0, 0, 0, 9, 0, 0, 0]));
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// First byte (0 for an empty packet) and time of every packet, and the damages.
fn read(paths: &[String]) -> (Vec<(u8, i64)>, Vec<String>) {
    let mut captures = Captures::open(paths);
    let mut seen = Vec::new();
    while let Some(packet) = captures.next_packet() {
        seen.push((packet.data.first().copied().unwrap_or(0), packet.time_us));
    }
    (seen, captures.damages().iter().map(ToString::to_string).collect())
}

fn letters(seen: &[(u8, i64)]) -> String {
    seen.iter().map(|(b, _)| *b as char).collect()
}

#[test]
fn plain_gzip_and_zstd_are_the_same() {
    let folder = Folder::new("compressed");
    let plain = pcap(&[(1, b'a'), (2, b'b')]);
    let want = vec![(b'a', 1_000_000), (b'b', 2_000_000)];
    let two_members = [gzip(&plain[..30]), gzip(&plain[30..])].concat();
    for (name, bytes) in [
        ("plain", plain.clone()),
        ("gz", gzip(&plain)),
        ("members.gz", two_members),
        ("zst", zstd::encode_all(plain.as_slice(), 1).unwrap()),
    ] {
        assert_eq!(read(&[folder.file(name, &bytes)]), (want.clone(), vec![]), "{name}");
    }
}

#[test]
fn pcapng_with_resolutions_and_unknown_blocks() {
    let folder = Folder::new("pcapng");
    for (power, ticks) in [
        (None, 1_500_000),
        (Some(9), 1_500_000_000),
        (Some(3), 1_500),
        (Some(0x81), 3),
    ] {
        let path = folder.file("x.pcapng", &pcapng(power, ticks));
        let (seen, damages) = read(&[path]);
        assert_eq!(seen, [(7, 1_500_000), (9, 1_500_000)], "{power:?}");
        assert_eq!(damages, Vec::<String>::new());
    }
}

#[test]
fn several_files_are_one_stream_in_time_order() {
    let folder = Folder::new("merge");
    let paths = [
        folder.file("late", &pcap(&[(5, b'e'), (6, b'f')])),
        folder.file("odd", &pcap(&[(1, b'a'), (3, b'c'), (7, b'g')])),
        folder.file("even", &pcap(&[(2, b'b'), (4, b'd')])),
        folder.file("none", &pcap(&[])),
    ];
    let (seen, damages) = read(&paths);
    assert_eq!(letters(&seen), "abcdefg");
    assert_eq!(damages, Vec::<String>::new());
}

#[test]
fn what_comes_before_the_damage_is_read_and_the_other_files_too() {
    let folder = Folder::new("damage");
    let whole = pcap(&[(1, b'a'), (3, b'c')]);
    let cut = folder.file("cut", &whole[..whole.len() - 1]);
    let good = folder.file("good", &pcap(&[(2, b'b'), (4, b'd')]));
    let (seen, damages) = read(&[cut.clone(), good]);
    assert_eq!(letters(&seen), "abd");
    let want = format!(
        "{cut}: expected a whole packet, found the end of the file after 16 bytes of it at byte 41 \
         (after 1 packet, which was read)"
    );
    assert_eq!(damages, [want]);
}

#[test]
fn every_cut_of_a_file_is_read_without_panic_and_told() {
    let folder = Folder::new("cuts");
    let plain = pcap(&[(1, b'a'), (2, b'b')]);
    for (name, whole) in [
        ("pcap", plain.clone()),
        ("pcapng", pcapng(None, 1)),
        ("gz", gzip(&plain)),
        ("zst", zstd::encode_all(plain.as_slice(), 1).unwrap()),
    ] {
        let full = read(&[folder.file(name, &whole)]).0.len();
        for len in 0..whole.len() {
            let (seen, damages) = read(&[folder.file(name, &whole[..len])]);
            assert!(
                seen.len() <= full && damages.len() <= 1,
                "{name} cut at {len}: {damages:?}"
            );
            let told = seen.len() == full || !damages.is_empty() || ends_a_record(name, len);
            assert!(told, "{name} cut at {len}");
        }
    }
}

/// Cuts that leave a whole, shorter capture.
fn ends_a_record(name: &str, len: usize) -> bool {
    match name {
        "pcap" => len >= 24 && (len - 24).is_multiple_of(17),
        "pcapng" => [28, 48, 64, 100].contains(&len),
        _ => false,
    }
}

#[test]
fn any_byte_changed_is_read_without_panic() {
    let folder = Folder::new("flips");
    for whole in [pcap(&[(1, b'a'), (2, b'b')]), pcapng(Some(6), 1)] {
        for at in 0..whole.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let (seen, damages) = read(&[folder.file("flip", &bytes)]);
                assert!(seen.len() <= 4 && damages.len() <= 1, "byte {at} as {value}");
            }
        }
    }
}

#[test]
fn what_is_no_capture_is_told_in_a_line() {
    let folder = Folder::new("not");
    for (name, bytes, want) in [
        ("empty", &b""[..], "found an empty file"),
        (
            "text",
            b"hello world",
            "found the bytes 68 65 6c 6c 6f 20 77 6f (\"hello.wo\")",
        ),
        (
            "short",
            &[0xd4, 0xc3, 0xb2, 0xa1, 2][..],
            "found a file header of 5 bytes",
        ),
        ("zeros", &[0; 100][..], "found the bytes 00 00"),
    ] {
        let (seen, damages) = read(&[folder.file(name, bytes)]);
        assert_eq!(seen, []);
        let one_line = damages.len() == 1 && damages[0].contains(want) && !damages[0].contains('\n');
        assert!(one_line, "{damages:?}");
    }
    let (_, damages) = read(&[shown(&folder.0.join("missing"))]);
    let want = "expected a capture file that can be read, found No such file";
    assert!(damages[0].contains(want), "{damages:?}");
    let (_, damages) = read(&[shown(&folder.0)]);
    assert!(damages[0].contains("a folder"), "{damages:?}");
}
