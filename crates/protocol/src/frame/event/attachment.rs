//! A file as it is written on the wire: with messages, and as the answer to an upload.
//! Its bytes and their address are not in it: both follow from the id.

use std::borrow::Cow;

use chat::AttachmentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scalar::schema;

/// A file shown with a message: `GET /v1/attachments/{id}` has its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Attachment")]
pub struct Attachment<'a> {
    /// Which.
    #[schemars(with = "schema::AttachmentId")]
    pub attachment_id: AttachmentId,
    /// Its name, at most 255 bytes of UTF-8.
    pub name: Cow<'a, str>,
    /// Its size in bytes.
    #[schemars(with = "schema::Count")]
    pub size_bytes: u64,
    /// What its content was found to be.
    pub content_type: Cow<'a, str>,
    /// Width of a picture as shown, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub width: Option<u32>,
    /// Height of a picture as shown, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Count>")]
    pub height: Option<u32>,
    /// Whether `GET /v1/attachments/{id}/thumbnail` has a small picture of it.
    pub thumbnail: bool,
}

impl<'a> From<&'a chat::Attachment> for Attachment<'a> {
    fn from(file: &'a chat::Attachment) -> Self {
        Attachment {
            attachment_id: file.attachment,
            name: file.name.as_str().into(),
            size_bytes: file.size_bytes,
            content_type: file.content_type.as_str().into(),
            width: file.dimensions.map(|(width, _)| width),
            height: file.dimensions.map(|(_, height)| height),
            thumbnail: file.has_thumbnail,
        }
    }
}

impl Attachment<'_> {
    /// The file as the chat knows it.
    #[must_use]
    pub fn to_chat(&self) -> chat::Attachment {
        chat::Attachment {
            attachment: self.attachment_id,
            name: self.name.as_ref().to_owned(),
            size_bytes: self.size_bytes,
            content_type: self.content_type.as_ref().to_owned(),
            dimensions: self.width.zip(self.height),
            has_thumbnail: self.thumbnail,
        }
    }

    /// The same on its own feet.
    #[must_use]
    pub fn into_owned(self) -> Attachment<'static> {
        Attachment {
            name: Cow::Owned(self.name.into_owned()),
            content_type: Cow::Owned(self.content_type.into_owned()),
            ..self
        }
    }
}
