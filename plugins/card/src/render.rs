//! From an SVG to the bytes of a picture.

use std::collections::HashMap;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, ImageKind, Options, Tree};

use crate::fonts::Fonts;
use crate::size::Format;

/// Of a JPEG: words stay sharp.
const QUALITY: u8 = 92;

/// Files that a template may show, by the name in its `href`.
pub type Assets = HashMap<String, Arc<Vec<u8>>>;

/// How an `image` element takes a file.
pub type AsImage = fn(Arc<Vec<u8>>) -> ImageKind;

/// What an `image` element can show.
pub fn kind_of(bytes: &[u8]) -> Option<AsImage> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some(ImageKind::PNG),
        [0xff, 0xd8, 0xff, ..] => Some(ImageKind::JPEG),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(ImageKind::WEBP),
        [b'G', b'I', b'F', ..] => Some(ImageKind::GIF),
        _ => None,
    }
}

/// Whether the bytes are the text of an SVG.
pub fn is_svg(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("<svg"))
}

/// Draws an SVG whose words are set. Nothing outside of `assets` is read.
///
/// # Errors
/// It is no SVG that can be drawn; in words.
pub fn draw(
    svg: &str,
    fonts: &Fonts,
    assets: &Assets,
    width: u32,
    height: u32,
    background: [u8; 3],
) -> Result<Pixmap, String> {
    let mut options = fonts.options();
    let known = assets.clone();
    options.image_href_resolver = ImageHrefResolver {
        resolve_data: ImageHrefResolver::default_data_resolver(),
        resolve_string: Box::new(move |name, _| {
            let bytes = known.get(name)?;
            match kind_of(bytes) {
                Some(kind) => Some(kind(Arc::clone(bytes))),
                // Without fonts, files and a resolver of its own: a logo is paths.
                None => Tree::from_data(bytes, &Options::default())
                    .ok()
                    .map(ImageKind::SVG),
            }
        }),
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let mut pixmap =
        Pixmap::new(width, height).ok_or_else(|| format!("{width} by {height} is no size"))?;
    let [red, green, blue] = background;
    pixmap.fill(resvg::tiny_skia::Color::from_rgba8(red, green, blue, 255));
    // A drawing of another shape is shown whole, in the middle.
    let size = tree.size();
    let scale = (width as f32 / size.width()).min(height as f32 / size.height());
    let transform = Transform::from_scale(scale, scale).post_translate(
        (width as f32 - size.width() * scale) / 2.0,
        (height as f32 - size.height() * scale) / 2.0,
    );
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    Ok(pixmap)
}

/// Red, green and blue; the background made every pixel opaque.
pub fn rgb(pixmap: &Pixmap) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pixmap.data().len() / 4 * 3);
    for pixel in pixmap.data().chunks_exact(4) {
        bytes.extend_from_slice(&pixel[..3]);
    }
    bytes
}

/// # Errors
/// The encoder's words.
pub fn encode(pixmap: &Pixmap, format: Format) -> Result<Vec<u8>, String> {
    let (width, height) = (pixmap.width(), pixmap.height());
    let pixels = rgb(pixmap);
    let mut bytes = Vec::new();
    match format {
        Format::Png => {
            let mut encoder = png::Encoder::new(&mut bytes, width, height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.set_compression(png::Compression::Fast);
            encoder
                .write_header()
                .and_then(|mut writer| writer.write_image_data(&pixels))
                .map_err(|error| error.to_string())?;
        }
        Format::Jpeg => {
            let size = |side: u32| u16::try_from(side).map_err(|error| error.to_string());
            let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
            // Coloured words would have soft edges at half the resolution.
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
            encoder
                .encode(
                    &pixels,
                    size(width)?,
                    size(height)?,
                    jpeg_encoder::ColorType::Rgb,
                )
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(bytes)
}

/// Width and height of an SVG.
///
/// # Errors
/// It can't be drawn; in words.
pub fn svg_size(bytes: &[u8]) -> Result<(u32, u32), String> {
    let tree = Tree::from_data(bytes, &Options::default()).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    Ok((size.width(), size.height()))
}
