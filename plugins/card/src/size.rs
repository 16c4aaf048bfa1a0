//! How large a card is, in pixels, and what of it the platforms leave free.

use jarchi_plugin_sdk::generator::AccountLimits;
use serde::{Deserialize, Serialize};

/// The shapes that platforms show whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    Square,
    Portrait,
    Story,
    /// 1200 by 675: what X, Mastodon and Bluesky show in the timeline.
    Landscape,
    /// 1200 by 630: the shape of links' previews.
    Link,
    Pin,
}

impl Shape {
    pub const ALL: [Shape; 6] = [
        Shape::Square,
        Shape::Portrait,
        Shape::Story,
        Shape::Landscape,
        Shape::Link,
        Shape::Pin,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Shape::Square => "square",
            Shape::Portrait => "portrait",
            Shape::Story => "story",
            Shape::Landscape => "landscape",
            Shape::Link => "link",
            Shape::Pin => "pin",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Shape::ALL.into_iter().find(|shape| shape.name() == name)
    }

    /// Width and height in pixels.
    pub const fn pixels(self) -> (u32, u32) {
        match self {
            Shape::Square => (1080, 1080),
            Shape::Portrait => (1080, 1350),
            Shape::Story => (1080, 1920),
            Shape::Landscape => (1200, 675),
            Shape::Link => (1200, 630),
            Shape::Pin => (1000, 1500),
        }
    }

    /// Pixels that stay free of words, at the top, the right, the bottom and the left. Apps
    /// put a story's author above it and the field for answers below it: 14 and 20 per cent
    /// of its height (Meta's and TikTok's guides for advertisers name about that much).
    pub const fn insets(self) -> (f32, f32, f32, f32) {
        match self {
            Shape::Square => (88.0, 88.0, 80.0, 88.0),
            Shape::Portrait => (104.0, 88.0, 92.0, 88.0),
            Shape::Story => (270.0, 88.0, 384.0, 88.0),
            Shape::Landscape | Shape::Link => (64.0, 76.0, 56.0, 76.0),
            Shape::Pin => (108.0, 84.0, 96.0, 84.0),
        }
    }

    /// How large words and marks are, beside those of a square: more room, larger words.
    pub const fn scale(self) -> f32 {
        match self {
            Shape::Square => 1.0,
            Shape::Portrait => 1.08,
            Shape::Story => 1.2,
            Shape::Landscape => 0.74,
            Shape::Link => 0.72,
            Shape::Pin => 1.1,
        }
    }

    /// What an account's platform shows best.
    fn of_plugin(plugin: &str) -> Self {
        match plugin {
            "instagram" | "threads" => Shape::Portrait,
            "tiktok" => Shape::Story,
            "x" | "mastodon" | "bluesky" | "discord" => Shape::Landscape,
            "pinterest" => Shape::Pin,
            _ => Shape::Square,
        }
    }

    /// What suits all of the accounts: theirs if they agree, else a square, which is shown
    /// whole everywhere.
    pub fn for_accounts(accounts: &[AccountLimits]) -> Self {
        let mut shapes = accounts
            .iter()
            .map(|account| Shape::of_plugin(&account.plugin));
        match shapes.next() {
            Some(first) if shapes.all(|shape| shape == first) => first,
            _ => Shape::Square,
        }
    }
}

/// How the picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Png,
    Jpeg,
}

impl Format {
    pub const fn ending(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpg",
        }
    }

    /// JPEG where an account's platform takes no PNG: Instagram and TikTok.
    pub fn for_accounts(accounts: &[AccountLimits]) -> Self {
        if accounts
            .iter()
            .any(|account| matches!(account.plugin.as_str(), "instagram" | "tiktok"))
        {
            Format::Jpeg
        } else {
            Format::Png
        }
    }
}
