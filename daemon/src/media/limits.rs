//! What a platform takes of pictures and films, as a manifest says.

use serde::{Deserialize, Serialize};

/// `[limits.image]`. Sides and ratios are those of the picture as it is seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageLimits {
    /// Of `jpeg`, `png`, `webp`, `gif`, `heic`, `avif`; none means any.
    pub formats: Vec<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Whether a picture that moves stays one.
    pub animated: bool,
    /// Bytes of one that moves, where they are others.
    pub animated_size: Option<u64>,
    pub min_width: Option<u32>,
    pub max_width: Option<u32>,
    pub min_height: Option<u32>,
    pub max_height: Option<u32>,
    /// Width and height together.
    pub max_sides: Option<u32>,
    /// Width times height.
    pub max_pixels: Option<u64>,
    /// Width to height.
    pub min_ratio: Option<f64>,
    pub max_ratio: Option<f64>,
    /// What is too wide or too high is cut, towards its focal point.
    pub crop: bool,
    /// An option of a post with which its pictures only lose their metadata.
    pub unless: Option<String>,
}

/// `[limits.video]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoLimits {
    /// Of `mp4`, `mov`, `webm`, `mkv`; none means any.
    pub containers: Vec<String>,
    /// As `h264`, `hevc`, `av1`, `vp8`, `vp9`.
    pub video_codecs: Vec<String>,
    /// As `aac`, `mp3`, `opus`, `vorbis`, `ac3`, `pcm`.
    pub audio_codecs: Vec<String>,
    /// Bytes.
    pub size: Option<u64>,
    pub min_seconds: Option<f64>,
    pub max_seconds: Option<f64>,
    pub min_width: Option<u32>,
    pub max_width: Option<u32>,
    pub min_height: Option<u32>,
    pub max_height: Option<u32>,
    /// Width to height.
    pub min_ratio: Option<f64>,
    pub max_ratio: Option<f64>,
    /// Pictures a second.
    pub min_rate: Option<f64>,
    pub max_rate: Option<f64>,
    /// The index (`moov`) has to stand before the pictures.
    pub fast_start: bool,
    /// An option of a post with which films only lose their metadata.
    pub unless: Option<String>,
}

impl ImageLimits {
    pub const FORMATS: [&str; 6] = ["jpeg", "png", "webp", "gif", "heic", "avif"];
}

impl VideoLimits {
    pub const CONTAINERS: [&str; 4] = ["mp4", "mov", "webm", "mkv"];
}
