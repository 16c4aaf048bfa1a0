//! Files with a place in them, made byte by byte.

use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};

/// Stands wherever a file can say where it was made.
pub(super) const SECRET: &[u8] = b"+40.4093+049.8671";

/// Four quarters: red, green, blue, white.
pub(super) fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        match (x < width / 2, y < height / 2) {
            (true, true) => Rgb([255, 0, 0]),
            (false, true) => Rgb([0, 255, 0]),
            (true, false) => Rgb([0, 0, 255]),
            (false, false) => Rgb([255, 255, 255]),
        }
    })
}

pub(super) fn profile() -> Vec<u8> {
    let mut profile = vec![0; 128];
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

pub(super) fn exif(orientation: u8) -> Vec<u8> {
    // The orientation, and a directory of GPS with a text.
    let mut tiff = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    tiff.extend([0; 4]);
    tiff.extend([0, 1, 0, 27, 0, 7, 0, 0, 0, 17, 0, 0, 0, 56]);
    tiff.extend([0; 4]);
    tiff.extend(SECRET);
    tiff
}

pub(super) fn plain_jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_icc_profile(profile()).unwrap();
    encoder
        .write_image(
            &quarters(width, height),
            width,
            height,
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, marker];
    bytes.extend(u16::try_from(data.len() + 2).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

pub(super) fn jpeg(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let plain = plain_jpeg(width, height);
    let mut bytes = plain[..2].to_vec();
    bytes.extend(segment(
        0xe1,
        &[b"Exif\0\0", &exif(orientation)[..]].concat(),
    ));
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>", SECRET].concat();
    bytes.extend(segment(0xe1, &xmp));
    bytes.extend(segment(0xed, &[b"Photoshop 3.0\08BIM", SECRET].concat()));
    bytes.extend(segment(0xe2, &[b"MPF\0", SECRET].concat()));
    bytes.extend(segment(0xfe, SECRET));
    bytes.extend(&plain[2..]);
    // What telephones write behind the end: a second picture, a film.
    bytes.extend(&plain);
    bytes.extend(SECRET);
    bytes
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(name);
    bytes.extend(data);
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[4..]);
    bytes.extend(crc.sum().to_be_bytes());
    bytes
}

pub(super) fn png(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut plain = std::io::Cursor::new(Vec::new());
    image.write_to(&mut plain, ImageFormat::Png).unwrap();
    let plain = plain.into_inner();
    // Behind the head, which has 13 bytes.
    let head = 8 + 12 + 13;
    let mut bytes = plain[..head].to_vec();
    bytes.extend(chunk(b"eXIf", &exif(orientation)));
    bytes.extend(chunk(b"tEXt", &[b"Comment\0", SECRET].concat()));
    bytes.extend(chunk(
        b"iTXt",
        &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat(),
    ));
    bytes.extend(&plain[head..]);
    bytes.extend(SECRET);
    bytes
}

/// A PNG that says it has so many pixels, and has none of them.
pub(super) fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    bytes.extend(chunk(b"IHDR", &[&sides[..], &[8, 2, 0, 0, 0]].concat()));
    bytes.extend(chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

pub(super) fn webp(width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut plain);
    encoder.set_icc_profile(profile()).unwrap();
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder
        .write_image(
            &quarters(width, height),
            width,
            height,
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    plain.extend(b"XMP ");
    plain.extend(u32::try_from(SECRET.len()).unwrap().to_le_bytes());
    plain.extend(SECRET);
    plain.push(0);
    let length = u32::try_from(plain.len() - 8).unwrap();
    plain[4..8].copy_from_slice(&length.to_le_bytes());
    plain.extend(SECRET);
    plain
}

pub(super) fn gif(frames: u32) -> Vec<u8> {
    let mut plain = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut plain);
        encoder
            .set_repeat(image::codecs::gif::Repeat::Infinite)
            .unwrap();
        for _ in 0..frames {
            let picture = DynamicImage::from(quarters(16, 12)).into_rgba8();
            encoder.encode_frame(image::Frame::new(picture)).unwrap();
        }
    }
    let end = plain.pop();
    assert_eq!(end, Some(0x3b));
    let length = u8::try_from(SECRET.len()).unwrap();
    plain.extend([0x21, 0xfe, length]);
    plain.extend(SECRET);
    plain.extend([0, 0x21, 0xff, 11]);
    plain.extend(b"XMP DataXMP");
    plain.push(length);
    plain.extend(SECRET);
    plain.extend([0, 0x3b]);
    plain.extend(SECRET);
    plain
}

fn atom(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    bytes.extend(kind);
    bytes.extend(data);
    bytes
}

/// What Apple's and Android's cameras write into a film's index.
pub(super) fn place() -> Vec<u8> {
    let text = [&[0, 17, 0x15, 0xc7], SECRET].concat();
    let udta = atom(b"udta", &atom(b"\xa9xyz", &text));
    let keys = [b"com.apple.quicktime.location.ISO6709", SECRET].concat();
    [
        udta,
        atom(b"meta", &keys),
        atom(b"uuid", &[&[7; 16], SECRET].concat()),
    ]
    .concat()
}

fn track(handler: &[u8; 4], entry: &[u8], tkhd: &[u8], chunk: u32, sample: u32) -> Vec<u8> {
    let word = |value: u32| value.to_be_bytes();
    let hdlr = atom(b"hdlr", &[&[0; 8], &handler[..], &[0; 13]].concat());
    let mdhd = atom(
        b"mdhd",
        &[&[0; 12][..], &word(600), &word(7200), &[0; 4]].concat(),
    );
    let one = |first: u32, second: u32| [word(0), word(1), word(first), word(second)].concat();
    let stbl = [
        atom(b"stsd", &[&word(0), &word(1), entry].concat()),
        atom(b"stts", &one(360, 20)),
        atom(b"stsc", &[&one(1, 1)[..], &word(1)].concat()),
        atom(b"stsz", &[word(0), word(sample), word(1)].concat()),
        atom(b"stco", &[word(0), word(1), word(chunk)].concat()),
    ];
    let minf = atom(b"minf", &atom(b"stbl", &stbl.concat()));
    let mdia = atom(b"mdia", &[mdhd, hdlr, minf].concat());
    atom(b"trak", &[atom(b"tkhd", tkhd), mdia].concat())
}

/// Twelve seconds of HEVC with 30 pictures each, on its side, with a track of positions;
/// its index is last.
pub(super) fn mp4(more: &[u8]) -> Vec<u8> {
    let ftyp = atom(b"ftyp", b"isom\0\0\0\0isommp42");
    let notes: &[u8] = &[b"GPS9", SECRET].concat();
    let start = u32::try_from(ftyp.len() + 8).unwrap();
    let mdat = atom(b"mdat", &[b"pictures", notes].concat());
    let mut matrix = [0_u8; 36];
    matrix[4..8].copy_from_slice(&65536_u32.to_be_bytes());
    matrix[12..16].copy_from_slice(&(-65536_i32).to_be_bytes());
    matrix[32..36].copy_from_slice(&0x4000_0000_u32.to_be_bytes());
    let sides = [
        (1920_u32 << 16).to_be_bytes(),
        (1080_u32 << 16).to_be_bytes(),
    ]
    .concat();
    let tkhd = [&[0; 40], &matrix[..], &sides].concat();
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[0x07, 0x80, 0x04, 0x38]);
    let video = track(b"vide", &atom(b"hvc1", &entry), &tkhd, start, 8);
    let size = u32::try_from(notes.len()).unwrap();
    let camera = track(b"meta", &atom(b"gpmd", &[0; 8]), &[0; 84], start + 8, size);
    let word = |value: u32| value.to_be_bytes();
    let mvhd = atom(
        b"mvhd",
        &[&[0; 12][..], &word(1000), &word(12_000), &[0; 80]].concat(),
    );
    let moov = atom(b"moov", &[&mvhd[..], &video, &camera, more].concat());
    [ftyp, mdat, moov].concat()
}

fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    let size = u64::try_from(data.len()).unwrap() | 1 << 56;
    bytes.extend(size.to_be_bytes());
    bytes.extend(data);
    bytes
}

pub(super) fn webm() -> Vec<u8> {
    let head = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
    let length = element(&[0x44, 0x89], &2500_f64.to_be_bytes());
    let info = element(&[0x15, 0x49, 0xa9, 0x66], &length);
    let sides = [element(&[0xb0], &[2, 0x80]), element(&[0xba], &[1, 0xe0])].concat();
    let track = [
        element(&[0x83], &[1]),
        element(&[0x86], b"V_VP9"),
        element(&[0xe0], &sides),
    ];
    let tracks = element(
        &[0x16, 0x54, 0xae, 0x6b],
        &element(&[0xae], &track.concat()),
    );
    // One cluster has no length.
    let mut open = vec![0x1f, 0x43, 0xb6, 0x75, 0xff];
    open.extend(element(&[0xe7], &[0]));
    let cluster = element(&[0x1f, 0x43, 0xb6, 0x75], &element(&[0xe7], &[1]));
    let tags = element(&[0x12, 0x54, 0xc3, 0x67], SECRET);
    let parts = [info, tracks, open, cluster, tags].concat();
    [head, element(&[0x18, 0x53, 0x80, 0x67], &parts)].concat()
}

/// A HEIC's head and its EXIF, without pixels that anybody decodes.
pub(super) fn heic() -> Vec<u8> {
    let ftyp = atom(b"ftyp", b"heic\0\0\0\0mif1heic");
    let data = [b"\0\0\0\0", &exif(1)[..]].concat();
    let build = |at: u32| {
        let infe = |id: u8, kind: &[u8; 4]| {
            atom(
                b"infe",
                &[&[2, 0, 0, 0, 0, id, 0, 0][..], kind, &[0]].concat(),
            )
        };
        let entries = [infe(1, b"hvc1"), infe(2, b"Exif")].concat();
        let iinf = atom(b"iinf", &[&[0, 0, 0, 0, 0, 2][..], &entries].concat());
        let mut iloc = vec![0, 0, 0, 0, 0x44, 0, 0, 1, 0, 2, 0, 0, 0, 1];
        iloc.extend(at.to_be_bytes());
        iloc.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let ispe = atom(b"ispe", &[0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x0c, 0]);
        let ipco = atom(b"ipco", &[ispe, atom(b"irot", &[1])].concat());
        let parts = [iinf, atom(b"iloc", &iloc), atom(b"iprp", &ipco)].concat();
        atom(b"meta", &[&[0; 4], &parts[..]].concat())
    };
    let at = ftyp.len() + build(0).len() + 8;
    let meta = build(u32::try_from(at).unwrap());
    [ftyp, meta, atom(b"mdat", &data)].concat()
}
