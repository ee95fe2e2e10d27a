//! Every bound of the wire, with its unit. Set by the narrowest home, API Gateway, and the same in all.
//! Bounds of what is said (bodies, titles, members) are in `chat::limits`.

/// A client's frame, bytes of JSON as sent: API Gateway takes no larger one.
pub const FRAME_BYTES_MAX: usize = 32 * 1024;
/// A client's frame above this many bytes closes the connection; up to it, it is only refused.
pub const FRAME_BYTES_HARD_MAX: usize = 64 * 1024;
/// A server's frame, bytes, where what it carries can be divided.
pub const SERVER_FRAME_BYTES_MAX: usize = 32 * 1024;
/// A server's frame that carries one event too large for [`SERVER_FRAME_BYTES_MAX`], bytes: API Gateway's message.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// A body of this many bytes as JSON text (escapes counted, quotes included) always fits a client's frame, whatever
/// else the frame names.
pub const BODY_ENCODED_BYTES_SAFE: usize = FRAME_BYTES_MAX - 3 * 1024;
/// `ref`, bytes of UTF-8.
pub const REF_BYTES_MAX: usize = 64;
/// Largest integer in a frame: what JavaScript holds exactly (2^53 - 1).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Conversations one `sync` names.
pub const CURSORS_PER_SYNC_MAX: usize = 500;
/// The token of a `sync`, bytes.
pub const TOKEN_BYTES_MAX: usize = 512;
/// Conversations one `synced` lists that the `sync` did not name, so that the frame stays below its bound.
pub const UNLISTED_PER_SYNCED_MAX: usize = 350;
/// Conversations whose marks one connection watches at a time.
pub const WATCHED_CONVERSATIONS_MAX: usize = 100;
/// People in one `presence` frame, so that the frame stays below its bound.
pub const PRESENCE_PER_FRAME_MAX: usize = 250;
/// Malformed frames a connection may owe before it is closed; each well-formed one pays one back.
pub const BAD_FRAMES_MAX: u32 = 20;
/// How long a connection that says nothing waits for its `sync` before it is live at the head, milliseconds.
pub const SYNC_GRACE_MS: u64 = 1_000;
/// Between two pings of the server when nothing else is configured, milliseconds; API Gateway's idle limit is 10 minutes.
pub const HEARTBEAT_MS_DEFAULT: u64 = 30_000;
/// The reason in a close frame, bytes (RFC 6455 §5.5).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;
/// A request body over HTTP, bytes.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// How much of an unknown word is repeated in an error's sentence, characters.
pub const QUOTED_CHARS_MAX: usize = 40;
