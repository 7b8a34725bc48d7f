//! The making of a variant, from bytes to bytes.
//!
//! What comes in was written by strangers: a small file may claim to be a picture of any size. So its size is looked at before anything is
//! made of it, and what the decoder may take is limited.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
};

use crate::variant::{Fit, Format, ImageVariant};

/// What can be read.
const READ: [ImageFormat; 4] = [ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];
/// A pixel has so many bytes at most: four channels of 16 bits.
const BYTES_EACH: u64 = 8;
/// The largest colour profile that is kept, in bytes. Those of cameras and screens have a few thousand.
const LARGEST_PROFILE: usize = 1 << 20;

/// A variant that was made.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'static str,
    pub(crate) extension: &'static str,
}

/// Why a picture has no variants.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is no picture that can be read: GIF, JPEG, PNG or WebP")]
    Unknown,
    #[error("it has {width} x {height} pixels, more than the {most} of `images.most_pixels`")]
    TooLarge { width: u32, height: u32, most: u64 },
    #[error("it has more than {0} bytes")]
    TooManyBytes(u64),
    #[error("it cannot be read: {0}")]
    Broken(#[from] ImageError),
    #[error("it cannot be read")]
    Panicked,
}

/// Makes a variant of a picture with at most so many pixels. Of one that moves, the first.
pub(crate) fn make(picture: &[u8], variant: &ImageVariant, most_pixels: u64) -> Result<Made, Unusable> {
    let mut reader =
        ImageReader::new(Cursor::new(picture)).with_guessed_format().map_err(ImageError::from)?;
    reader.format().filter(|format| READ.contains(format)).ok_or(Unusable::Unknown)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(most_pixels.saturating_mul(BYTES_EACH));
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > most_pixels {
        return Err(Unusable::TooLarge { width, height, most: most_pixels });
    }
    let orientation = decoder.orientation()?;
    // One that cannot be read, or is for other colours than those that are written, is left out, as a browser does; and so is one that would
    // outweigh the picture.
    let profile = decoder.icc_profile().ok().flatten();
    let profile =
        profile.filter(|profile| profile.len() <= LARGEST_PROFILE && profile.get(16..20) == Some(b"RGB "));
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let sized = sized(image, variant);
    Ok(written(&sized, variant, profile)?)
}

fn sized(image: DynamicImage, variant: &ImageVariant) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    match variant.fit {
        Fit::Contain if width <= variant.width && height <= variant.height => image,
        Fit::Contain => image.resize(variant.width, variant.height, FilterType::Lanczos3),
        Fit::Cover => {
            let (width, height) = covered((width, height), (variant.width, variant.height));
            image.resize_to_fill(width, height, FilterType::Lanczos3)
        }
    }
}

/// The largest size of a shape that a picture fills without being enlarged.
fn covered((width, height): (u32, u32), (wanted_width, wanted_height): (u32, u32)) -> (u32, u32) {
    let scale =
        (f64::from(width) / f64::from(wanted_width)).min(f64::from(height) / f64::from(wanted_height));
    if scale >= 1.0 {
        return (wanted_width, wanted_height);
    }
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (scaled(wanted_width).min(width), scaled(wanted_height).min(height))
}

fn written(
    image: &DynamicImage,
    variant: &ImageVariant,
    profile: Option<Vec<u8>>,
) -> Result<Made, ImageError> {
    let format = match variant.format {
        Format::Fitting if is_opaque(image) => Format::Jpeg,
        Format::Fitting => Format::Png,
        format => format,
    };
    let mut bytes = Vec::new();
    let (media_type, extension) = match format {
        Format::Png => {
            encode(PngEncoder::new(&mut bytes), &eight_bits(image), profile)?;
            ("image/png", "png")
        }
        Format::WebP => {
            encode(WebPEncoder::new_lossless(&mut bytes), &eight_bits(image), profile)?;
            ("image/webp", "webp")
        }
        Format::Jpeg | Format::Fitting => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, variant.quality);
            encode(encoder, &on_white(image).into(), profile)?;
            ("image/jpeg", "jpg")
        }
    };
    Ok(Made { bytes, media_type, extension })
}

fn encode(
    mut encoder: impl ImageEncoder,
    image: &DynamicImage,
    profile: Option<Vec<u8>>,
) -> Result<(), ImageError> {
    if let Some(profile) = profile {
        // A format without room for it shows the colours a little otherwise.
        let _unsupported = encoder.set_icc_profile(profile);
    }
    image.write_with_encoder(encoder)
}

fn is_opaque(image: &DynamicImage) -> bool {
    !image.color().has_alpha() || image.to_rgba8().pixels().all(|pixel| pixel.0[3] == u8::MAX)
}

/// As every format takes it.
fn eight_bits(image: &DynamicImage) -> DynamicImage {
    match image.color().has_alpha() {
        true => image.to_rgba8().into(),
        false => image.to_rgb8().into(),
    }
}

/// Without what one could see through.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let image = image.to_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let mixed = |colour: u32| ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        Rgb([red, green, blue].map(mixed))
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = 1_000_000;

    /// Red on the left, blue on the right.
    fn halves(width: u32, height: u32, alpha: u8) -> DynamicImage {
        let half = |x| if x < width / 2 { [255, 0, 0, alpha] } else { [0, 0, 255, alpha] };
        RgbaImage::from_fn(width, height, |x, _| Rgba(half(x))).into()
    }

    fn bytes(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    fn made(picture: &[u8], variant: &ImageVariant) -> (DynamicImage, Made) {
        let made = make(picture, variant, MOST).unwrap();
        (image::load_from_memory(&made.bytes).unwrap(), made)
    }

    fn size(image: &DynamicImage) -> (u32, u32) {
        (image.width(), image.height())
    }

    #[test]
    fn has_the_size_that_was_asked_for_and_is_never_larger_than_it_was() {
        let picture = bytes(&halves(400, 200, 255), ImageFormat::Png);
        for (variant, expected) in [
            (ImageVariant::cover("x", 100, 100), (100, 100)),
            (ImageVariant::cover("x", 50, 100), (50, 100)),
            (ImageVariant::cover("x", 1_000, 1_000), (200, 200)),
            (ImageVariant::cover("x", 800, 100), (400, 50)),
            (ImageVariant::contain("x", 100, 100), (100, 50)),
            (ImageVariant::contain("x", 1_000, 50), (100, 50)),
            (ImageVariant::contain("x", 1_000, 1_000), (400, 200)),
            (ImageVariant::contain("x", 1, 1), (1, 1)),
        ] {
            assert_eq!(size(&made(&picture, &variant).0), expected, "{variant:?}");
        }
    }

    #[test]
    fn what_stands_over_is_cut_off_on_both_sides() {
        let (image, _) = made(
            &bytes(&halves(400, 100, 255), ImageFormat::Png),
            &ImageVariant::cover("x", 100, 100).format(Format::Png),
        );
        let (left, right) = (image.to_rgb8().get_pixel(5, 50).0, image.to_rgb8().get_pixel(95, 50).0);
        assert_eq!((left, right), ([255, 0, 0], [0, 0, 255]));
    }

    #[test]
    fn is_jpeg_unless_one_can_see_through_it() {
        let small = ImageVariant::contain("x", 40, 40);
        let of = |alpha, variant: &ImageVariant| {
            let (image, made) = made(&bytes(&halves(80, 80, alpha), ImageFormat::Png), variant);
            (made.media_type, made.extension, image)
        };
        assert_eq!(of(255, &small).0, "image/jpeg");
        assert_eq!(of(128, &small).0, "image/png");
        assert_eq!(of(128, &small.format(Format::WebP)).1, "webp");
        let (media_type, _, image) = of(0, &small.format(Format::Jpeg));
        assert_eq!((media_type, image.to_rgb8().get_pixel(3, 3).0), ("image/jpeg", [255, 255, 255]));
    }

    #[test]
    fn reads_what_browsers_send_and_nothing_else() {
        let small = ImageVariant::contain("x", 10, 10);
        let image = DynamicImage::from(halves(20, 20, 255).to_rgb8());
        for format in READ {
            assert_eq!(size(&made(&bytes(&image, format), &small).0), (10, 10), "{format:?}");
        }
        for nonsense in [&b""[..], b"<svg></svg>", b"\x89PNG\r\n\x1a\n", b"BM\x46\x00\x00\x00"] {
            assert!(make(nonsense, &small, MOST).is_err());
        }
        let whole = bytes(&image, ImageFormat::Png);
        let fault = make(&whole[..whole.len() / 2], &small, MOST).err().unwrap().to_string();
        assert!(fault.starts_with("it cannot be read: "), "{fault}");
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let picture = bytes(&halves(400, 300, 255), ImageFormat::Png);
        let fault = make(&picture, &ImageVariant::contain("x", 10, 10), 100_000).err().unwrap();
        assert!(matches!(fault, Unusable::TooLarge { width: 400, height: 300, .. }), "{fault}");
    }

    #[test]
    fn is_turned_as_the_camera_was_held_and_says_no_more_where_that_was() {
        let mut picture = Vec::new();
        let mut encoder = JpegEncoder::new(&mut picture);
        // TIFF, big-endian, one entry: orientation 6 (turned to the right), and a comment after it.
        let mut exif = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00".to_vec();
        exif.extend_from_slice(b"48.2082 16.3738");
        encoder.set_exif_metadata(exif).unwrap();
        DynamicImage::from(halves(80, 40, 255).to_rgb8()).write_with_encoder(encoder).unwrap();
        assert!(picture.windows(7).any(|part| part == b"48.2082"));
        let (image, made) = made(&picture, &ImageVariant::contain("x", 80, 80));
        assert_eq!(size(&image), (40, 80));
        let top = image.to_rgb8().get_pixel(20, 5).0;
        assert!(top[0] > 200 && top[2] < 50, "the left is above now: {top:?}");
        assert!(!made.bytes.windows(7).any(|part| part == b"48.2082"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_makes_it_panic(at in 0_usize..400, with: u8, cut in 0_usize..400) {
            for format in READ {
                let image = DynamicImage::from(halves(20, 20, 255).to_rgb8());
                let mut picture = bytes(&image, format);
                let last = picture.len() - 1;
                picture[at.min(last)] = with;
                picture.truncate(picture.len() - cut.min(last));
                let _ = make(&picture, &ImageVariant::cover("x", 8, 8), MOST);
            }
        }
    }
}
