//! Values as bytes and as text: a byte that names the form, then postcard; base64 of it where only text passes.
//! Stored: fields and variants of what is encoded are only ever appended, see `docs/storage-format.md`.

use base64ct::{Base64Unpadded, Encoding};
use chat::ports::PortError;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::corrupt;

/// The one form there is.
const FORM: u8 = 1;

/// A value as bytes.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![FORM]).expect("invariant: types of `chat` serialise into memory")
}

/// The value of such bytes.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, PortError> {
    match bytes.split_first() {
        Some((&FORM, rest)) => postcard::from_bytes(rest).map_err(|error| corrupt(what, &error)),
        Some((form, _)) => Err(corrupt(what, &format_args!("form {form} is not known"))),
        None => Err(corrupt(what, "it is empty")),
    }
}

/// Bytes as text.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    Base64Unpadded::encode_string(bytes)
}

/// The bytes of such text.
pub(crate) fn from_text(what: &'static str, text: &str) -> Result<Vec<u8>, PortError> {
    Base64Unpadded::decode_vec(text).map_err(|error| corrupt(what, &error))
}

/// Bytes as lower-case hexadecimal digits, as in keys.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The 128 bits of an id in a key.
pub(crate) fn from_hex(what: &'static str, text: &str) -> Result<u128, PortError> {
    if text.len() == 32 {
        u128::from_str_radix(text, 16).map_err(|error| corrupt(what, &error))
    } else {
        Err(corrupt(what, "it has not 32 digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_and_what_is_damaged_does_not() {
        let bytes = encode(&("text", 7_u64));
        assert_eq!(decode::<(String, u64)>("pair", &bytes).unwrap(), ("text".to_owned(), 7));
        let text = to_text(&bytes);
        assert_eq!(from_text("pair", &text).unwrap(), bytes);
        assert!(from_text("pair", "not base64!").is_err());
        for damaged in [&[][..], &[9, 1], &bytes[..3]] {
            assert!(decode::<(String, u64)>("pair", damaged).is_err());
        }
        assert_eq!(from_hex("id", &hex(&5_u128.to_be_bytes())).unwrap(), 5);
        assert!(from_hex("id", "05").is_err());
    }
}
