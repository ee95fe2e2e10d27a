//! Small pictures made from large ones: thumbnails and people's pictures.
//! Blocks its thread. Invariant: what comes out has no metadata of what went in, and no more pixels than asked.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageReader, Limits,
    codecs::jpeg::JpegEncoder,
    error::{LimitError, LimitErrorKind},
    imageops::FilterType,
    metadata::Orientation,
};

use crate::limits::{
    AVATAR_PIXELS, PICTURE_MEMORY_BYTES_MAX, PICTURE_PIXELS_MAX, PICTURE_SIDE_PIXELS_MAX, THUMBNAIL_PIXELS,
};

/// Enough that nobody sees it at this size.
const JPEG_QUALITY: u8 = 82;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it, the longest side 480 pixels.
    Thumbnail,
    /// The middle of it, square, 256 pixels.
    Avatar,
}

/// A picture made.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Of the original as shown: after it was turned upright.
    pub(crate) original: (u32, u32),
    /// JPEG, or PNG where it is transparent.
    pub(crate) bytes: Vec<u8>,
}

/// Makes a picture of a shape from an encoded one.
pub(crate) fn make(bytes: &[u8], shape: Shape) -> Result<Picture, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(PICTURE_SIDE_PIXELS_MAX);
    limits.max_image_height = Some(PICTURE_SIDE_PIXELS_MAX);
    limits.max_alloc = Some(PICTURE_MEMORY_BYTES_MAX);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PICTURE_PIXELS_MAX {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::DimensionError)));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder)?;
    let mut small = match shape {
        Shape::Thumbnail if width.max(height) <= THUMBNAIL_PIXELS => whole,
        Shape::Thumbnail => whole.thumbnail(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS),
        Shape::Avatar => whole.resize_to_fill(AVATAR_PIXELS, AVATAR_PIXELS, FilterType::Triangle),
    };
    // Turning the small one is the same and cheaper.
    small.apply_orientation(orientation);
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let original = if is_turned { (height, width) } else { (width, height) };
    Ok(Picture { original, bytes: encode(&small)? })
}

fn encode(picture: &DynamicImage) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    if picture.color().has_alpha() {
        picture.to_rgba8().write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    } else {
        picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let picture = image::RgbaImage::from_pixel(width, height, image::Rgba([200, 30, 30, 128]));
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    /// A JPEG whose EXIF says that it lies on its side.
    fn jpeg_on_its_side(width: u32, height: u32) -> Vec<u8> {
        let picture = image::RgbImage::from_pixel(width, height, image::Rgb([10, 200, 30]));
        let mut bytes = Vec::new();
        picture.write_with_encoder(JpegEncoder::new(&mut bytes)).unwrap();
        let tiff = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
        let exif = [&[0xFF, 0xE1], &length[..], tiff].concat();
        [&bytes[..2], &exif, &bytes[2..]].concat()
    }

    fn size_of(picture: &Picture) -> (u32, u32) {
        let small = image::load_from_memory(&picture.bytes).unwrap();
        (small.width(), small.height())
    }

    #[test]
    fn a_thumbnail_keeps_the_ratio_and_an_avatar_is_square() {
        let wide = make(&png(1_200, 600), Shape::Thumbnail).unwrap();
        assert_eq!((wide.original, size_of(&wide)), ((1_200, 600), (480, 240)));
        let small = make(&png(30, 20), Shape::Thumbnail).unwrap();
        assert_eq!(size_of(&small), (30, 20), "nothing is made larger");
        let avatar = make(&png(900, 100), Shape::Avatar).unwrap();
        assert_eq!(size_of(&avatar), (256, 256));
    }

    #[test]
    fn a_photo_is_turned_upright_and_loses_its_metadata() {
        let photo = jpeg_on_its_side(800, 400);
        let picture = make(&photo, Shape::Thumbnail).unwrap();
        assert_eq!((picture.original, size_of(&picture)), ((400, 800), (240, 480)));
        assert!(!picture.bytes.windows(4).any(|window| window == b"Exif"));
    }

    #[test]
    fn d6_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked() {
        // A header alone: the size is known before any pixel.
        let mut header = png(1, 1);
        header[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        header[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        assert!(make(&header, Shape::Thumbnail).is_err());
        assert!(make(b"not a picture", Shape::Avatar).is_err());
        assert!(make(&png(40, 40)[..60], Shape::Avatar).is_err());
    }
}
