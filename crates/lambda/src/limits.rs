//! Every bound of the handlers, with its unit.
//! Those that AWS sets are kept by this code too, because an emulator does not keep them.

/// Life of a socket's rows, milliseconds: API Gateway ends a socket after two hours (2 h 5 min).
pub(crate) const ENDPOINT_LIFE_MS: u64 = (2 * 60 + 5) * 60 * 1_000;
/// Sockets of one person.
pub(crate) const ENDPOINTS_PER_USER_MAX: usize = 50;
/// Between two pings of a client, milliseconds: API Gateway ends a socket that is silent for ten minutes.
pub(crate) const HEARTBEAT_MS: u64 = 4 * 60 * 1_000;
/// Tries of a change of what is kept of a socket, when another frame of it was quicker.
pub(crate) const STATE_TRIES_MAX: u32 = 20;
/// How long whoever began to greet a socket has for it, milliseconds; then another one does.
pub(crate) const GREETING_MS: u64 = 5_000;
/// How long after `$connect` a socket may still not be there to be posted to, milliseconds: API Gateway opens it only
/// when that route has answered, and until then says that it is gone.
pub(crate) const OPENING_MS: u64 = 3_000;
/// Between two looks whether a socket is greeted, milliseconds.
pub(crate) const GREETING_LOOK_MS: u64 = 25;
/// How long a sync may hold back live events, milliseconds: longer than the function that carries it out may run.
pub(crate) const SYNC_MS_MAX: u64 = 90_000;
/// Rounds of one sync: each reads what was announced during the one before.
pub(crate) const SYNC_ROUNDS_MAX: u32 = 50;
/// Rows read at once for a sync.
pub(crate) const SYNC_PAGE_ROWS: usize = 256;
/// Bodies read at once for a sync, bytes.
pub(crate) const SYNC_PAGE_BYTES: usize = 128 * 1024;
/// Between two typing notices of one socket in one conversation, milliseconds.
pub(crate) const TYPING_EVERY_MS: u64 = 2_000;
/// Conversations in which one socket types at a time.
pub(crate) const TYPING_CONVERSATIONS_MAX: usize = 8;
/// Members up to which typing is shown.
pub(crate) const TYPING_MEMBERS_MAX: usize = 250;
/// Age above which a typing notice is no longer told, milliseconds.
pub(crate) const TYPING_AGE_MS: u64 = 5_000;
/// Wait proposed when something behind does not answer, milliseconds.
pub(crate) const RETRY_MS: u64 = 500;
/// Sockets posted to at the same time by one function.
pub(crate) const POSTS_AT_ONCE: usize = 48;
/// Tries of one post by one function, while the account posts too fast.
pub(crate) const POST_ROUNDS_MAX: u32 = 3;
/// First pause before such a try, milliseconds; doubles each time, with full jitter.
pub(crate) const POST_PAUSE_MS: u64 = 100;
/// Receives of an announcement after which a socket that could not be told is closed, so that it syncs.
pub(crate) const POST_RECEIVES_MAX: u32 = 8;
/// Members read at a time.
pub(crate) const MEMBERS_PAGE: usize = 1_000;
/// Messages of one event of a queue.
pub(crate) const RECORDS_MAX: usize = 10;
/// Marks stored at once.
pub(crate) const MARKS_MAX: usize = 100;
/// Functions warmed by one event.
pub(crate) const WARM_FUNCTIONS_MAX: usize = 32;
/// Sessions remembered by one process.
pub(crate) const SESSIONS_CACHED_MAX: usize = 1_000;
/// Largest file, bytes: an event carries 6 MiB, and files travel in it as base64.
pub(crate) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest request over HTTP, milliseconds: API Gateway waits 30 seconds.
pub(crate) const REQUEST_MS: u64 = 28_000;
