//! Who may do what: one table, walked cell by cell by its test and printed in `docs/use/roles.md`.
//! Knows roles and kinds, not people: rules about whose message or whose membership it is stand beside the command.

use crate::{
    command::Command,
    conversation::{ConversationKind, Role},
};

/// What can be permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read history, receive events, see members, mark read, show typing.
    Read,
    /// Send a message; edit and delete one's own; react.
    Write,
    /// Delete somebody else's message.
    DeleteOthers,
    /// Change title and description.
    Describe,
    /// Become a member without being added.
    Join,
    /// Stop being a member.
    Leave,
    /// Make others members.
    AddMembers,
    /// End the membership of somebody with a lower role.
    RemoveMembers,
    /// Give members other roles.
    SetRoles,
}

/// All actions, in the order of the table.
pub const ACTIONS: [Action; 9] = [
    Action::Read,
    Action::Write,
    Action::DeleteOthers,
    Action::Describe,
    Action::Join,
    Action::Leave,
    Action::AddMembers,
    Action::RemoveMembers,
    Action::SetRoles,
];

/// Whether somebody with `role` (`None`: not a member) may do `action` in a conversation of this kind.
#[must_use]
pub const fn allowed(kind: ConversationKind, role: Option<Role>, action: Action) -> bool {
    use ConversationKind::{Channel, Direct, Group};
    use Role::{Admin, Member, Owner};
    match action {
        Action::Read | Action::Write => role.is_some(),
        Action::Join => matches!((kind, role), (Channel, None)),
        Action::Leave => matches!((kind, role), (Group | Channel, Some(_))),
        Action::AddMembers => {
            matches!((kind, role), (Group, Some(_)) | (Channel, Some(Admin | Owner)))
        }
        Action::DeleteOthers | Action::Describe | Action::RemoveMembers => {
            matches!((kind, role), (Group | Channel, Some(Admin | Owner)))
        }
        Action::SetRoles => match (kind, role) {
            (Direct, _) | (_, None | Some(Member)) => false,
            (Group | Channel, Some(Admin | Owner)) => true,
        },
    }
}

/// Whether `actor` may end the membership of somebody with role `other`: only downwards.
#[must_use]
pub fn may_remove(actor: Role, other: Role) -> bool {
    actor == Role::Owner || other < actor
}

/// Whether `actor` may change a member's role from `before` to `after`: owners any, admins below their own.
#[must_use]
pub fn may_change_role(actor: Role, before: Role, after: Role) -> bool {
    actor == Role::Owner || (before < actor && after <= actor && actor > Role::Member)
}

impl Action {
    /// What a command needs permission for.
    #[must_use]
    pub const fn of(command: &Command) -> Action {
        match command {
            Command::Send { .. }
            | Command::Edit { .. }
            | Command::Delete { .. }
            | Command::React { .. }
            | Command::Unreact { .. } => Action::Write,
            Command::Describe { .. } => Action::Describe,
            Command::Join => Action::Join,
            Command::Leave => Action::Leave,
            Command::AddMembers { .. } => Action::AddMembers,
            Command::RemoveMember { .. } => Action::RemoveMembers,
            Command::SetRole { .. } => Action::SetRoles,
        }
    }

    /// Whether it is what a direct conversation never allows anybody.
    #[must_use]
    pub const fn changes_membership_or_title(self) -> bool {
        matches!(
            self,
            Action::Describe
                | Action::Join
                | Action::Leave
                | Action::AddMembers
                | Action::RemoveMembers
                | Action::SetRoles
        )
    }
}
