//! The permission table cell by cell: every kind, role and action, written out.
//! The same table is printed in `docs/use/roles.md`; a change of a rule is a change here.

use chat::{
    ConversationKind::{self, Channel, Direct, Group},
    Role::{self, Admin, Member, Owner},
    permission::{ACTIONS, allowed, may_change_role, may_remove},
};

/// One column per action, in the order of `ACTIONS`: read, write, delete others', describe, join, leave, add members,
/// remove members, set roles.
const TABLE: [(ConversationKind, Option<Role>, &str); 12] = [
    (Direct, None, "- - - - - - - - -"),
    (Direct, Some(Member), "R W - - - - - - -"),
    (Direct, Some(Admin), "R W - - - - - - -"),
    (Direct, Some(Owner), "R W - - - - - - -"),
    (Group, None, "- - - - - - - - -"),
    (Group, Some(Member), "R W - - - L A - -"),
    (Group, Some(Admin), "R W D T - L A M S"),
    (Group, Some(Owner), "R W D T - L A M S"),
    (Channel, None, "- - - - J - - - -"),
    (Channel, Some(Member), "R W - - - L - - -"),
    (Channel, Some(Admin), "R W D T - L A M S"),
    (Channel, Some(Owner), "R W D T - L A M S"),
];

#[test]
fn every_cell_of_the_permission_table() {
    for (kind, role, row) in TABLE {
        let cells: Vec<&str> = row.split(' ').collect();
        assert_eq!(cells.len(), ACTIONS.len());
        for (cell, action) in cells.iter().zip(ACTIONS) {
            assert_eq!(allowed(kind, role, action), *cell != "-", "{kind:?} {role:?} {action:?}");
        }
    }
}

#[test]
fn the_table_has_every_kind_and_role_once() {
    for kind in [Direct, Group, Channel] {
        for role in [None, Some(Member), Some(Admin), Some(Owner)] {
            let rows = TABLE.iter().filter(|(of_kind, of_role, _)| (*of_kind, *of_role) == (kind, role));
            assert_eq!(rows.count(), 1, "{kind:?} {role:?}");
        }
    }
}

#[test]
fn members_are_removed_downwards_only() {
    for (actor, other, may) in [
        (Member, Member, false),
        (Member, Admin, false),
        (Member, Owner, false),
        (Admin, Member, true),
        (Admin, Admin, false),
        (Admin, Owner, false),
        (Owner, Member, true),
        (Owner, Admin, true),
        (Owner, Owner, true),
    ] {
        assert_eq!(may_remove(actor, other), may, "{actor:?} removes {other:?}");
    }
}

/// Who may change whom to what: `actor`, role before, and the roles it may become.
const ROLE_CHANGES: [(Role, Role, &[Role]); 9] = [
    (Member, Member, &[]),
    (Member, Admin, &[]),
    (Member, Owner, &[]),
    (Admin, Member, &[Member, Admin]),
    (Admin, Admin, &[]),
    (Admin, Owner, &[]),
    (Owner, Member, &[Member, Admin, Owner]),
    (Owner, Admin, &[Member, Admin, Owner]),
    (Owner, Owner, &[Member, Admin, Owner]),
];

#[test]
fn every_cell_of_the_table_of_role_changes() {
    for (actor, before, becomes) in ROLE_CHANGES {
        for after in [Member, Admin, Owner] {
            let may = may_change_role(actor, before, after);
            assert_eq!(may, becomes.contains(&after), "{actor:?} makes {before:?} {after:?}");
        }
    }
}
