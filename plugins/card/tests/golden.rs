//! What cards look like: each is drawn and compared with a picture that a person has seen,
//! by structural similarity (Wang et al., 2004), at a quarter of its size.
//!
//! `JARCHI_CARD_GOLDEN=write` writes the pictures anew: look at them before you commit them.
//! `JARCHI_CARD_OUT=FOLDER` writes them at their full size.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use jarchi_plugin_card::card::{Card, Kind};
use jarchi_plugin_card::fit::{self, Fitted};
use jarchi_plugin_card::fonts::Fonts;
use jarchi_plugin_card::palette::{self, Palette, Style};
use jarchi_plugin_card::render::{self, Assets};
use jarchi_plugin_card::size::{Format, Shape};
use jarchi_plugin_card::template::{self, Look, Picture};
use serde_json::{Map, Value, json};

/// Below it, something has moved, is missing, or has another colour.
const ALIKE: f64 = 0.95;

/// Goldens are smaller by this.
const SCALE: usize = 4;

const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64"><rect width="64" height="64" rx="16" fill="#c2512f"/><path d="M20 18h24c0 14-3 18-6 22-3 4-3 6-3 8h-6c0-2 0-4-3-8-3-4-6-8-6-22z" fill="#faf5ec"/></svg>"##;

struct Sample {
    name: &'static str,
    shape: Shape,
    language: &'static str,
    style: Style,
    card: Value,
}

fn sample(name: &'static str, shape: Shape, style: Style, card: Value) -> Sample {
    let language = if name.ends_with("-az") { "az" } else { "en" };
    Sample {
        name,
        shape,
        language,
        style,
        card,
    }
}

fn samples() -> Vec<Sample> {
    vec![
        sample(
            "quote-square-az",
            Shape::Square,
            Style::Light,
            json!({
                "kind": "quote", "language": "az",
                "text": "Çay süfrəsi ağır söhbəti də yüngülləşdirir, uzaq qonağı da doğma edir.",
                "author": "Gülnarə İsmayılova", "role": "Çay Evi, Şəki",
            }),
        ),
        sample(
            "quote-story-en",
            Shape::Story,
            Style::Dark,
            json!({
                "kind": "quote",
                "text": "If you are cold, tea will warm you; if you are too heated, it will cool you.",
                "author": "William Ewart Gladstone",
            }),
        ),
        sample(
            "tip-portrait-az",
            Shape::Portrait,
            Style::Light,
            json!({
                "kind": "tip", "language": "az", "number": 4, "title": "Suyu iki dəfə qaynatmayın ☕",
                "text": "Təkrar qaynayan suda oksigen azalır və çay dadını itirir. Hər dəfə təzə, yumşaq su götürün; dəmi 5–7 dəqiqə saxlayın.",
            }),
        ),
        sample(
            "tip-landscape-en",
            Shape::Landscape,
            Style::Accent,
            json!({
                "kind": "tip", "title": "Warm the pot first",
                "text": "Swirl a little hot water in it and pour it away: the leaves open in half the time.",
            }),
        ),
        sample(
            "review-portrait-en",
            Shape::Portrait,
            Style::Light,
            json!({
                "kind": "review", "stars": 4.5, "author": "Leyla Həsənova", "source": "Google Maps",
                "text": "The quietest place in the old town. We came for one glass and stayed for three hours 🍵❤️",
            }),
        ),
        sample(
            "review-landscape-az",
            Shape::Landscape,
            Style::Light,
            json!({
                "kind": "review", "language": "az", "stars": 5, "author": "Ömər Əliyev", "source": "Instagram",
                "text": "Mürəbbələri evdəki kimidir, xidmət isə çox səmimidir. Hökmən yenə gələcəyik!",
            }),
        ),
        sample(
            "price-pin-az",
            Shape::Pin,
            Style::Light,
            json!({
                "kind": "price", "language": "az", "title": "Lənkəran çayı, 250 q", "price": "12,50 ₼",
                "old_price": "16 ₼", "badge": "Həftənin təklifi", "text": "İlk yığım, əl ilə seçilmiş yarpaq. Pulsuz çatdırılma.",
                "until": "30 noyabr",
            }),
        ),
        sample(
            "price-link-en",
            Shape::Link,
            Style::Dark,
            json!({
                "kind": "price", "title": "Breakfast for two", "price": "$ 18", "text": "Eggs, honey, cheese, and a pot of tea.",
            }),
        ),
        sample(
            "poll-square-en",
            Shape::Square,
            Style::Light,
            json!({
                "kind": "poll", "text": "Lemon in your tea?", "options": {"Always": 412, "Never": 233, "Only when I have a cold": 87},
            }),
        ),
        sample(
            "poll-story-az",
            Shape::Story,
            Style::Light,
            json!({
                "kind": "poll", "language": "az", "text": "Çayı nə ilə içirsiniz?",
                "options": ["Mürəbbə ilə", "Qəndlə", "Limonla", "Şəkərsiz, sadə"],
            }),
        ),
        sample(
            "chart-landscape-az",
            Shape::Landscape,
            Style::Light,
            json!({
                "kind": "chart", "language": "az", "title": "Həftə ərzində dəmlənən çay", "unit": "l", "source": "Çay Evi, noyabr 2026",
                "values": [["B.e.", 41], ["Ç.a.", 38.5], ["Ç.", 44], ["C.a.", 52], ["C.", 78], ["Ş.", 96], ["B.", 88]],
            }),
        ),
        sample(
            "chart-square-en",
            Shape::Square,
            Style::Dark,
            json!({
                "kind": "chart", "title": "Guests a year", "form": "line", "text": "Since we opened in the old town",
                "values": [["2021", 8200], ["2022", 12400], ["2023", 17150], ["2024", 16300], ["2025", 23800]],
            }),
        ),
        sample(
            "tip-link-az",
            Shape::Link,
            Style::Light,
            json!({
                "kind": "tip", "language": "az", "text": "Armudu stəkanı isti saxlayır: dar beli istini içəridə tutur.",
            }),
        ),
        sample(
            "quote-pin-en",
            Shape::Pin,
            Style::Accent,
            json!({
                "kind": "quote", "text": "Tea first.", "author": "The house rule",
            }),
        ),
    ]
}

/// The card with its words set, and its background.
fn set(sample: &Sample, fonts: &Fonts) -> (Fitted, [u8; 3]) {
    let row: Map<String, Value> = sample.card.as_object().unwrap().clone();
    let card = Card::read(&row, None).unwrap().unwrap();
    let colors = Palette::default().colors(sample.style).unwrap();
    assert_eq!(colors.faint(), Vec::<String>::new());
    let background = palette::parse(&colors.background).unwrap();
    let look = Look {
        colors,
        font: String::from("Inter"),
        heading: String::from("Inter"),
        brand: String::from("Çay Evi"),
        handle: String::from("@cayevi"),
        logo: Some(Picture {
            href: String::from("logo"),
            width: 64,
            height: 64,
        }),
    };
    let svg = template::fill(
        None,
        card.kind,
        sample.shape,
        &look,
        &Value::Object(card.fields.clone()),
        None,
        sample.language,
    )
    .unwrap();
    (fit::fit(&svg, fonts).unwrap(), background)
}

fn picture(sample: &Sample, fonts: &Fonts) -> (Fitted, resvg::tiny_skia::Pixmap) {
    let (fitted, background) = set(sample, fonts);
    let mut assets = Assets::new();
    assets.insert(String::from("logo"), LOGO.as_bytes().to_vec().into());
    let (width, height) = sample.shape.pixels();
    let pixmap = render::draw(&fitted.svg, fonts, &assets, width, height, background).unwrap();
    (fitted, pixmap)
}

/// Smaller by `SCALE`: the mean of each square of pixels.
fn smaller(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
    let (small_width, small_height) = (width / SCALE, height / SCALE);
    let mut small = Vec::with_capacity(small_width * small_height * 3);
    for y in 0..small_height {
        for x in 0..small_width {
            for channel in 0..3 {
                let mut sum = 0_usize;
                for dy in 0..SCALE {
                    for dx in 0..SCALE {
                        let at = ((y * SCALE + dy) * width + x * SCALE + dx) * 3 + channel;
                        sum += usize::from(pixels[at]);
                    }
                }
                small.push((sum / (SCALE * SCALE)) as u8);
            }
        }
    }
    (small, small_width, small_height)
}

/// The mean structural similarity over blocks of 8 by 8, of the channel and the sixteenth of
/// the picture that differ most: a word that is missing is little of the whole.
fn similarity(one: &[u8], other: &[u8], width: usize, height: usize) -> f64 {
    const BLOCK: usize = 8;
    const TILES: usize = 4;
    const C1: f64 = 6.5025; // (0.01 * 255)²
    const C2: f64 = 58.5225; // (0.03 * 255)²
    let mut least = 1.0_f64;
    for channel in 0..3 {
        let mut tiles = [(0.0, 0.0); TILES * TILES];
        for y in (0..height - BLOCK).step_by(BLOCK / 2) {
            for x in (0..width - BLOCK).step_by(BLOCK / 2) {
                let (mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0);
                for dy in 0..BLOCK {
                    for dx in 0..BLOCK {
                        let at = ((y + dy) * width + x + dx) * 3 + channel;
                        let (p, q) = (f64::from(one[at]), f64::from(other[at]));
                        a += p;
                        b += q;
                        aa += p * p;
                        bb += q * q;
                        ab += p * q;
                    }
                }
                let n = (BLOCK * BLOCK) as f64;
                let (a, b) = (a / n, b / n);
                let (va, vb, cov) = (aa / n - a * a, bb / n - b * b, ab / n - a * b);
                let alike = ((2.0 * a * b + C1) * (2.0 * cov + C2))
                    / ((a * a + b * b + C1) * (va + vb + C2));
                let tile = &mut tiles[y * TILES / height * TILES + x * TILES / width];
                *tile = (tile.0 + alike, tile.1 + 1.0);
            }
        }
        let means = tiles.iter().map(|(sum, blocks)| sum / blocks);
        least = means.fold(least, f64::min);
    }
    least
}

fn read_png(path: &Path) -> (Vec<u8>, usize, usize) {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());
    (pixels, info.width as usize, info.height as usize)
}

fn write_png(path: &Path, pixels: &[u8], width: usize, height: usize) {
    let file = fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(pixels)
        .unwrap();
}

#[test]
fn cards_look_as_they_did() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let write = std::env::var("JARCHI_CARD_GOLDEN").is_ok_and(|value| value == "write");
    let out = std::env::var_os("JARCHI_CARD_OUT").map(PathBuf::from);
    let fonts = Fonts::new(Vec::new()).unwrap();
    let mut other = Vec::new();
    for sample in samples() {
        let (fitted, pixmap) = picture(&sample, &fonts);
        assert_eq!(fitted.cut, Vec::<String>::new(), "{}", sample.name);
        let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
        let pixels = render::rgb(&pixmap);
        if let Some(out) = &out {
            write_png(
                &out.join(format!("{}.png", sample.name)),
                &pixels,
                width,
                height,
            );
        }
        let (small, width, height) = smaller(&pixels, width, height);
        let path = folder.join(format!("{}.png", sample.name));
        if write {
            write_png(&path, &small, width, height);
            continue;
        }
        let (golden, golden_width, golden_height) = read_png(&path);
        assert_eq!(
            (width, height),
            (golden_width, golden_height),
            "{}",
            sample.name
        );
        let alike = similarity(&small, &golden, width, height);
        if alike < ALIKE {
            other.push(format!("{}: {alike:.4}", sample.name));
        }
    }
    assert!(other.is_empty(), "look otherwise: {other:?}");
}

#[test]
fn another_word_is_told_from_the_golden() {
    let fonts = Fonts::new(Vec::new()).unwrap();
    let mut samples = samples().into_iter();
    let sample = samples.next().unwrap();
    let mut changed = Sample { ..sample };
    let (_, before) = picture(&changed, &fonts);
    changed.card["author"] = json!("Gülnarə");
    let (_, after) = picture(&changed, &fonts);
    let (width, height) = (before.width() as usize, before.height() as usize);
    let (one, small_width, small_height) = smaller(&render::rgb(&before), width, height);
    let (other, ..) = smaller(&render::rgb(&after), width, height);
    assert!(similarity(&one, &one, small_width, small_height) > 0.999);
    assert!(similarity(&one, &other, small_width, small_height) < ALIKE);
}

#[test]
fn every_kind_fits_every_size() {
    let fonts = Fonts::new(Vec::new()).unwrap();
    for sample in samples() {
        for shape in Shape::ALL {
            let (fitted, _) = set(
                &Sample {
                    shape,
                    card: sample.card.clone(),
                    ..sample
                },
                &fonts,
            );
            assert_eq!(
                fitted.cut,
                Vec::<String>::new(),
                "{} as {}",
                sample.name,
                shape.name()
            );
        }
    }
}

#[test]
fn pictures_are_png_and_jpeg() {
    let fonts = Fonts::new(Vec::new()).unwrap();
    let sample = samples().remove(0);
    let (_, pixmap) = picture(&sample, &fonts);
    let png = render::encode(&pixmap, Format::Png).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    assert_eq!(pixels, render::rgb(&pixmap));
    let jpeg = render::encode(&pixmap, Format::Jpeg).unwrap();
    assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9]));
    assert!(jpeg.len() < 1 << 20, "{}", jpeg.len());
    assert_eq!(Kind::of_file("quotes-az"), Some(Kind::Quote));
}
