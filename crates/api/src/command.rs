//! From a request to a command that is applied (step 4 of the journey, over HTTP): admitted, made durable, awaited.
//! Knows no command's meaning; what becomes of one is decided in `chat::conversation`.

use std::time::Duration;

use chat::{Command, CommandId, ConversationId, Envelope, Outcome, Role, Seq, UserId, admission::admit};
use protocol::Code;
use tokio::time::timeout;

use crate::{App, Problem, Unclaimed, claim, extract::Member, limits::OUTCOME_WAIT_MS, people::require_room};

/// Executes a member's command and waits for its outcome: the place of its event, or `None` when nothing had to change.
///
/// # Errors
/// The refusal by rule, `slow_down`, `timeout`, or what the queue says.
pub(crate) async fn execute(
    app: &App,
    member: &Member,
    id: CommandId,
    command: Command,
) -> Result<Option<Seq>, Problem> {
    let envelope = admitted(app, member, id, command).await?;
    outcome(app, envelope).await
}

/// Makes a member's command durable (D1) and does not wait for its outcome.
///
/// # Errors
/// The refusal at admission, `slow_down`, or what the queue says.
pub(crate) async fn submit(
    app: &App,
    member: &Member,
    id: CommandId,
    command: Command,
) -> Result<(), Problem> {
    let mut envelope = admitted(app, member, id, command).await?;
    match claim(app, envelope.actor, envelope.conversation, id, &mut envelope.command).await {
        Ok(()) => Ok(app.commands.submit(vec![envelope]).await?),
        Err(Unclaimed::Refused(refusal)) => Err(refusal.into()),
        Err(Unclaimed::Failed(error)) => Err(error.into()),
    }
}

/// Joins a channel. Whatever else the id names is as if it did not exist (D7).
///
/// # Errors
/// `conversation_not_found`, or as `execute`.
pub(crate) async fn join(
    app: &App,
    user: UserId,
    conversation: ConversationId,
    id: CommandId,
) -> Result<(), Problem> {
    app.limits.send(user)?;
    let role = app.store.member(conversation, user).await?.map(|membership| membership.role);
    if role.is_none() {
        require_room(app, user).await?;
    }
    admit_in(app, conversation, role, &Command::Join).await?;
    let envelope = envelope(app, user, conversation, id, Command::Join);
    outcome(app, envelope).await.map(drop)
}

async fn admitted(app: &App, member: &Member, id: CommandId, command: Command) -> Result<Envelope, Problem> {
    app.limits.send(member.user())?;
    admit_in(app, member.conversation, Some(member.membership.role), &command).await?;
    Ok(envelope(app, member.user(), member.conversation, id, command))
}

async fn admit_in(
    app: &App,
    conversation: ConversationId,
    role: Option<Role>,
    command: &Command,
) -> Result<(), Problem> {
    let meta = app.store.conversation(conversation).await?;
    let meta = meta.ok_or_else(Problem::conversation_not_found)?;
    Ok(admit(meta.kind, role, command)?)
}

fn envelope(
    app: &App,
    actor: UserId,
    conversation: ConversationId,
    command_id: CommandId,
    command: Command,
) -> Envelope {
    Envelope { conversation, actor, command_id, accepted_at: app.now_ms(), command }
}

async fn outcome(app: &App, envelope: Envelope) -> Result<Option<Seq>, Problem> {
    let applying = app.commands.execute(envelope);
    let Ok(outcome) = timeout(Duration::from_millis(OUTCOME_WAIT_MS), applying).await else {
        let detail = "What became of it is not known yet; it may still take effect. Repeat the request with the same \
                      Idempotency-Key to learn it.";
        return Err(Problem::new(Code::Timeout, detail));
    };
    match outcome? {
        Outcome::Applied { seq } => Ok(Some(seq)),
        Outcome::Unchanged => Ok(None),
        Outcome::Refused(refusal) => Err(refusal.into()),
    }
}
