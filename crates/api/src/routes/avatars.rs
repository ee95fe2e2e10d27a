//! People's pictures: any picture becomes a square of 256 pixels without metadata.
//! Everybody who is logged in sees everybody's. A new picture has a new version, so an old one may be kept for ever.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use chat::{AvatarId, Change, UserId};
use protocol::{Code, http::account::AccountBody};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, delete, get, put},
    extract::{Query, Segments},
    files::{self, Blob, Expected, Shape},
    limits::AVATAR_BYTES_MAX,
    people::profile_of,
    view,
};

/// Where one's own picture is.
pub(crate) const AVATAR_PATH: &str = "/v1/account/avatar";

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "accounts";
    vec![
        put(AVATAR_PATH, set)
            .is(
                TAG,
                "setAvatar",
                "Set one's picture: the body is a PNG, JPEG, GIF or WebP of at most 10 MiB.",
            )
            .takes_bytes()
            .answers::<AccountBody>(200, "The account with the new version of its picture.")
            .refuses(&[
                Code::LengthRequired,
                Code::EmptyFile,
                Code::FileTooLarge,
                Code::BadPicture,
                Code::BadRequest,
            ]),
        delete(AVATAR_PATH, remove)
            .is(TAG, "removeAvatar", "Remove one's picture.")
            .answers::<AccountBody>(200, "The account without a picture."),
        get("/v1/users/{user}/avatar", show)
            .is("users", "getAvatar", "Somebody's picture, 256 pixels square: JPEG or PNG.")
            .query::<AvatarQuery>()
            .takes_etag()
            .answers_bytes(200, "The picture.")
            .answers_bytes(206, "The part of it that was asked for.")
            .refuses(&[Code::AvatarNotFound, Code::UserNotFound]),
    ]
}

/// `GET /v1/users/{user}/avatar`.
#[derive(Debug, Deserialize, JsonSchema)]
struct AvatarQuery {
    /// The version, from `avatar` of the person: with it the answer may be kept for ever.
    v: Option<String>,
}

async fn set(
    State(app): State<Arc<App>>,
    person: Person,
    request: Request,
) -> Result<axum::Json<AccountBody>, Problem> {
    let expected = Expected::of(request.headers(), AVATAR_BYTES_MAX)?;
    let bytes = app.files.receive_small(request.into_body(), expected).await?;
    let picture = app.files.picture(bytes, Shape::Avatar).await?;
    let avatar = AvatarId::new(app.now_ms(), &app.random());
    app.files.put(&files::avatar(person.user(), avatar), picture.bytes).await?;
    replace(&app, person.user(), Some(avatar)).await
}

async fn remove(State(app): State<Arc<App>>, person: Person) -> Result<axum::Json<AccountBody>, Problem> {
    replace(&app, person.user(), None).await
}

async fn replace(
    app: &App,
    user: UserId,
    avatar: Option<AvatarId>,
) -> Result<axum::Json<AccountBody>, Problem> {
    let before = profile_of(app, user).await?.avatar;
    app.change(Change::SetAvatar { user, avatar }).await?;
    if let Some(before) = before.filter(|before| Some(*before) != avatar) {
        // What cannot be deleted now is swept.
        let _ = app.files.delete(&files::avatar(user, before)).await;
    }
    let account = app.store.account(user).await?.ok_or_else(Problem::unauthorized)?;
    Ok(axum::Json(view::own_account(&account, &profile_of(app, user).await?)))
}

async fn show(
    State(app): State<Arc<App>>,
    _: Person,
    segments: Segments,
    Query(query): Query<AvatarQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = segments.user()?;
    let not_found = || Problem::new(Code::AvatarNotFound, "That person has no picture.");
    let avatar = profile_of(&app, user).await?.avatar.ok_or_else(not_found)?;
    let version = avatar.to_string();
    let path = files::avatar(user, avatar);
    let content_type = app.files.kind_of(&path).await?;
    let blob = Blob {
        path,
        content_type,
        name: None,
        etag: format!("\"{version}\""),
        size_bytes: None,
        is_fixed: query.v.as_deref() == Some(version.as_str()),
    };
    app.files.serve(&headers, &blob).await?.ok_or_else(not_found)
}
