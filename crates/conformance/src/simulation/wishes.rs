//! What a client comes to ask: a random command that makes sense to somebody who knows this timeline.
//! Some ask for what they may not; rules say no to those, which is part of the game.

use chat::{Command, Role, Seq, UserId, timeline::Timeline};

use crate::dice::Dice;

const EMOJIS: [&str; 3] = ["👍", "🎉", "x"];

/// A command for the conversation of this timeline.
pub(super) fn wish(dice: &Dice, timeline: &Timeline, users: &[UserId], number: u64) -> Command {
    let target = target(dice, timeline);
    let user = users[dice.index(users.len())];
    let emoji = EMOJIS[dice.index(EMOJIS.len())].to_owned();
    match dice.below(24) {
        0 | 1 => Command::Edit { target, body: format!("edited {number}"), mentions: mentions(dice, users) },
        2 => Command::Delete { target },
        3 | 4 => Command::React { target, emoji },
        5 => Command::Unreact { target, emoji },
        6 => Command::Describe { title: Some(format!("Title {number}")), description: None },
        7 => Command::AddMembers { users: vec![user] },
        8 => Command::RemoveMember { user },
        9 => Command::SetRole {
            user,
            role: *dice.pick(&[Role::Member, Role::Admin, Role::Owner]).unwrap_or(&Role::Member),
        },
        10 => Command::Join,
        11 => Command::Leave,
        _ => Command::Send {
            body: format!("message {number}"),
            reply_to: dice.chance(200).then_some(target),
            mentions: mentions(dice, users),
            attachments: Vec::new(),
        },
    }
}

/// Often a message, sometimes something else or nothing.
fn target(dice: &Dice, timeline: &Timeline) -> Seq {
    let messages: Vec<Seq> =
        timeline.rows.iter().filter(|(_, row)| row.message.is_some()).map(|(seq, _)| *seq).collect();
    match dice.pick(&messages) {
        Some(seq) if dice.chance(900) => *seq,
        _ => 1 + dice.below(timeline.head + 1),
    }
}

fn mentions(dice: &Dice, users: &[UserId]) -> Vec<UserId> {
    users.iter().copied().filter(|_| dice.chance(150)).collect()
}
