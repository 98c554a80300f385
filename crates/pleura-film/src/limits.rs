//! Limits on files and images, checked before anything is allocated.

use crate::error::Error;
use crate::options::DecodeOptions;

/// Refuses a size outside the limits.
pub(crate) fn check_size(width: u64, height: u64, name: &str, options: &DecodeOptions) -> Result<(), Error> {
    let least = options.min_side.max(1);
    if width < least || height < least {
        return Err(Error::TooSmall {
            name: name.to_string(),
            width,
            height,
            limit: least,
        });
    }
    if width.saturating_mul(height) > options.max_pixels {
        return Err(Error::TooManyPixels {
            name: name.to_string(),
            width,
            height,
            limit: options.max_pixels,
        });
    }
    Ok(())
}

/// Refuses a file that is larger than the limit.
pub(crate) fn check_bytes(bytes: u64, name: &str, options: &DecodeOptions) -> Result<(), Error> {
    if bytes > options.max_file_bytes {
        let limit = options.max_file_bytes;
        return Err(Error::TooManyBytes {
            name: name.to_string(),
            bytes,
            limit,
        });
    }
    Ok(())
}
