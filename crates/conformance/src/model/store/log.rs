//! The log of conversations: loading what deciding needs, writing effects, reading pages.
//! Invariant: effects are written whole and only on the head they were decided on.

use chat::{
    ConversationId, Effects, EventKind, Needs, Row, Seq, UserId, View,
    attachment::Shown,
    ports::{Append, AppendOutcome, EventsPage, EventsQuery},
};

use super::state::{Conversation, State};
use crate::limits::RECENT_EVENTS_MAX;

pub(super) fn load(state: &State, conversation: ConversationId, needs: &Needs) -> View {
    let Some(held) = state.conversations.get(&conversation) else { return View::new(conversation, None) };
    let mut view = View::new(conversation, Some(held.meta.clone()));
    for user in &needs.members {
        if let Some(membership) = held.members.get(user) {
            view.with_member(*user, *membership);
        }
    }
    let mut rows: Vec<Seq> = needs.rows.clone();
    for (user, command) in &needs.commands {
        if let Some(seq) = held.commands.get(&(*user, *command)) {
            view.with_command(*user, *command, *seq);
            rows.push(*seq);
            rows.extend(held.rows.get(seq).and_then(|row| row.event.kind.target()));
        }
    }
    for row in rows.iter().filter_map(|seq| held.rows.get(seq)) {
        view.with_row(row.clone());
    }
    for (seq, user, emoji) in &needs.reactions {
        if held.reactions.contains(&(*seq, *user, emoji.clone())) {
            view.with_reaction(*seq, *user, emoji.clone());
        }
    }
    view
}

pub(super) fn append(state: &mut State, append: Append) -> AppendOutcome {
    let effects = append.effects;
    let head = state.conversations.get(&effects.conversation).map_or(0, |held| held.meta.head);
    if head != effects.expected_head {
        return AppendOutcome::Conflict;
    }
    write(state, effects);
    AppendOutcome::Written
}

pub(super) fn write(state: &mut State, effects: Effects) {
    if let Some(pair) = effects.meta.pair {
        state.pairs.insert(pair, effects.conversation);
    }
    state.position += 1;
    state.recent.push_back((state.position, effects.conversation));
    if state.recent.len() > RECENT_EVENTS_MAX {
        state.recent.pop_front();
    }
    for (file, seq, is_shown) in &effects.files {
        let shown = if *is_shown { Shown::With(effects.conversation, *seq) } else { Shown::Erased };
        state.shown.insert(*file, shown);
    }
    let held = state
        .conversations
        .entry(effects.conversation)
        .or_insert_with(|| Conversation::new(effects.meta.clone()));
    write_into(held, effects);
}

fn write_into(held: &mut Conversation, effects: Effects) {
    held.meta = effects.meta;
    for (target, below) in effects.erased {
        held.versions.retain(|(seq, number), _| *seq != target || *number >= below);
        held.reactions.retain(|(seq, ..)| *seq != target);
    }
    held.rows.extend(effects.rows.into_iter().map(|row| (row.event.seq, row)));
    held.versions
        .extend(effects.versions.into_iter().map(|version| ((version.target, version.number), version)));
    for (user, membership) in effects.members {
        match membership {
            Some(membership) => drop(held.members.insert(user, membership)),
            None => drop(held.members.remove(&user)),
        }
    }
    for (seq, user, emoji, set) in effects.reactions {
        let key = (seq, user, emoji);
        if set {
            held.reactions.insert(key)
        } else {
            held.reactions.remove(&key)
        };
    }
    for (user, seq, set) in effects.mentions {
        if set {
            held.mentions.insert((user, seq))
        } else {
            held.mentions.remove(&(user, seq))
        };
    }
    held.commands.extend(effects.commands.into_iter().map(|(user, command, seq)| ((user, command), seq)));
}

pub(super) fn page(held: &Conversation, query: EventsQuery, rows_max: usize, bytes_max: usize) -> EventsPage {
    let mut rows: Vec<Row> = match query {
        EventsQuery::After(seq) => {
            fitting(held, held.rows.range(seq.saturating_add(1)..).map(|(_, row)| row), rows_max, bytes_max)
        }
        EventsQuery::Before(seq) => {
            fitting(held, held.rows.range(..seq).rev().map(|(_, row)| row), rows_max, bytes_max)
        }
    };
    let left = match query {
        EventsQuery::After(seq) => held.rows.range(seq.saturating_add(1)..).count(),
        EventsQuery::Before(seq) => held.rows.range(..seq).count(),
    };
    if matches!(query, EventsQuery::Before(_)) {
        rows.reverse();
    }
    EventsPage { more: left > rows.len(), head: held.meta.head, rows }
}

/// As many rows from the front as fit the page, at least one.
fn fitting<'a>(
    held: &Conversation,
    rows: impl Iterator<Item = &'a Row>,
    rows_max: usize,
    bytes_max: usize,
) -> Vec<Row> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for row in rows.take(rows_max) {
        let row = with_text_of_now(held, row.clone());
        bytes += body_bytes(&row);
        if bytes > bytes_max && !page.is_empty() {
            break;
        }
        page.push(row);
    }
    page
}

/// An edit's row gets the text of its message as it is now.
pub(super) fn with_text_of_now(held: &Conversation, mut row: Row) -> Row {
    if let EventKind::Edited { target, body, mentions } = &mut row.event.kind
        && let Some(EventKind::Message { body: now, mentions: named, .. }) =
            held.rows.get(target).map(|row| &row.event.kind)
    {
        now.clone_into(body);
        named.clone_into(mentions);
    }
    row
}

fn body_bytes(row: &Row) -> usize {
    match &row.event.kind {
        EventKind::Message { body, .. } | EventKind::Edited { body, .. } => body.len(),
        _ => 0,
    }
}

/// Unread mentions of somebody.
pub(super) fn mentions_after(held: &Conversation, user: UserId, seq: Seq) -> usize {
    held.mentions.range((user, seq.saturating_add(1))..=(user, Seq::MAX)).count()
}
