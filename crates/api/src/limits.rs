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
/// Largest file when nothing else is configured, bytes (50 MiB).
pub const FILE_BYTES_MAX_DEFAULT: u64 = 50 * 1024 * 1024;
/// Largest file that may be configured, bytes (2 GiB).
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Largest file sent as one's own picture, bytes (10 MiB).
pub const AVATAR_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Bytes at the beginning of a file by which its type is found.
pub const FILE_HEAD_BYTES: usize = 8 * 1024;
/// Bytes of an upload in memory before they are written.
pub const UPLOAD_PART_BYTES: usize = 1024 * 1024;
/// The same for a bucket of S3, where every part but the last has at least so many (AWS).
pub const BUCKET_PART_BYTES: usize = 5 * 1024 * 1024;
/// Uploads at the same time.
pub const UPLOADS_AT_ONCE: usize = 32;
/// Time without a byte after which an upload is given up, milliseconds.
pub const UPLOAD_IDLE_MS: u64 = 30_000;
/// Time for an upload as a whole, milliseconds (one hour).
pub const UPLOAD_MS: u64 = 3_600_000;
/// Largest file that is decoded as a picture, bytes.
pub const PICTURE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// Pixels of a picture that is decoded.
pub const PICTURE_PIXELS_MAX: u64 = 50_000_000;
/// Longest side of a picture that is decoded, pixels.
pub const PICTURE_SIDE_PIXELS_MAX: u32 = 30_000;
/// Memory for decoding one picture, bytes.
pub const PICTURE_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Pictures decoded at the same time.
pub const PICTURES_AT_ONCE: usize = 2;
/// Pictures that may wait to be decoded; their files are in memory.
pub const PICTURES_WAITING: usize = 8;
/// Time a picture waits for its turn, milliseconds.
pub const PICTURE_WAIT_MS: u64 = 30_000;
/// Longest side of a thumbnail, pixels.
pub const THUMBNAIL_PIXELS: u32 = 480;
/// Side of a person's picture, pixels.
pub const AVATAR_PIXELS: u32 = 256;
/// Uploads looked at in one go when sweeping.
pub const SWEEP_PAGE_ROWS: usize = 200;
/// Age from which a blob that nothing knows is a leftover, milliseconds (two hours: longer than an upload lasts).
pub const ORPHAN_AGE_MS: u64 = 2 * 3_600_000;
/// Answer of a preflight request stays valid, seconds.
pub const CORS_AGE_S: u32 = 600;
