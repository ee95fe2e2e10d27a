//! Files: uploaded first, then named by the message that shows them.
//! Invariant: who may not read the message learns nothing of its files, not even that they exist (D7); before a message
//! shows it, a file is its uploader's alone.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use chat::{
    AttachmentId, Change, Refusal, Upload, UserId,
    attachment::{Shown, clean_name},
    ports::UploadEntry,
};
use protocol::{Code, frame::event::Attachment};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, delete, get, post},
    extract::{Query, Segments},
    files::{self, Blob, Expected, Received, Shape},
    limits::PICTURE_BYTES_MAX,
};

/// Where files are sent to.
pub(crate) const UPLOAD_PATH: &str = "/v1/attachments";

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "attachments";
    vec![
        post(UPLOAD_PATH, upload)
            .is(
                TAG,
                "uploadAttachment",
                "Upload a file: the body is its bytes. Name it in a message within 24 hours.",
            )
            .query::<UploadQuery>()
            .takes_bytes()
            .answers::<Attachment<'_>>(201, "It is stored, and nobody else sees it yet.")
            .refuses(&[
                Code::LengthRequired,
                Code::EmptyFile,
                Code::FileTooLarge,
                Code::TooManyUploads,
                Code::BadRequest,
            ]),
        get("/v1/attachments/{attachment}", show)
            .is(TAG, "getAttachment", "The bytes of a file that one may see. Ranges are understood.")
            .takes_etag()
            .answers_bytes(200, "The file.")
            .answers_bytes(206, "The part of it that was asked for.")
            .refuses(&[Code::AttachmentNotFound]),
        get("/v1/attachments/{attachment}/thumbnail", show_thumbnail)
            .is(
                TAG,
                "getThumbnail",
                "A small picture of a file that is a picture: JPEG or PNG, at most 480 pixels.",
            )
            .takes_etag()
            .answers_bytes(200, "The picture.")
            .answers_bytes(206, "The part of it that was asked for.")
            .refuses(&[Code::AttachmentNotFound]),
        delete("/v1/attachments/{attachment}", withdraw)
            .is(TAG, "deleteAttachment", "Take back an upload that was not sent.")
            .answers_empty(204, "It is gone.")
            .refuses(&[Code::AttachmentNotFound]),
    ]
}

/// `POST /v1/attachments`.
#[derive(Debug, Deserialize, JsonSchema)]
struct UploadQuery {
    /// The file's name, shown and offered for saving; cut to 255 bytes.
    name: String,
}

async fn upload(
    State(app): State<Arc<App>>,
    person: Person,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let expected = Expected::of(request.headers(), app.files.size_bytes_max())?;
    let at = app.now_ms();
    let id = AttachmentId::new(at, &app.random());
    let received = app.files.receive(&files::file(id), request.into_body(), expected).await?;
    let owner = person.user();
    let kept = keep(&app, owner, id, clean_name(&query.name), &received).await;
    match kept {
        Ok(file) => Ok((StatusCode::CREATED, axum::Json(Attachment::from(&file))).into_response()),
        Err(problem) => {
            // Nothing knows the bytes. What cannot be erased now is swept.
            let _ = app.files.erase(id).await;
            Err(problem)
        }
    }
}

/// Makes a thumbnail where that can be done, and writes down what is known of the file.
async fn keep(
    app: &App,
    owner: UserId,
    id: AttachmentId,
    name: String,
    received: &Received,
) -> Result<chat::Attachment, Problem> {
    let dimensions = thumbnail(app, id, received).await?;
    let file = chat::Attachment {
        attachment: id,
        name,
        size_bytes: received.size_bytes,
        content_type: received.content_type.to_owned(),
        dimensions,
        has_thumbnail: dimensions.is_some(),
    };
    let (at, checksum) = (app.now_ms(), received.checksum);
    let upload = Upload { file: file.clone(), owner, at, checksum, claim: None };
    app.change(Change::AddUpload(upload)).await?;
    Ok(file)
}

/// The size of a picture, once its thumbnail is stored; `None` for what is no picture that can be shown.
async fn thumbnail(app: &App, id: AttachmentId, received: &Received) -> Result<Option<(u32, u32)>, Problem> {
    if !files::is_picture(received.content_type) || received.size_bytes > PICTURE_BYTES_MAX {
        return Ok(None);
    }
    let bytes = app.files.read(&files::file(id)).await?;
    match app.files.picture(bytes, Shape::Thumbnail).await {
        Ok(picture) => {
            app.files.put(&files::thumbnail(id), picture.bytes).await?;
            Ok(Some(picture.original))
        }
        // A file all the same, only without a small picture.
        Err(problem) if problem.code() == Code::BadPicture => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    segments: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entry = visible(&app, &segments, person.user()).await?;
    let file = &entry.upload.file;
    let blob = Blob {
        path: files::file(file.attachment),
        content_type: &file.content_type,
        name: Some(&file.name),
        etag: format!("\"{}\"", Base64UrlUnpadded::encode_string(&entry.upload.checksum)),
        size_bytes: Some(file.size_bytes),
        is_fixed: true,
    };
    served(app.files.serve(&headers, &blob).await?)
}

async fn show_thumbnail(
    State(app): State<Arc<App>>,
    person: Person,
    segments: Segments,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entry = visible(&app, &segments, person.user()).await?;
    let file = &entry.upload.file;
    if !file.has_thumbnail {
        return Err(Refusal::AttachmentNotFound.into());
    }
    let path = files::thumbnail(file.attachment);
    let content_type = app.files.kind_of(&path).await?;
    let blob = Blob {
        path,
        content_type,
        name: None,
        etag: format!("\"{}-s\"", Base64UrlUnpadded::encode_string(&entry.upload.checksum)),
        size_bytes: None,
        is_fixed: true,
    };
    served(app.files.serve(&headers, &blob).await?)
}

async fn withdraw(
    State(app): State<Arc<App>>,
    person: Person,
    segments: Segments,
) -> Result<StatusCode, Problem> {
    let entry = visible(&app, &segments, person.user()).await?;
    let id = entry.upload.file.attachment;
    if entry.upload.owner != person.user() || !files::withdraw(&app, person.user(), id).await? {
        return Err(Refusal::AttachmentNotFound.into());
    }
    app.files.erase(id).await?;
    app.change(Change::RemoveUploads(vec![id])).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An upload that this reader may see.
async fn visible(app: &App, segments: &Segments, reader: UserId) -> Result<UploadEntry, Problem> {
    let entry = app.store.upload(segments.attachment()?).await?.ok_or(Refusal::AttachmentNotFound)?;
    let may = match entry.shown {
        None => entry.upload.owner == reader,
        Some(Shown::With(conversation, _)) => app.store.member(conversation, reader).await?.is_some(),
        Some(Shown::Erased) => false,
    };
    if may { Ok(entry) } else { Err(Refusal::AttachmentNotFound.into()) }
}

fn served(response: Option<Response>) -> Result<Response, Problem> {
    response.ok_or_else(|| Refusal::AttachmentNotFound.into())
}
