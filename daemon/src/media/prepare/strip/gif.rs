//! GIF (GIF89a), block by block.

use super::{Bytes, Found, Stripped};

/// Pictures in one file: at ten a second these are some minutes.
const MOST_FRAMES: u32 = 5000;

/// Applications whose blocks say how it is shown.
const KEPT: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn strip(bytes: &[u8]) -> Found<Stripped> {
    let mut input = Bytes::new(bytes);
    if !matches!(input.take(6)?, b"GIF87a" | b"GIF89a") {
        return Err("it has no beginning");
    }
    let (width, height) = (input.le16()?, input.le16()?);
    let flags = input.byte()?;
    input.take(2)?;
    colours(&mut input, flags)?;
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(&bytes[..input.at]);
    let mut frames = 0_u32;
    loop {
        let from = input.at;
        match input.byte()? {
            0x3b => break,
            0x2c => {
                frames += 1;
                if frames > MOST_FRAMES {
                    return Err("it has more than 5000 frames");
                }
                input.take(8)?;
                let flags = input.byte()?;
                colours(&mut input, flags)?;
                // How many bits the first codes have.
                input.byte()?;
                blocks(&mut input)?;
                kept.extend_from_slice(&bytes[from..input.at]);
            }
            0x21 => {
                let label = input.byte()?;
                let length = usize::from(input.byte()?);
                let first = input.take(length)?;
                let shows = match label {
                    0xf9 => true,
                    0xff => KEPT.contains(&first),
                    _ => false,
                };
                if length > 0 {
                    blocks(&mut input)?;
                }
                if shows {
                    kept.extend_from_slice(&bytes[from..input.at]);
                }
            }
            _ => return Err("a block is of no kind that there is"),
        }
    }
    if frames == 0 {
        return Err("it has no pixels");
    }
    kept.push(0x3b);
    Ok(Stripped {
        bytes: kept,
        width: width.into(),
        height: height.into(),
        orientation: 1,
        frames,
    })
}

fn colours(input: &mut Bytes<'_>, flags: u8) -> Found<()> {
    if flags & 0x80 != 0 {
        input.take(3 << ((flags & 7) + 1))?;
    }
    Ok(())
}

/// Up to and with the empty one.
fn blocks(input: &mut Bytes<'_>) -> Found<()> {
    loop {
        match input.byte()? {
            0 => return Ok(()),
            length => input.take(length.into())?,
        };
    }
}
