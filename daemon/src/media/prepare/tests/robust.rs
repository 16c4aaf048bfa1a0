//! Files that somebody made to break programs.

use proptest::prelude::*;

use super::*;

fn seeds() -> Vec<Vec<u8>> {
    let quarters = DynamicImage::from(made::quarters(16, 12));
    vec![
        jpeg(16, 12, 6),
        png(&quarters, 3),
        webp(16, 12, 8),
        gif(2),
        made::heic(),
        made::mp4(&made::place()),
        made::webm(),
    ]
}

/// What the daemon does with a file, whatever is in it.
fn take(bytes: &[u8]) {
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Webp,
        Format::Gif,
        Format::Heic,
    ] {
        let Ok(stripped) = strip::strip(format, bytes) else {
            continue;
        };
        let limits = ImageLimits {
            formats: vec!["jpeg".to_owned()],
            max_width: Some(8),
            ..ImageLimits::default()
        };
        let small = u64::from(stripped.width) * u64::from(stripped.height) < 1 << 20;
        if let Ok(work) = picture::plan(format, &stripped, &limits, true)
            && small
        {
            let _ = picture::carry_out(format, &stripped, &work, &limits, None);
        }
    }
    if let Ok((film, patches)) = video::probe(&bytes) {
        let _ = film::judge(&film, bytes.len() as u64, &VideoLimits::default());
        let mut copy = bytes.to_vec();
        patches.apply_to(&mut copy);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_file_breaks_it(
        seed in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        take(&bytes);
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300), start in 0_usize..7) {
        let seed = seeds().swap_remove(start);
        take(&bytes);
        take(&[&seed[..12.min(seed.len())], &bytes].concat());
    }
}

#[test]
fn boxes_within_boxes_and_boxes_of_nothing_end() {
    let mut nested = Vec::new();
    for _ in 0..5000 {
        let mut outer = u32::try_from(nested.len() + 8)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        outer.extend(b"trak");
        outer.extend(&nested);
        nested = outer;
    }
    let mut moov = u32::try_from(nested.len() + 8)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    moov.extend(b"moov");
    moov.extend(&nested);
    moov.extend(b"\0\0\0\x08mdat");
    take(&moov);
    take(&[0; 4096]);
    let mut none = b"\0\0\0\x08ftyp".repeat(2);
    none.extend(b"\0\0\0\0moov\0\0\0\0trak\0\0\0\0trak");
    take(&none);
    take(&b"\0\0\0\x01moov\0\0\0\0\0\0\0\x01".repeat(50));
    take(&b"\0\0\0\x08free".repeat(200_000));
    // A GIF without an end, a Matroska file of clusters without one.
    let mut endless = gif(1);
    endless.truncate(endless.len() - 70);
    endless.extend(b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x4c\x01\0".repeat(6000));
    endless.push(0x3b);
    let error = strip::strip(Format::Gif, &endless).err().unwrap();
    assert!(matches!(error, Trouble::Broken(_)), "{error}");
    let mut open = made::webm();
    open.truncate(90);
    open.extend(b"\x1f\x43\xb6\x75\xff".repeat(10_000));
    take(&open);
}
