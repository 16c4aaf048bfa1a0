//! Pictures that do not fit are decoded, turned upright, cut, shrunk, and written anew.

use std::io::Cursor;

use fast_image_resize::{ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::strip::{Format, Stripped};
use super::{Trouble, exif};
use crate::media::ImageLimits;
use crate::model::FocalPoint;

/// Pixels of a picture that is decoded: the largest sensors of telephones have 108 and
/// 200 million, and only the first fits in a small machine's memory.
pub(super) const MOST_PIXELS: u64 = 110_000_000;
/// Bytes that a decoder may ask for.
const MOST_MEMORY: u64 = 1 << 30;

/// How good a JPEG is made, until it is small enough.
const QUALITIES: [u8; 5] = [90, 84, 78, 70, 60];
/// After that, and where nothing is lost by writing it, it is made smaller by this.
const STEP: f64 = 0.8;
/// Steps of it: to a ninth.
const STEPS: u32 = 10;

/// What has to be done with a picture. Nothing, where all is false.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    convert: bool,
    cut: Option<(u32, u32)>,
    sides: Option<(u32, u32)>,
    shrink: bool,
    upright: bool,
}

impl Work {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Work::default()
    }
}

fn unfit(reason: String) -> Trouble {
    Trouble::Unfit(reason)
}

/// What it takes to make it fit.
///
/// # Errors
/// It can't be made to fit; with the numbers.
pub(super) fn plan(
    format: Format,
    picture: &Stripped,
    limits: &ImageLimits,
    crop: bool,
) -> Result<Work, Trouble> {
    let (width, height) = picture.seen();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MOST_PIXELS {
        return Err(Trouble::Broken(format!(
            "{width} × {height} pixels are more than are dealt with ({MOST_PIXELS} in all)"
        )));
    }
    let takes = |format: Format| {
        limits.formats.is_empty() || limits.formats.iter().any(|name| name == format.name())
    };
    let taken = || limits.formats.join(", ");
    let moves = picture.frames > 1;
    let mut work = Work {
        convert: !takes(format),
        // Few programs look for it there.
        upright: format == Format::Png && picture.orientation != 1,
        ..Work::default()
    };
    if work.convert
        && !["jpeg", "png", "webp"]
            .iter()
            .any(|name| taken().contains(name))
    {
        return Err(unfit(format!(
            "it is {}; the platform takes {}",
            format.words(),
            taken()
        )));
    }
    if work.convert && matches!(format, Format::Heic | Format::Avif) {
        return Err(unfit(format!(
            "it is {} of {width} × {height} pixels, which can't be converted here; save it as one of {}",
            format.words(),
            taken()
        )));
    }
    if moves && (!limits.animated || work.convert) {
        return Err(unfit(format!(
            "it is an animated {} of {} frames, and the platform takes none: it is not turned into \
             a still by itself; make a picture or a video of it",
            format.words(),
            picture.frames
        )));
    }
    for (side, least, what) in [
        (width, limits.min_width, "wide"),
        (height, limits.min_height, "high"),
    ] {
        if let Some(least) = least.filter(|least| side < *least) {
            return Err(unfit(format!(
                "{width} × {height} pixels; the platform takes pictures that are {least} {what} and more"
            )));
        }
    }
    let (mut fits, ratio) = ((width, height), f64::from(width) / f64::from(height));
    let (least, most) = (
        limits.min_ratio.unwrap_or(0.0),
        limits.max_ratio.unwrap_or(f64::MAX),
    );
    if !near(ratio, least, most) {
        if !crop {
            return Err(unfit(format!(
                "{width} × {height} pixels are {ratio:.2} to 1 (width to height); the platform \
                 takes {}. Cut it, or let `crop = true` of the account cut it",
                range(limits.min_ratio, limits.max_ratio)
            )));
        }
        fits = if ratio > most {
            (scaled(height, most).min(width), height)
        } else {
            (width, scaled(width, 1.0 / least).min(height))
        };
        work.cut = Some(fits);
    }
    let scale = scale(fits, limits);
    if scale < 1.0 {
        let sides = (scaled_down(fits.0, scale), scaled_down(fits.1, scale));
        let short = limits.min_width.is_some_and(|least| sides.0 < least)
            || limits.min_height.is_some_and(|least| sides.1 < least);
        if short {
            return Err(unfit(format!(
                "{width} × {height} pixels can't be shrunk to what the platform takes"
            )));
        }
        work.sides = Some(sides);
    }
    let size = limits.animated_size.filter(|_| moves).or(limits.size);
    let bytes = picture.bytes.len() as u64;
    work.shrink = size.is_some_and(|size| bytes > size);
    if moves && (work.shrink || work.sides.is_some() || work.cut.is_some()) {
        return Err(unfit(format!(
            "it moves, has {width} × {height} pixels and {bytes} bytes, and is not made smaller; \
             the platform takes {}{}",
            size.map_or(String::new(), |size| format!("{size} bytes")),
            work.sides.map_or(String::new(), |(width, height)| format!(
                " and {width} × {height} pixels"
            )),
        )));
    }
    let undecodable = matches!(format, Format::Heic | Format::Avif);
    if undecodable && !work.is_nothing() {
        return Err(unfit(format!(
            "it is {} of {width} × {height} pixels and {bytes} bytes, which does not fit and can't \
             be converted here; save it as JPEG",
            format.words()
        )));
    }
    if format == Format::Gif && work.convert {
        work.upright = false;
    }
    Ok(work)
}

/// A pixel more or less is no other ratio.
fn near(ratio: f64, least: f64, most: f64) -> bool {
    (least * 0.998..=most * 1.002).contains(&ratio)
}

pub(super) fn range(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least:.2} to {most:.2}"),
        (Some(least), None) => format!("{least:.2} and more"),
        (None, Some(most)) => format!("{most:.2} and less"),
        (None, None) => "any".to_owned(),
    }
}

fn scaled(side: u32, by: f64) -> u32 {
    (f64::from(side) * by).round().max(1.0) as u32
}

fn scaled_down(side: u32, by: f64) -> u32 {
    (f64::from(side) * by + 1e-6).floor().max(1.0) as u32
}

/// By how much it has to become smaller.
fn scale((width, height): (u32, u32), limits: &ImageLimits) -> f64 {
    let (wide, high) = (f64::from(width), f64::from(height));
    let sides = [
        limits.max_width.map(|most| f64::from(most) / wide),
        limits.max_height.map(|most| f64::from(most) / high),
        limits.max_sides.map(|most| f64::from(most) / (wide + high)),
        limits
            .max_pixels
            .map(|most| (most as f64 / (wide * high)).sqrt()),
    ];
    sides.into_iter().flatten().fold(1.0, f64::min)
}

/// A picture that was written anew.
pub(super) struct New {
    pub format: Format,
    pub bytes: Vec<u8>,
    pub sides: (u32, u32),
}

/// Does the work.
///
/// # Errors
/// It can't be decoded, or not be made small enough.
pub(super) fn carry_out(
    format: Format,
    picture: &Stripped,
    work: &Work,
    limits: &ImageLimits,
    focus: Option<FocalPoint>,
) -> Result<New, Trouble> {
    let (mut image, profile) = decode(format, picture)?;
    if let Some((width, height)) = work.cut {
        let (x, y) = corner((image.width(), image.height()), (width, height), focus);
        image = image.crop_imm(x, y, width, height);
    }
    if let Some(sides) = work.sides {
        image = resize(&image, sides)?;
    }
    let clear = has_clear_pixels(&image);
    let format = target(format, clear, work, limits);
    if format == Format::Jpeg {
        image = flat(image);
    }
    let most = limits.size.unwrap_or(u64::MAX);
    let fits = |bytes: &[u8]| bytes.len() as u64 <= most;
    let mut smallest = u64::MAX;
    for step in 0..=STEPS {
        let by = STEP.powi(step.cast_signed());
        let sides = (scaled(image.width(), by), scaled(image.height(), by));
        let short = limits.min_width.is_some_and(|least| sides.0 < least)
            || limits.min_height.is_some_and(|least| sides.1 < least);
        if step > 0 && short {
            break;
        }
        let smaller = match step {
            0 => None,
            _ => Some(resize(&image, sides)?),
        };
        let current = smaller.as_ref().unwrap_or(&image);
        let qualities: &[u8] = match format {
            Format::Jpeg => &QUALITIES,
            _ => &QUALITIES[..1],
        };
        for quality in qualities {
            let bytes = encode(current, format, *quality, profile.as_deref())?;
            smallest = smallest.min(bytes.len() as u64);
            if fits(&bytes) {
                return Ok(New {
                    format,
                    bytes,
                    sides,
                });
            }
        }
    }
    Err(unfit(format!(
        "it can't be made smaller than {smallest} bytes without harm; the platform takes {most}"
    )))
}

/// What is seen of a picture, upright, and the profile of its colours.
fn decode(format: Format, picture: &Stripped) -> Result<(DynamicImage, Option<Vec<u8>>), Trouble> {
    let broken =
        |error: image::ImageError| Trouble::Broken(format!("no sound {}: {error}", format.words()));
    let kind = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        Format::Heic | Format::Avif => {
            return Err(unfit(format!("{} can't be decoded here", format.words())));
        }
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(&picture.bytes), kind);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Trouble::Broken(format!(
            "{width} × {height} pixels are too many"
        )));
    }
    let profile = decoder.icc_profile().ok().flatten();
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(exif::turn(picture.orientation));
    let image = eight_bits(image);
    // One for other colours than these would make them wrong.
    let space: &[u8] = match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => b"GRAY",
        _ => b"RGB ",
    };
    let profile = profile.filter(|profile| profile.get(16..20) == Some(space));
    Ok((image, profile))
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLuma16(_) => DynamicImage::ImageLuma8(image.into_luma8()),
        DynamicImage::ImageLumaA16(_) => DynamicImage::ImageLumaA8(image.into_luma_alpha8()),
        DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgb32F(_) => {
            DynamicImage::ImageRgb8(image.into_rgb8())
        }
        DynamicImage::ImageRgba16(_) | DynamicImage::ImageRgba32F(_) => {
            DynamicImage::ImageRgba8(image.into_rgba8())
        }
        image => image,
    }
}

/// Where the cut begins, so that the focal point comes as near to its middle as it can.
fn corner(whole: (u32, u32), part: (u32, u32), focus: Option<FocalPoint>) -> (u32, u32) {
    let focus = focus.unwrap_or(FocalPoint { x: 0.0, y: 0.0 });
    let along = |whole: u32, part: u32, at: f32| {
        let middle = f64::from(whole) * (f64::from(at.clamp(-1.0, 1.0)) + 1.0) / 2.0;
        let from = middle - f64::from(part) / 2.0;
        from.clamp(0.0, f64::from(whole.saturating_sub(part)))
            .round() as u32
    };
    // The focal point's y grows upwards.
    (
        along(whole.0, part.0, focus.x),
        along(whole.1, part.1, -focus.y),
    )
}

fn resize(image: &DynamicImage, (width, height): (u32, u32)) -> Result<DynamicImage, Trouble> {
    let mut smaller = DynamicImage::new(width, height, image.color());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(
        fast_image_resize::FilterType::Lanczos3,
    ));
    Resizer::new()
        .resize(image, &mut smaller, &options)
        .map_err(|error| Trouble::Broken(error.to_string()))?;
    Ok(smaller)
}

fn has_clear_pixels(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().any(|pixel| pixel.0[1] < 255),
        DynamicImage::ImageRgba8(image) => image.pixels().any(|pixel| pixel.0[3] < 255),
        _ => false,
    }
}

/// What it becomes: what it is, where that is taken and small enough; what can be clear
/// stays so where the platform takes it.
fn target(format: Format, clear: bool, work: &Work, limits: &ImageLimits) -> Format {
    let takes = |format: Format| {
        limits.formats.is_empty() || limits.formats.iter().any(|name| name == format.name())
    };
    // PNG and WebP are written without loss here, and a photo is large that way.
    let photo = work.shrink && !clear && takes(Format::Jpeg);
    let order: [Format; 3] = match format {
        Format::Png | Format::Gif if !photo => [Format::Png, Format::Webp, Format::Jpeg],
        _ if clear => [Format::Png, Format::Webp, Format::Jpeg],
        _ => [Format::Jpeg, Format::Png, Format::Webp],
    };
    // An opaque picture that is converted anyway is a photo more often than not.
    let order = if work.convert && !clear && takes(Format::Jpeg) {
        [Format::Jpeg, Format::Png, Format::Webp]
    } else {
        order
    };
    order
        .into_iter()
        .find(|format| takes(*format))
        .unwrap_or(Format::Jpeg)
}

/// On white, without alpha.
fn flat(image: DynamicImage) -> DynamicImage {
    let over = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u32::from(colour), u32::from(alpha));
        ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    match image {
        DynamicImage::ImageRgba8(image) => {
            let mut flat = image::RgbImage::new(image.width(), image.height());
            for (to, from) in flat.pixels_mut().zip(image.pixels()) {
                let [red, green, blue, alpha] = from.0;
                to.0 = [over(red, alpha), over(green, alpha), over(blue, alpha)];
            }
            DynamicImage::ImageRgb8(flat)
        }
        DynamicImage::ImageLumaA8(image) => {
            let mut flat = image::GrayImage::new(image.width(), image.height());
            for (to, from) in flat.pixels_mut().zip(image.pixels()) {
                to.0 = [over(from.0[0], from.0[1])];
            }
            DynamicImage::ImageLuma8(flat)
        }
        image => image,
    }
}

fn encode(
    image: &DynamicImage,
    format: Format,
    quality: u8,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let written = match format {
        Format::Png => {
            let encoder = PngEncoder::new_with_quality(
                &mut bytes,
                CompressionType::Default,
                FilterType::Adaptive,
            );
            write(encoder, image, profile)
        }
        Format::Webp => write(WebPEncoder::new_lossless(&mut bytes), image, profile),
        _ => write(
            JpegEncoder::new_with_quality(&mut bytes, quality),
            image,
            profile,
        ),
    };
    written.map_err(|error| Trouble::Unfit(format!("it can't be written anew: {error}")))?;
    Ok(bytes)
}

fn write(
    mut encoder: impl ImageEncoder,
    image: &DynamicImage,
    profile: Option<&[u8]>,
) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        // A format without profiles shows its colours as it always does.
        let _ = encoder.set_icc_profile(profile.to_vec());
    }
    image.write_with_encoder(encoder)
}
