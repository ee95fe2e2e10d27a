//! Files shown with messages: what is known of one, who uploaded it, and which command may use it.
//! Knows no bytes: those lie in an object store under the id. A command carries what is known of its files, so that
//! deciding it never looks at uploads, and applying it again anywhere gives the same event (D8).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{EnumAccess, Error as _, VariantAccess, Visitor},
};

use crate::{
    account::SecretHash,
    ids::{AttachmentId, CommandId, ConversationId, Seq, TimestampMs, UserId},
    limits::{CLAIM_LIFE_MS, FILE_NAME_BYTES_MAX, UPLOAD_LIFE_MS},
};

/// One file as it is shown with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Which.
    pub attachment: AttachmentId,
    /// Its name as uploaded, in the form of [`clean_name`]; empty while only the id is known.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// What its content was found to be, never what was declared.
    pub content_type: String,
    /// Width and height in pixels as shown, for pictures.
    pub dimensions: Option<(u32, u32)>,
    /// Whether there is a small picture of it.
    pub has_thumbnail: bool,
}

/// One upload. Stored: never gains a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The file.
    pub file: Attachment,
    /// Who uploaded it, and alone may send it.
    pub owner: UserId,
    /// When it was complete.
    pub at: TimestampMs,
    /// SHA-256 of its bytes.
    pub checksum: SecretHash,
    /// The one command that may show it.
    pub claim: Option<Claim>,
}

/// The command an upload is kept for: the first that named it (D2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Where it was sent.
    pub conversation: ConversationId,
    /// The owner's name for it.
    pub command: CommandId,
    /// When.
    pub at: TimestampMs,
}

/// Where an upload is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// With this message of this conversation: its members see the file.
    With(ConversationId, Seq),
    /// With a message that was deleted since: nobody sees it any more.
    Erased,
}

/// How a file is written in records.
#[derive(Serialize, Deserialize)]
struct Known<'a> {
    attachment: AttachmentId,
    name: Cow<'a, str>,
    size_bytes: u64,
    content_type: Cow<'a, str>,
    dimensions: Option<(u32, u32)>,
    has_thumbnail: bool,
}

/// Stands before a file in records, and tells its shape.
const SHAPE_KNOWN: u32 = 1;
/// An id alone, as the first records wrote it: the length of its bytes stood before them.
const SHAPE_ID: u32 = 16;

impl Attachment {
    /// A file of which only the id is known: what a client names.
    #[must_use]
    pub fn named(attachment: AttachmentId) -> Attachment {
        let (name, content_type) = (String::new(), String::new());
        Attachment { attachment, name, size_bytes: 0, content_type, dimensions: None, has_thumbnail: false }
    }

    /// Whether more than the id is known.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !self.name.is_empty()
    }
}

impl Upload {
    /// Whether it is to be removed because nothing will show it: never sent, or sent by a command that came to nothing.
    #[must_use]
    pub fn is_stale(&self, now_ms: TimestampMs) -> bool {
        match self.claim {
            None => self.at.saturating_add(UPLOAD_LIFE_MS) < now_ms,
            Some(claim) => claim.at.saturating_add(CLAIM_LIFE_MS) < now_ms,
        }
    }
}

/// A file's name as it is kept: the last part of a path, without what could hide its end or its meaning, cut to
/// [`FILE_NAME_BYTES_MAX`] before its extension; `file` when nothing is left.
#[must_use]
pub fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let kept = kept.trim().trim_end_matches('.');
    let (stem, extension) = match kept.rfind('.') {
        Some(at) if at > 0 && kept.len() - at <= EXTENSION_BYTES_MAX => kept.split_at(at),
        _ => (kept, ""),
    };
    let stem = &stem[..stem.floor_char_boundary(FILE_NAME_BYTES_MAX - extension.len())];
    if stem.is_empty() { "file".to_owned() } else { format!("{stem}{extension}") }
}

/// An extension above this many bytes, dot included, is not one.
const EXTENSION_BYTES_MAX: usize = 16;

/// Marks of direction, joiners and spaces of no width: `exe` must not read as `txt`.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = Known {
            attachment: self.attachment,
            name: self.name.as_str().into(),
            size_bytes: self.size_bytes,
            content_type: self.content_type.as_str().into(),
            dimensions: self.dimensions,
            has_thumbnail: self.has_thumbnail,
        };
        serializer.serialize_newtype_variant("Attachment", SHAPE_KNOWN, "Known", &known)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Attachment", &["Known", "Id"], Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = Attachment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Attachment, A::Error> {
        let (shape, rest) = data.variant::<u32>()?;
        match shape {
            SHAPE_ID => rest.newtype_variant().map(AttachmentId::from_bytes).map(Attachment::named),
            SHAPE_KNOWN => {
                let known: Known<'_> = rest.newtype_variant()?;
                Ok(Attachment {
                    attachment: known.attachment,
                    name: known.name.into_owned(),
                    size_bytes: known.size_bytes,
                    content_type: known.content_type.into_owned(),
                    dimensions: known.dimensions,
                    has_thumbnail: known.has_thumbnail,
                })
            }
            other => Err(A::Error::custom(format_args!("a file of the unknown shape {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_keep_their_end_and_hide_nothing() {
        for (given, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a.txt", "a.txt"),
            ("harmless\u{202E}txt.exe", "harmlesstxt.exe"),
            ("a\nb\u{0}.png", "ab.png"),
            ("", "file"),
            ("///", "file"),
            ("..", "file"),
            (".profile", ".profile"),
            ("größe 😀.jpg", "größe 😀.jpg"),
        ] {
            assert_eq!(clean_name(given), kept, "{given:?}");
        }
        let long = clean_name(&format!("{}.jpeg", "é".repeat(300)));
        assert!(long.len() <= FILE_NAME_BYTES_MAX && long.ends_with("é.jpeg"), "{long}");
    }

    #[test]
    fn an_upload_waits_a_day_for_its_message_and_longer_once_claimed() {
        let claim =
            Claim { conversation: ConversationId::from_u128(1), command: CommandId::from_u128(1), at: 1_000 };
        let file = Attachment::named(AttachmentId::from_u128(1));
        let upload = Upload { file, owner: UserId::from_u128(1), at: 1_000, checksum: [0; 32], claim: None };
        assert!(!upload.is_stale(1_000 + UPLOAD_LIFE_MS));
        assert!(upload.is_stale(1_001 + UPLOAD_LIFE_MS));
        let claimed = Upload { claim: Some(claim), ..upload };
        assert!(!claimed.is_stale(1_001 + UPLOAD_LIFE_MS));
        assert!(claimed.is_stale(1_001 + CLAIM_LIFE_MS));
    }
}
