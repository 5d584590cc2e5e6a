//! What a file is, by its own bytes. What its server calls it, and how its address ends, count for nothing.
//!
//! A beginning that fits is not enough, for a page of HTML with a picture's first bytes before it is still a page to some
//! readers: a file has to have the parts that its format is made of, from its first byte on, and to be whole. It is not
//! decoded.

use crate::config::MediaType;

/// What `bytes` are; nothing where they are none of it, or only a part of it.
pub fn recognised(bytes: &[u8]) -> Option<MediaType> {
    let is = |found: Option<()>, kind| found.map(|()| kind);
    is(jpeg(bytes), MediaType::Jpeg)
        .or_else(|| is(png(bytes), MediaType::Png))
        .or_else(|| is(gif(bytes), MediaType::Gif))
        .or_else(|| is(webp(bytes), MediaType::WebP))
        .or_else(|| boxes(bytes))
        .or_else(|| is(mp3(bytes), MediaType::Mp3))
}

/// ITU-T T.81, annex B: segments up to the first scan, among them one that says how large the picture is, and an end.
/// Cameras write more after that.
fn jpeg(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    let mut has_size = false;
    loop {
        let marker = match *rest {
            // Any number of fill bytes may stand before a marker.
            [0xff, 0xff, ..] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, marker, ..] => marker,
            _ => return None,
        };
        rest = &rest[2..];
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let segment = rest.get(2..length)?;
        rest = &rest[length..];
        match marker {
            // Start of frame: precision, height, width.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                has_size = segment.len() >= 6 && segment[3..5] != [0, 0]
            }
            0xda => break,
            _ => {}
        }
    }
    (has_size && rest.windows(2).rev().any(|pair| pair == [0xff, 0xd9])).then_some(())
}

/// PNG 3rd edition, §5: chunks from the header to the end, and nothing after it.
fn png(bytes: &[u8]) -> Option<()> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let mut first = true;
    loop {
        let length = usize::try_from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
        let name = rest.get(4..8)?;
        // The data, and a checksum.
        let after = rest.get(8..)?.get(length..)?.get(4..)?;
        if first && (name != b"IHDR" || length != 13) {
            return None;
        }
        first = false;
        if name == b"IEND" {
            return after.is_empty().then_some(());
        }
        rest = after;
    }
}

/// GIF89a: the screen, blocks, and a trailer as the last byte.
fn gif(bytes: &[u8]) -> Option<()> {
    let rest = bytes.strip_prefix(b"GIF89a").or_else(|| bytes.strip_prefix(b"GIF87a"))?;
    let table = |packed: u8| if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
    let mut rest = rest.get(7 + table(*rest.get(4)?)..)?;
    let mut images = 0;
    loop {
        rest = match *rest.first()? {
            0x21 => rest.get(2..)?,
            0x2c => {
                images += 1;
                rest.get(10 + table(*rest.get(9)?) + 1..)?
            }
            0x3b => return (images > 0 && rest.len() == 1).then_some(()),
            _ => return None,
        };
        // Sub-blocks, the last of which is empty.
        loop {
            let length = usize::from(*rest.first()?);
            rest = rest.get(1 + length..)?;
            if length == 0 {
                break;
            }
        }
    }
}

/// WebP container specification: its length is that of the file.
fn webp(bytes: &[u8]) -> Option<()> {
    let rest = bytes.strip_prefix(b"RIFF")?;
    let length = usize::try_from(u32::from_le_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
    let rest = &rest[4..];
    let is_picture = [b"WEBPVP8 ", b"WEBPVP8L", b"WEBPVP8X"].iter().any(|start| rest.starts_with(*start));
    // A chunk of an odd length is padded, and some writers forget to count that.
    (is_picture && (rest.len() == length || rest.len() == length + 1)).then_some(())
}

/// ISO/IEC 14496-12: boxes to the end, the first of which says what the file is.
fn boxes(bytes: &[u8]) -> Option<MediaType> {
    let mut rest = bytes;
    let (mut kind, mut names) = (None, Vec::new());
    while !rest.is_empty() {
        let short = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
        let name = rest.get(4..8)?;
        let length = match short {
            0 => rest.len(),
            1 => usize::try_from(u64::from_be_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?,
            length => usize::try_from(length).ok()?,
        };
        if length < 8 {
            return None;
        }
        let content = rest.get(8..length)?;
        if names.is_empty() {
            kind = match (name, content.get(..4)?) {
                (b"ftyp", b"avif" | b"avis") => Some(MediaType::Avif),
                (b"ftyp", b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"M4V ") => {
                    Some(MediaType::Mp4)
                }
                _ => return None,
            };
        }
        names.push(name);
        rest = &rest[length..];
    }
    let needs: &[u8] = if kind == Some(MediaType::Avif) { b"meta" } else { b"moov" };
    kind.filter(|_| names.contains(&needs))
}

/// ISO/IEC 11172-3: a tag or none, then frames of layer III, of which two follow each other.
fn mp3(bytes: &[u8]) -> Option<()> {
    let rest = match bytes.strip_prefix(b"ID3") {
        Some(tag) => {
            // ID3v2 §3.1: seven bits of each byte, without the header's own ten bytes.
            let size = tag
                .get(3..7)?
                .iter()
                .try_fold(0, |size, byte| (*byte < 0x80).then_some(size << 7 | usize::from(*byte)))?;
            tag.get(7 + size..)?
        }
        None => bytes,
    };
    let second = rest.get(frame(rest)?..)?;
    frame(second).map(|_| ())
}

/// The length of the frame that `bytes` begin with.
fn frame(bytes: &[u8]) -> Option<usize> {
    const KBITS: [[usize; 14]; 2] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let &[0xff, second, third, _, ..] = bytes else { return None };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    // MPEG 1, 2 and 2.5; 01 stands for nothing.
    let (table, samples, slower) = match version {
        3 => (0, 144, 0),
        2 => (1, 72, 1),
        0 => (1, 72, 2),
        _ => return None,
    };
    if second >> 5 != 7 || layer != 1 {
        return None;
    }
    let rate = [44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> slower;
    let kbits = KBITS[table].get(usize::from(third >> 4).checked_sub(1)?)?;
    Some(samples * 1_000 * kbits / rate + usize::from(third >> 1 & 1))
}

#[cfg(test)]
pub mod samples {
    //! The smallest whole files.

    pub fn png() -> Vec<u8> {
        png_saying(b"")
    }

    /// One that is told from others by what stands in it.
    pub fn png_saying(words: &[u8]) -> Vec<u8> {
        let chunk = |name: &[u8], data: &[u8]| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            // Nobody asks for a checksum here.
            [&length[..], name, data, &[0; 4]].concat()
        };
        let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"tEXt", words), chunk(b"IEND", b"")].concat()
    }

    pub fn jpeg() -> Vec<u8> {
        let mut bytes =
            vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, b'J', b'F', 0xff, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0];
        bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 3, 0xff, 0xd9]);
        bytes
    }

    pub fn gif() -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([1, 0, 1, 0, 0x80, 0, 0, 1, 2, 3, 4, 5, 6, 0x21, 0xf9, 4, 0, 0, 0, 0, 0]);
        bytes.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]);
        bytes
    }

    pub fn webp() -> Vec<u8> {
        [&b"RIFF\x12\0\0\0WEBPVP8L"[..], &[6, 0, 0, 0, 0x2f, 0, 0, 0, 0, 0]].concat()
    }

    pub fn mp4() -> Vec<u8> {
        [&b"\0\0\0\x10ftypisom\0\0\0\0"[..], b"\0\0\0\x08moov"].concat()
    }

    pub fn avif() -> Vec<u8> {
        [&b"\0\0\0\x10ftypavif\0\0\0\0"[..], b"\0\0\0\x08meta"].concat()
    }

    pub fn mp3() -> Vec<u8> {
        let frame = [&[0xff, 0xfb, 0x90, 0][..], &[0; 413]].concat();
        [&b"ID3\x04\0\0\0\0\0\x02ab"[..], &frame, &frame].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::{avif, gif, jpeg, mp3, mp4, png, webp};
    use super::*;

    fn all() -> [(Vec<u8>, MediaType); 7] {
        [
            (jpeg(), MediaType::Jpeg),
            (png(), MediaType::Png),
            (gif(), MediaType::Gif),
            (webp(), MediaType::WebP),
            (avif(), MediaType::Avif),
            (mp4(), MediaType::Mp4),
            (mp3(), MediaType::Mp3),
        ]
    }

    #[test]
    fn a_whole_file_is_what_it_is() {
        for (bytes, kind) in all() {
            assert_eq!(recognised(&bytes), Some(kind));
        }
    }

    #[test]
    fn a_page_is_no_picture_whatever_it_begins_with() {
        let page = b"<!DOCTYPE html><script>alert(1)</script>";
        assert_eq!(recognised(page), None);
        assert_eq!(recognised(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), None);
        assert_eq!(recognised(b"%PDF-1.7\n"), None);
        for start in [
            &b"GIF89a"[..],
            b"GIF89a/*",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xe0\0\x04JF",
            b"RIFF\xff\0\0\0WEBPVP8 ",
            b"\0\0\0\x10ftypavif\0\0\0\0",
            b"ID3\x04\0\0\0\0\0\0",
        ] {
            assert_eq!(recognised(&[start, page].concat()), None, "{start:?}");
        }
        // What follows the end is no part of a picture, where the format says that there is one.
        for bytes in [png(), gif(), webp()] {
            assert_eq!(recognised(&[&bytes[..], page].concat()), None);
        }
    }

    proptest! {
        /// A part of a file is none: but for JPEG and MP3, whose ends may stand anywhere.
        #[test]
        fn a_part_of_a_file_is_no_file(which in 0_usize..5, cut in 1_usize..60) {
            let (bytes, _) = all()[which].clone();
            let part = &bytes[..bytes.len().saturating_sub(cut)];
            prop_assert_eq!(recognised(part), None);
        }

        #[test]
        fn no_bytes_make_it_fail(which in 0_usize..7, at in 0_usize..900, changed in any::<[u8; 4]>()) {
            let (mut bytes, _) = all()[which].clone();
            for (byte, new) in bytes.iter_mut().skip(at).zip(changed) {
                *byte = new;
            }
            recognised(&bytes);
        }
    }
}
