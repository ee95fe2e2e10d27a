//! Every bound of the rules, with its unit. Configuration may lower some; nothing may raise them.
//! Bounds of sockets, journals and stores live in the `limits.rs` of their own crates.

/// Body of a message, bytes of UTF-8.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Title of a conversation, characters.
pub const TITLE_CHARS_MAX: usize = 80;
/// Description of a conversation, characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Username, characters (shortest).
pub const USERNAME_CHARS_MIN: usize = 2;
/// Username, characters (longest).
pub const USERNAME_CHARS_MAX: usize = 32;
/// Display name, characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
/// Password, characters (shortest). Length is what protects; composition rules are not asked for (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Password, bytes (longest), so that hashing cost is bounded.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// One reaction, bytes of UTF-8: the longest emoji sequences are 35.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Different reactions on one message.
pub const REACTION_KINDS_MAX: usize = 50;
/// Edits of one message, all kept in its history.
pub const EDITS_MAX: u32 = 200;
/// People named by one message.
pub const MENTIONS_MAX: usize = 50;
/// Files on one message.
pub const ATTACHMENTS_MAX: usize = 10;
/// Members of a group or a channel.
pub const MEMBERS_MAX: u64 = 100_000;
/// Members named by one command or by the creation of a conversation.
pub const MEMBERS_PER_COMMAND_MAX: usize = 500;
/// Conversations one account is a member of.
pub const CONVERSATIONS_PER_USER_MAX: usize = 10_000;
/// Conversations above [`CONVERSATIONS_PER_USER_MAX`] that are read all the same: the bound is kept where a command is
/// admitted, so that what is admitted at the same moment from several sides may go beyond it.
pub const CONVERSATIONS_PER_USER_OVERRUN: usize = 1_000;
/// Sessions of one account; the oldest gives way.
pub const SESSIONS_PER_USER_MAX: usize = 100;
/// Rows of one page of anything.
pub const PAGE_ROWS_MAX: usize = 500;
/// Rows of a page when the client names no limit.
pub const PAGE_ROWS_DEFAULT: usize = 50;
/// Bytes of bodies in one page read for a client, so that a page of long messages stays bounded.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// People whose presence one connection watches at a time.
pub const WATCHED_USERS_MAX: usize = 500;
/// Members up to which read and delivered marks are told to all; above, to subscribers only.
pub const MARKS_BROADCAST_MEMBERS_MAX: u64 = 100;
/// Attempts at one queue item before it becomes a dead letter (D5).
pub const ATTEMPTS_MAX: u32 = 10;
/// First retry delay, milliseconds; doubles each time, with full jitter.
pub const RETRY_BASE_MS: u64 = 50;
/// Longest retry delay, milliseconds.
pub const RETRY_CAP_MS: u64 = 20_000;
/// Life of a session without a login, milliseconds (90 days).
pub const SESSION_LIFE_MS: u64 = 90 * 24 * 3_600 * 1_000;
/// Life of a single-use ticket, milliseconds.
pub const TICKET_LIFE_MS: u64 = 30_000;
/// Life of an invitation when none is named, milliseconds (7 days).
pub const INVITE_LIFE_MS: u64 = 7 * 24 * 3_600 * 1_000;
/// Uses of one invitation at most.
pub const INVITE_USES_MAX: u32 = 10_000;
/// A search as typed, characters.
pub const SEARCH_QUERY_CHARS_MAX: usize = 500;
/// Words of one search.
pub const SEARCH_WORDS_MAX: usize = 64;
/// Words and phrases of one search that may stand apart.
pub const SEARCH_PHRASES_MAX: usize = 32;
/// People and conversations named by one search.
pub const SEARCH_NAMES_MAX: usize = 16;
/// Characters by which a word is compared.
pub const SEARCH_WORD_CHARS_MAX: usize = 64;
/// Messages of one page of results.
pub const SEARCH_ROWS_MAX: usize = 100;
/// Messages of one page of results when the client names no limit.
pub const SEARCH_ROWS_DEFAULT: usize = 20;
/// Characters of the piece of a message shown with a result.
pub const SNIPPET_CHARS_MAX: usize = 200;
/// Characters of it before the first hit.
pub const SNIPPET_CHARS_BEFORE: usize = 60;
/// Words of a status, characters.
pub const STATUS_CHARS_MAX: usize = 100;
/// Language tag, bytes.
pub const LOCALE_BYTES_MAX: usize = 35;
/// Name of a file, bytes of UTF-8.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Uploads of one account that are not sent yet.
pub const UPLOADS_UNSENT_MAX: usize = 100;
/// Size of all uploads of one account that are not sent yet, bytes.
pub const UPLOADS_UNSENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Life of an upload that is not sent, milliseconds (24 hours).
pub const UPLOAD_LIFE_MS: u64 = 24 * 3_600 * 1_000;
/// Life of an upload whose message was accepted but never appeared, milliseconds (30 days): its dead letter may be
/// redriven until then.
pub const CLAIM_LIFE_MS: u64 = 30 * 24 * 3_600 * 1_000;
