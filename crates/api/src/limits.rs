//! Every bound of the HTTP interface, with its unit.
//! Bounds of the rules themselves (titles, pages, members…) are in `chat::limits` and are not repeated here.

/// Body of a request, bytes: a message of 16 KiB stays below it even when every byte is escaped as three.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Time for the body of a request to arrive, milliseconds.
pub const REQUEST_READ_MS: u64 = 15_000;
/// Wait for a command's outcome before the answer is that it is not known yet, milliseconds.
pub const OUTCOME_WAIT_MS: u64 = 10_000;
/// Random bytes of a session token, an invite code or a ticket.
pub const SECRET_BYTES: usize = 32;
/// Token as text, bytes: anything longer is not looked at.
pub const TOKEN_TEXT_BYTES_MAX: usize = 128;
/// What a client may call itself, characters kept.
pub const AGENT_CHARS_MAX: usize = 200;
/// `Idempotency-Key`, bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Sessions kept in memory so that a request needs no store read.
pub const SESSION_CACHE_ENTRIES: usize = 20_000;
/// Age up to which a cached session is trusted, milliseconds: how late another node learns that a session ended.
pub const SESSION_CACHE_MS: u64 = 5_000;
/// Passwords hashed at the same time, each with its own memory (19 MiB with the usual parameters).
pub const PASSWORD_HASHES_AT_ONCE: usize = 2;
/// Password hashes that may wait for their turn; more are told to slow down.
pub const PASSWORD_HASHES_WAITING: usize = 64;
/// Keys one rate limiter remembers; beyond it, keys it has not seen share one bucket.
pub const RATE_KEYS_MAX: usize = 100_000;
/// Checks of one rate limiter between two clean-ups.
pub const RATE_CHECKS_PER_SWEEP: u32 = 4_096;
/// People asked for by id in one request.
pub const USERS_BY_ID_MAX: usize = 200;
/// Dead letters looked through to find one by id.
pub const DEAD_LETTERS_SCAN_MAX: usize = 10_000;
/// Dead letters named by one request to redrive or drop.
pub const DEAD_LETTERS_NAMED_MAX: usize = 1_000;
/// Addresses in one `X-Forwarded-For` that are looked at, from the right.
pub const FORWARDED_HOPS_MAX: usize = 16;
/// Invitations looked through and listed, newest first.
pub const INVITES_LISTED_MAX: usize = 500;
/// Life of an invitation at most, milliseconds (one year).
pub const INVITE_LIFE_MS_MAX: u64 = 365 * 24 * 3_600 * 1_000;
/// Answer of a preflight request stays valid, seconds.
pub const CORS_AGE_S: u32 = 600;
