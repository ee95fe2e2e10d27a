//! Invitations to register. Their makers see and take back their own; admins, everybody's.
//! The code is shown once, to who makes the invitation; stored is its hash.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chat::{
    AccountRole, Change, Invite, InviteId, RegistrationPolicy,
    limits::{INVITE_LIFE_MS, INVITE_USES_MAX},
};
use protocol::{
    Code, Time,
    http::{
        Page,
        account::{InviteCreated, InviteItem, InviteRequest},
    },
};

use crate::{
    App, Problem,
    auth::Person,
    endpoint::{Endpoint, delete, get, post},
    extract::{Json, Segments},
    limits::{INVITE_LIFE_MS_MAX, INVITES_LISTED_MAX},
    secret::Secret,
    view,
};

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TAG: &str = "invites";
    vec![
        post("/v1/invites", create)
            .is(TAG, "createInvite", "Invite people to register.")
            .body::<InviteRequest>()
            .answers::<InviteCreated>(201, "The invitation, with its code.")
            .refuses(&[Code::RegistrationClosed]),
        get("/v1/invites", list)
            .is(TAG, "listInvites", "Invitations still good, newest first: one's own; for admins, all.")
            .answers::<Page<InviteItem>>(200, "The invitations, without their codes."),
        delete("/v1/invites/{invite}", revoke)
            .is(TAG, "revokeInvite", "Take an invitation back.")
            .answers_empty(204, "Nobody can use it any more.")
            .refuses(&[Code::InviteNotFound]),
    ]
}

async fn create(
    State(app): State<Arc<App>>,
    person: Person,
    Json(new): Json<InviteRequest>,
) -> Result<Response, Problem> {
    if app.options.registration == RegistrationPolicy::Closed {
        return Err(chat::Refusal::RegistrationClosed.into());
    }
    let life_ms = bounded(new.expires_in_ms, INVITE_LIFE_MS, INVITE_LIFE_MS_MAX, "expiresInMs")?;
    let uses = bounded(new.uses.map(u64::from), 1, u64::from(INVITE_USES_MAX), "uses")?;
    let (secret, now_ms) = (Secret::new(&*app.randomness), app.now_ms());
    let invite = Invite {
        invite: InviteId::new(now_ms, &app.random()),
        code_hash: secret.hash(),
        created_by: person.user(),
        created_at: now_ms,
        expires_at: now_ms + life_ms,
        uses_left: u32::try_from(uses).unwrap_or(INVITE_USES_MAX),
    };
    let body = InviteCreated {
        invite_id: invite.invite,
        code: secret.reveal().to_owned(),
        expires_at: Time::from_ms(invite.expires_at),
    };
    app.change(Change::CreateInvite(invite)).await?;
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

async fn list(State(app): State<Arc<App>>, person: Person) -> Result<axum::Json<Page<InviteItem>>, Problem> {
    let now_ms = app.now_ms();
    let invites = visible(&app, &person).await?;
    let good = invites.iter().filter(|invite| invite.uses_left > 0 && invite.expires_at > now_ms);
    Ok(axum::Json(Page { items: good.map(view::invite).collect(), next: None }))
}

async fn revoke(
    State(app): State<Arc<App>>,
    person: Person,
    segments: Segments,
) -> Result<StatusCode, Problem> {
    let not_found = || Problem::new(Code::InviteNotFound, "There is no such invitation, or it is not yours.");
    let id = segments.invite().ok_or_else(not_found)?;
    let invites = visible(&app, &person).await?;
    let invite = invites.iter().find(|invite| invite.invite == id).ok_or_else(not_found)?;
    app.change(Change::RevokeInvite(invite.invite)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn visible(app: &App, person: &Person) -> Result<Vec<Invite>, Problem> {
    let mut invites = app.store.invites(INVITES_LISTED_MAX).await?;
    if person.0.role < AccountRole::Admin {
        invites.retain(|invite| invite.created_by == person.user());
    }
    Ok(invites)
}

fn bounded(asked: Option<u64>, default: u64, max: u64, field: &'static str) -> Result<u64, Problem> {
    match asked {
        None => Ok(default),
        Some(value) if (1..=max).contains(&value) => Ok(value),
        Some(_) => Err(Problem::new(Code::BadRequest, format!("{field}: 1 to {max}.")).in_field(field)),
    }
}
