//! One named test per behaviour that the ports promise, for every backend and every decorator.
//! Invariant: capabilities choose which cases apply; no case asserts less for anybody.
//!
//! A backend expands the macros in its own tests, each in a module of its own:
//!
//! ```ignore
//! mod queue { use super::*; conformance::queue_suite!(MyHarness::new()); }
//! mod store { use super::*; conformance::store_suite!(MyHarness::new()); }
//! mod commands { use super::*; conformance::commands_suite!(MyHarness::new()); }
//! mod directory { use super::*; conformance::directory_suite!(MyHarness::new()); }
//! mod journey { use super::*; conformance::journey_suite!(MyHarness::new()); }
//! mod search { use super::*; conformance::search_suite!(MyHarness::new()); }
//! ```

pub mod accounts;
pub mod commands;
pub mod conversations;
pub mod directory;
pub mod durability;
pub mod events;
pub mod journey;
pub mod log;
pub mod profiles;
pub mod queue;
mod samples;
pub mod search;
pub mod unread;
pub mod uploads;
pub mod world;

/// Expands to one `#[tokio::test]` per case of `conformance::suite::$suite`.
#[doc(hidden)]
#[macro_export]
macro_rules! cases {
    ($suite:ident, $harness:expr, [$($name:ident),* $(,)?]) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::$suite::$name(&$harness).await;
            }
        )*
    };
}

/// Expands to one `#[tokio::test]` per case of the queue suite, for a queue of this body.
#[doc(hidden)]
#[macro_export]
macro_rules! queue_cases {
    ($body:ty, $harness:expr, [$($name:ident),* $(,)?]) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::queue::$name::<$body>(&$harness).await;
            }
        )*
    };
    ($body:ty, $harness:expr) => {
        $crate::queue_cases!($body, $harness, [
            a_group_is_leased_in_the_order_it_was_sent,
            a_first_lease_is_attempt_one_and_knows_when_it_was_sent,
            a_lease_takes_at_most_what_was_asked,
            a_leased_group_is_left_out_until_all_of_it_is_settled,
            other_groups_go_on_beside_a_leased_one,
            what_is_done_does_not_come_again,
            a_retry_comes_again_after_its_delay_as_one_more_attempt,
            a_retry_holds_back_its_group_and_no_other,
            what_follows_a_retry_keeps_its_place,
            a_dead_letter_keeps_its_body_reason_attempts_and_times,
            the_group_of_a_dead_letter_goes_on,
            dead_letters_are_paged_in_the_order_of_their_ids,
            a_redrive_sends_once_and_forgets,
            dropped_dead_letters_are_gone_for_good,
            depth_counts_what_waits_what_is_leased_and_what_is_dead,
            settling_again_or_what_is_unknown_changes_nothing,
            a_lease_waits_for_the_first_item,
            a_lease_gives_up_waiting_and_returns_nothing,
            an_empty_send_is_no_error,
            equal_items_are_all_delivered_unless_the_backend_deduplicates,
            workers_beside_each_other_share_groups_but_never_one,
            a_lease_that_runs_out_comes_back_and_its_settlement_is_void,
            items_survive_a_restart_in_order,
            dead_letters_survive_a_restart,
        ]);
    };
}

/// The queue suite, for both queues of the backend that the expression makes a harness for.
#[macro_export]
macro_rules! queue_suite {
    ($harness:expr) => {
        mod messages {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::queue_cases!(::chat::Envelope, $harness);
        }
        mod notifications {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::queue_cases!(::chat::Announcement, $harness);
        }
        #[tokio::test]
        async fn a_full_queue_says_overloaded() {
            $crate::suite::queue::a_full_queue_says_overloaded(&$harness).await;
        }
    };
}

/// The store suite.
#[macro_export]
macro_rules! store_suite {
    ($harness:expr) => {
        mod accounts {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                accounts,
                $harness,
                [
                    an_account_is_found_by_id_and_by_name,
                    a_username_is_taken_whatever_its_case,
                    the_first_account_owns_the_server,
                    registration_follows_the_policy,
                    an_invitation_is_used_up,
                    invitations_are_listed_newest_first,
                    accounts_are_paged_by_name,
                    changes_of_an_account_are_visible,
                    changes_of_nobody_are_refused,
                    registering_again_with_the_same_request_changes_nothing,
                    a_session_is_found_by_its_token,
                    a_revoked_session_is_gone,
                    the_oldest_session_gives_way_above_the_limit,
                    a_new_password_ends_all_other_sessions,
                    a_renewed_hash_ends_no_session,
                    disabling_an_account_ends_its_sessions,
                    last_seen_moves_forward_only,
                ]
            );
        }
        mod conversations {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                conversations,
                $harness,
                [
                    a_new_conversation_begins_with_its_creation,
                    a_pair_has_one_direct_conversation,
                    a_pair_that_meets_has_one_direct_conversation,
                    a_repeated_request_gives_the_same_conversation,
                    what_does_not_exist_is_empty,
                    memberships_are_each_persons_own,
                    entries_leave_out_what_is_not_theirs,
                    channels_are_paged_by_id,
                    members_are_paged_by_id,
                    membership_events_change_every_list,
                    a_description_changes_every_list,
                ]
            );
        }
        mod log {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                log,
                $harness,
                [
                    a_log_is_contiguous_and_in_order,
                    an_append_is_conditional_on_the_head,
                    of_appends_that_race_one_is_written,
                    a_conflict_stops_no_other_conversation,
                    effects_are_written_whole,
                    views_come_in_the_order_asked,
                    a_duplicate_is_loaded_with_its_event,
                    a_command_is_applied_once,
                    a_command_twice_in_one_batch_is_applied_once,
                    events_are_paged_upwards,
                    events_are_paged_downwards,
                    a_page_is_bounded_in_bytes,
                    heads_come_in_the_order_asked,
                    what_has_changed_since_a_token_is_told,
                    strangers_are_refused_alike,
                    an_event_has_the_time_its_command_was_accepted,
                ]
            );
        }
        mod events {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                events,
                $harness,
                [
                    a_message_is_kept_as_sent,
                    an_edit_shows_in_every_read,
                    edits_keep_the_history,
                    reactions_are_counted_and_listed,
                    a_deleted_message_is_nowhere_readable,
                    what_is_deleted_in_the_batch_that_made_it_is_erased_too,
                    an_entry_shows_the_last_message_as_it_is_now,
                    history_applied_is_the_state_stored,
                ]
            );
        }
        mod unread {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                unread,
                $harness,
                [
                    marks_move_forward_only,
                    marks_are_visible_to_who_asks,
                    marks_are_answered_in_the_order_asked,
                    unread_counts_begin_at_joining,
                    only_messages_count_as_unread,
                    unread_equals_a_recount,
                    unread_mentions_are_counted,
                    mentions_are_counted_up_to_a_hundred,
                ]
            );
        }
        mod profiles {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                profiles,
                $harness,
                [
                    a_profile_is_what_its_person_made_it,
                    preferences_change_one_by_one,
                    preferences_of_a_conversation_are_each_readers_own,
                    all_conversations_are_paged_by_id,
                ]
            );
        }
        mod uploads {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                uploads,
                $harness,
                [
                    an_upload_is_kept_as_it_was_added,
                    unsent_uploads_are_bounded,
                    an_upload_is_claimed_by_one_command,
                    a_file_is_shown_by_its_message_and_erased_with_it,
                    loose_uploads_are_paged_by_id,
                    uploads_and_profiles_survive_a_restart,
                ]
            );
        }
        mod durability {
            #[allow(unused_imports, reason = "the expression may name things of the parent")]
            use super::*;
            $crate::cases!(
                durability,
                $harness,
                [
                    everything_survives_a_restart,
                    accepted_commands_are_applied_after_a_restart,
                    what_was_done_before_a_restart_is_not_done_again,
                    a_log_goes_on_after_restarts,
                    failures_are_kept_for_their_sender,
                    a_refused_command_is_kept_as_a_failure,
                ]
            );
        }
    };
}

/// The commands suite.
#[macro_export]
macro_rules! commands_suite {
    ($harness:expr) => {
        $crate::cases!(
            commands,
            $harness,
            [
                submitted_commands_become_events_in_order,
                an_empty_submission_is_no_error,
                execute_answers_with_the_outcome,
                all_who_execute_are_answered,
                who_stops_waiting_takes_nothing_back,
                two_who_wait_for_one_command_get_one_answer,
                a_full_queue_is_overloaded,
            ]
        );
    };
}

/// The directory suite.
#[macro_export]
macro_rules! directory_suite {
    ($harness:expr) => {
        $crate::cases!(
            directory,
            $harness,
            [
                presence_follows_the_connections,
                a_lease_that_runs_out_counts_for_nothing,
                a_ticket_is_taken_once,
                an_expired_ticket_is_worth_nothing,
                an_event_is_for_the_nodes_of_its_members,
                news_of_a_person_are_for_that_persons_nodes,
                recipients_come_in_the_order_asked,
            ]
        );
    };
}

/// The suite of the way from accepted to announced.
#[macro_export]
macro_rules! journey_suite {
    ($harness:expr) => {
        $crate::cases!(
            journey,
            $harness,
            [
                a_poison_command_drags_nobody_along,
                everything_that_happens_is_told,
                a_command_found_stored_is_told_again,
                everything_arrives_once_and_in_order_through_faults,
                persisters_beside_each_other_write_everything_once,
                decorators_without_faults_change_nothing,
            ]
        );
    };
}

/// The search suite.
#[macro_export]
macro_rules! search_suite {
    ($harness:expr) => {
        $crate::cases!(
            search,
            $harness,
            [
                words_are_found_wherever_they_stand,
                scripts_without_spaces_are_found_by_any_part,
                only_members_find_what_was_said,
                edits_change_what_is_found,
                deleted_messages_are_not_found,
                filters_narrow_without_words_too,
                results_are_paged_newest_first,
                a_restart_changes_nothing_that_is_found,
                an_index_agrees_with_a_plain_look,
            ]
        );
    };
}
