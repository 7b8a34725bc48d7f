//! What becomes of a picture.

use mainstay_core::{Contribution, Module};

/// How good a JPEG is, unless it is said, of 100.
const QUALITY: u8 = 82;

/// A picture in another size. It is turned as the camera was held, keeps its colours, and loses what else is in the file: where it was taken, and
/// with which device.
///
/// No picture is enlarged.
///
/// ```
/// use mainstay_images::{Format, ImageVariant};
///
/// /// Cut to a square.
/// const AVATAR: ImageVariant = ImageVariant::cover("avatar", 128, 128);
/// /// As large as it fits.
/// const LARGE: ImageVariant = ImageVariant::contain("large", 1600, 1200).format(Format::Jpeg).quality(75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageVariant {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fit: Fit,
    pub(crate) format: Format,
    pub(crate) quality: u8,
}

/// How a picture of another shape is brought into its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It fills the size, and what stands over is cut off on both sides.
    Cover,
    /// All of it is within the size.
    Contain,
}

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JPEG, or PNG for a picture that one can see through.
    #[default]
    Fitting,
    /// JPEG. What one can see through becomes white.
    Jpeg,
    /// PNG.
    Png,
    /// WebP without loss.
    WebP,
}

impl ImageVariant {
    /// Exactly of this size, in pixels: what stands over is cut off. A smaller picture is cut to the same shape.
    pub const fn cover(name: &'static str, width: u32, height: u32) -> Self {
        Self::new(name, (width, height), Fit::Cover)
    }

    /// As large as it fits into this size, in pixels.
    pub const fn contain(name: &'static str, width: u32, height: u32) -> Self {
        Self::new(name, (width, height), Fit::Contain)
    }

    const fn new(name: &'static str, (width, height): (u32, u32), fit: Fit) -> Self {
        Self { name, width, height, fit, format: Format::Fitting, quality: QUALITY }
    }

    /// What is written.
    #[must_use]
    pub const fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How good a JPEG is, from 1 to 100: 82 unless it is said.
    #[must_use]
    pub const fn quality(mut self, quality: u8) -> Self {
        self.quality = quality;
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it is made: one that was made otherwise is another one.
    pub(crate) fn recipe(&self) -> String {
        let Self { width, height, fit, format, quality, .. } = self;
        format!("{fit:?} {width}x{height} {format:?} {quality}").to_lowercase()
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        const LONGEST_NAME: usize = 60;
        const LARGEST: u32 = 16_384;
        if self.name.is_empty() || self.name.len() > LONGEST_NAME {
            return Some("its name must have 1 to 60 bytes");
        }
        if ![self.width, self.height].iter().all(|side| (1..=LARGEST).contains(side)) {
            return Some("its width and height must be from 1 to 16384 pixels");
        }
        (!(1..=100).contains(&self.quality)).then_some("its quality must be from 1 to 100")
    }
}

impl Contribution for ImageVariant {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_tells_variants_apart_and_stays() {
        let avatar = ImageVariant::cover("avatar", 128, 64);
        // Written down: rows with it are in databases.
        assert_eq!(avatar.recipe(), "cover 128x64 fitting 82");
        for other in [
            ImageVariant::contain("avatar", 128, 64),
            ImageVariant::cover("avatar", 64, 128),
            avatar.format(Format::WebP),
            avatar.quality(50),
        ] {
            assert_ne!(other.recipe(), avatar.recipe());
        }
    }

    #[test]
    fn says_what_is_wrong_with_it() {
        assert_eq!(ImageVariant::cover("avatar", 1, 16_384).fault(), None);
        assert!(ImageVariant::cover("", 1, 1).fault().unwrap().contains("name"));
        assert!(ImageVariant::cover("a", 0, 1).fault().unwrap().contains("width"));
        assert!(ImageVariant::cover("a", 1, 16_385).fault().unwrap().contains("height"));
        assert!(ImageVariant::cover("a", 1, 1).quality(0).fault().unwrap().contains("quality"));
    }
}
