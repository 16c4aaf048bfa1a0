use super::*;

/// What is seen in the middle of each quarter, upright.
fn colours(bytes: &[u8]) -> Vec<&'static str> {
    use image::ImageDecoder;
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    let turn = decoder.orientation().unwrap();
    let mut image = DynamicImage::from_decoder(decoder).unwrap();
    image.apply_orientation(turn);
    let (width, height) = image.dimensions();
    let places = [(1, 1), (3, 1), (1, 3), (3, 3)];
    let seen = places.map(|(x, y)| image.get_pixel(x * width / 4, y * height / 4).0);
    seen.iter()
        .map(
            |[red, green, blue, _]| match (*red > 128, *green > 128, *blue > 128) {
                (true, false, false) => "red",
                (false, true, false) => "green",
                (false, false, true) => "blue",
                (true, true, true) => "white",
                _ => "another",
            },
        )
        .collect()
}

#[tokio::test]
async fn metadata_goes_and_everything_seen_stays() {
    let stage = Stage::new();
    let quarters = DynamicImage::from(made::quarters(40, 24));
    for (name, before) in [
        ("a.jpg", jpeg(40, 24, 6)),
        ("a.png", png(&quarters, 6)),
        ("a.webp", webp(40, 24, 6)),
    ] {
        assert!(holds(&before, SECRET), "{name}");
        let upright = colours(&before);
        assert_eq!(upright, ["blue", "red", "white", "green"], "{name}");
        let prepared = stage
            .prepare(name, &before, &Recipe::default())
            .await
            .unwrap();
        let after = bytes(&prepared);
        assert!(!holds(&after, SECRET), "{name}");
        assert_eq!(colours(&after), upright, "{name}");
        let item = &prepared.item;
        assert_eq!((item.width, item.height), (Some(24), Some(40)), "{name}");
        if name != "a.png" {
            assert!(holds(&after, &made::profile()), "{name}");
        }
        assert_eq!(Digest::of(&after), item.digest);
        assert_eq!(after.len() as u64, item.size);
    }
    let moving = gif(3);
    let prepared = stage
        .prepare("a.gif", &moving, &Recipe::default())
        .await
        .unwrap();
    let after = bytes(&prepared);
    assert!(!holds(&after, SECRET) && holds(&after, b"NETSCAPE2.0"));
    assert_eq!(prepared.item.kind, MediaKind::Gif);
    let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(&after[..])).unwrap();
    assert_eq!(image::AnimationDecoder::into_frames(decoder).count(), 3);
    let heic = made::heic();
    let prepared = stage
        .prepare("a.heic", &heic, &Recipe::default())
        .await
        .unwrap();
    let after = bytes(&prepared);
    assert!(holds(&heic, SECRET) && !holds(&after, SECRET));
    assert_eq!((after.len(), prepared.item.width), (heic.len(), Some(3072)));
}

#[tokio::test]
async fn pixels_are_not_written_anew_for_their_metadata() {
    let stage = Stage::new();
    let prepared = stage
        .prepare("a.jpg", &jpeg(40, 24, 1), &Recipe::default())
        .await
        .unwrap();
    assert_eq!(bytes(&prepared), made::plain_jpeg(40, 24));
}

fn instagram() -> ImageLimits {
    ImageLimits {
        formats: vec!["jpeg".to_owned()],
        size: Some(60_000),
        min_width: Some(32),
        max_width: Some(144),
        min_ratio: Some(0.8),
        max_ratio: Some(1.91),
        ..ImageLimits::default()
    }
}

#[tokio::test]
async fn a_large_clear_png_becomes_a_small_jpeg_on_white() {
    let stage = Stage::new();
    let mut image = DynamicImage::from(made::quarters(400, 300)).into_rgba8();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if x < 200 && y < 150 {
            pixel.0 = [0, 0, 0, 0];
        }
    }
    let before = png(&image.into(), 1);
    let recipe = image_limits(instagram());
    let prepared = stage.prepare("a.png", &before, &recipe).await.unwrap();
    let item = &prepared.item;
    assert_eq!((item.width, item.height), (Some(144), Some(108)));
    assert_eq!(item.mime, "image/jpeg");
    assert!(item.path.ends_with("/a.jpg"), "{}", item.path);
    assert!(item.size <= 60_000);
    let after = bytes(&prepared);
    assert_eq!(colours(&after), ["white", "green", "blue", "white"]);
    assert!(!holds(&after, SECRET));
}

#[tokio::test]
async fn a_heavy_picture_loses_quality_and_then_size() {
    let stage = Stage::new();
    // Noise, which nothing makes small.
    let mut state = 7_u32;
    let noise = RgbImage::from_fn(300, 300, |_, _| {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        Rgb([next(), next(), next()])
    });
    let before = png(&noise.into(), 1);
    let recipe = image_limits(ImageLimits {
        formats: vec!["jpeg".to_owned(), "png".to_owned()],
        size: Some(20_000),
        ..ImageLimits::default()
    });
    let prepared = stage.prepare("a.png", &before, &recipe).await.unwrap();
    assert!(prepared.item.size <= 20_000);
    assert!(prepared.item.width.unwrap() < 300);
    assert_eq!(prepared.item.mime, "image/jpeg");
}

#[tokio::test]
async fn what_is_clear_stays_so_where_it_can() {
    let stage = Stage::new();
    let mut image = DynamicImage::from(made::quarters(200, 100)).into_rgba8();
    image.put_pixel(0, 0, image::Rgba([0, 0, 0, 0]));
    let recipe = image_limits(ImageLimits {
        formats: vec!["jpeg".to_owned(), "png".to_owned()],
        max_width: Some(100),
        ..ImageLimits::default()
    });
    let prepared = stage
        .prepare("a.png", &png(&image.into(), 1), &recipe)
        .await
        .unwrap();
    assert_eq!(prepared.item.mime, "image/png");
    assert_eq!(prepared.item.width, Some(100));
}

#[tokio::test]
async fn what_can_not_fit_is_told_with_its_numbers() {
    let stage = Stage::new();
    let recipe = image_limits(instagram());
    for (name, before, says) in [
        (
            "a.jpg",
            jpeg(24, 24, 1),
            "24 × 24 pixels; the platform takes pictures that are 32 wide and more",
        ),
        (
            "b.jpg",
            jpeg(300, 100, 1),
            "300 × 100 pixels are 3.00 to 1 (width to height); the platform takes 0.80 to 1.91",
        ),
        // On its side it is too high.
        ("c.jpg", jpeg(120, 70, 6), "70 × 120 pixels are 0.58 to 1"),
        ("d.gif", gif(3), "an animated GIF of 3 frames"),
        ("e.heic", made::heic(), "it is HEIC of 3072 × 4096 pixels"),
        (
            "f.png",
            made::bomb(60_000, 60_000),
            "60000 × 60000 pixels are more than are dealt with",
        ),
        ("g.png", made::bomb(100, 100), "no sound PNG"),
        (
            "h.jpg",
            jpeg(40, 40, 1)[..700].to_vec(),
            "no sound JPEG: it ends too early",
        ),
    ] {
        let error = stage.prepare(name, &before, &recipe).await.unwrap_err();
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
    // A GIF that does not move is a picture like any other.
    let prepared = stage
        .prepare(
            "i.gif",
            &gif(1),
            &image_limits(ImageLimits {
                min_width: None,
                ..instagram()
            }),
        )
        .await
        .unwrap();
    assert_eq!(prepared.item.mime, "image/jpeg");
    assert_eq!(stage.entries().len(), 1);
}

#[tokio::test]
async fn a_cut_keeps_the_focal_point() {
    let stage = Stage::new();
    let recipe = Recipe {
        crop: true,
        ..image_limits(instagram())
    };
    let mut item = stage.item("a.jpg", &jpeg(300, 100, 1)).await;
    for (x, left) in [(-1.0, true), (1.0, false)] {
        item.focus = Some(FocalPoint { x, y: 0.0 });
        let prepared = stage.preparer.prepare(&item, &recipe, KEEP).await.unwrap();
        let sides = (prepared.item.width.unwrap(), prepared.item.height.unwrap());
        assert_eq!(sides.0, 144);
        let ratio = f64::from(sides.0) / f64::from(sides.1);
        assert!((1.88..1.94).contains(&ratio), "{ratio}");
        // The left half is red above, the right half green.
        let corner = image::load_from_memory(&bytes(&prepared)).unwrap();
        let at = if left { 4 } else { sides.0 - 4 };
        let [red, green, ..] = corner.get_pixel(at, 4).0;
        assert_eq!(red > green, left);
    }
}
