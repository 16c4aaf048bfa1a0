//! Photos and films as cameras write them, with the place in them, and without.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Stands wherever a file can say where it was made.
pub const PLACE: &[u8] = b"+40.4093+049.8671";

/// Of four quarters: red and green above, blue and white below.
pub fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        match (x < width / 2, y < height / 2) {
            (true, true) => Rgb([255, 0, 0]),
            (false, true) => Rgb([0, 255, 0]),
            (true, false) => Rgb([0, 0, 255]),
            (false, false) => Rgb([255, 255, 255]),
        }
    })
}

fn written(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("it is written");
    bytes.into_inner()
}

/// A JPEG with nothing to tell.
pub fn plain(width: u32, height: u32) -> Vec<u8> {
    written(quarters(width, height).into(), ImageFormat::Jpeg)
}

/// A JPEG that lies as `orientation` says (EXIF, 1 to 8), with its place in EXIF, in XMP and
/// behind its end.
pub fn photo(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    with_place(&plain(width, height), orientation)
}

/// Likewise, with the grain of a camera's sensor.
pub fn grainy(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let mut image = quarters(width, height);
    let mut grain = vec![0; (width * height * 3) as usize];
    blake3::Hasher::new().finalize_xof().fill(&mut grain);
    for (pixel, grain) in image.iter_mut().zip(grain) {
        *pixel = *pixel / 2 + 48 + (grain >> 3);
    }
    with_place(&written(image.into(), ImageFormat::Jpeg), orientation)
}

fn with_place(plain: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"Exif\0\0MM\0*\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    tiff.extend([0; 4]);
    tiff.extend([0, 1, 0, 27, 0, 7, 0, 0, 0, 17, 0, 0, 0, 56, 0, 0, 0, 0]);
    tiff.extend(PLACE);
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", PLACE].concat();
    let mut bytes = plain[..2].to_vec();
    for data in [tiff, xmp] {
        bytes.extend([0xff, 0xe1]);
        bytes.extend(u16::try_from(data.len() + 2).expect("short").to_be_bytes());
        bytes.extend(data);
    }
    bytes.extend(&plain[2..]);
    bytes.extend(PLACE);
    bytes
}

/// A PNG with nothing to tell, whose pixels are told by `seed`. No program makes it smaller.
pub fn noise(width: u32, height: u32, seed: &str) -> Vec<u8> {
    let mut random = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    let mut pixels = vec![0; (width * height * 3) as usize];
    random.fill(&mut pixels);
    let image = RgbImage::from_raw(width, height, pixels).expect("so many pixels");
    written(image.into(), ImageFormat::Png)
}

fn atom(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len() + 8).expect("short");
    [&size.to_be_bytes(), &kind[..], data].concat()
}

/// Five seconds of H.264, 1280 × 720, with `more` in its index.
pub fn film(more: &[u8]) -> Vec<u8> {
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_be_bytes()).collect() };
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[5, 0, 2, 0xd0]);
    let stbl = [
        atom(b"stsd", &[words(&[0, 1]), atom(b"avc1", &entry)].concat()),
        atom(b"stts", &words(&[0, 1, 150, 20])),
    ];
    let hdlr = [&[0; 8], &b"vide"[..], &[0; 13]].concat();
    let mdia = [
        atom(b"mdhd", &words(&[0, 0, 0, 600, 3000, 0])),
        atom(b"hdlr", &hdlr),
        atom(b"minf", &atom(b"stbl", &stbl.concat())),
    ];
    let trak = atom(b"trak", &atom(b"mdia", &mdia.concat()));
    let mvhd = atom(
        b"mvhd",
        &[words(&[0, 0, 0, 1000, 5000]), vec![0; 80]].concat(),
    );
    [
        atom(b"ftyp", b"mp42\0\0\0\0isommp42"),
        atom(b"moov", &[&mvhd[..], &trak, more].concat()),
        atom(b"mdat", &[0x77; 2000]),
    ]
    .concat()
}

/// The place in a film's index, as telephones write it.
pub fn place() -> Vec<u8> {
    let text = [&[0, 17, 0x15, 0xc7], PLACE].concat();
    atom(b"udta", &atom(b"\xa9xyz", &text))
}
