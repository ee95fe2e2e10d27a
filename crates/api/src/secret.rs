//! Bearer secrets: 256 random bits as text for their owner, SHA-256 for everybody else.
//! Invariant: a secret has no `Debug` or `Display` that shows it, so it cannot reach a log by accident (D7).

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use chat::{account::SecretHash, ports::Randomness};
use sha2::{Digest, Sha256};

use crate::limits::{SECRET_BYTES, TOKEN_TEXT_BYTES_MAX};

/// What every token begins with, so that scanners of leaked secrets can recognise one.
pub const TOKEN_PREFIX: &str = "dw_";

/// A freshly made secret: shown once, to who asked for it, and stored as its hash.
pub(crate) struct Secret(String);

impl Secret {
    /// A new one.
    pub(crate) fn new(randomness: &dyn Randomness) -> Secret {
        let mut bytes = [0_u8; SECRET_BYTES];
        randomness.fill(&mut bytes);
        Secret(format!("{TOKEN_PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes)))
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> SecretHash {
        hash_of(&self.0)
    }

    /// The text itself, for the one answer that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The hash under which a token, code or ticket is stored. The operator's token is hashed the same way.
#[must_use]
pub fn hash_of(text: &str) -> SecretHash {
    Sha256::digest(text.as_bytes()).into()
}

/// The hash of what a client presents; `None` for what cannot be one of ours, so that it costs no lookup.
pub(crate) fn hash_of_presented(text: &str) -> Option<SecretHash> {
    (text.starts_with(TOKEN_PREFIX) && text.len() <= TOKEN_TEXT_BYTES_MAX).then(|| hash_of(text))
}

/// Sixteen bytes that stand for any text a client may choose as a key.
pub(crate) fn digest_128(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut short = [0_u8; 16];
    short.copy_from_slice(&hasher.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Randomness for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_secret_is_256_bits_with_a_prefix_and_never_shown_by_accident_d7() {
        let secret = Secret::new(&Fixed(0xff));
        assert_eq!(secret.reveal(), format!("dw_{}8", "_".repeat(42)));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(hash_of_presented(secret.reveal()), Some(secret.hash()));
    }

    #[test]
    fn what_cannot_be_a_token_is_not_looked_up() {
        assert_eq!(hash_of_presented("Bearer"), None);
        assert_eq!(hash_of_presented(&format!("dw_{}", "a".repeat(200))), None);
    }

    #[test]
    fn parts_of_a_digest_do_not_run_together() {
        assert_ne!(digest_128(&[b"ab", b"c"]), digest_128(&[b"a", b"bc"]));
    }
}
