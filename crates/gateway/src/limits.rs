//! Every bound of the sockets, with its unit. Bounds of frames are in `protocol::limits`, of what is said in
//! `chat::limits`; options may change those marked as defaults.

/// Shards, each a thread with its own runtime.
pub const SHARDS_MAX: usize = 256;
/// Connections waiting to be accepted, per shard.
pub const BACKLOG: u32 = 4_096;
/// Default: open connections, HTTP and WebSocket together.
pub const CONNECTIONS_MAX: usize = 100_000;
/// Default: WebSocket connections of one user.
pub const CONNECTIONS_PER_USER_MAX: usize = 50;
/// Default: open connections from one address that is neither loopback nor a trusted proxy.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_024;
/// Default: connections accepted per second and shard, with a burst of as many.
pub const ACCEPTS_PER_SECOND: u32 = 20_000;
/// Wait after accepting failed because the process has no descriptor left, milliseconds.
pub const ACCEPT_RETRY_MS: u64 = 50;
/// Time for a TLS handshake, milliseconds.
pub const TLS_HANDSHAKE_MS: u64 = 10_000;
/// Time for the head of a request, and between two requests of one connection, milliseconds.
pub const REQUEST_HEAD_MS: u64 = 20_000;
/// Time for a request to be answered, milliseconds.
pub const REQUEST_MS: u64 = 60_000;
/// Head of a request, bytes.
pub const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Between two looks at the certificate's files, milliseconds.
pub const CERTIFICATE_CHECK_MS: u64 = 10_000;
/// What the kernel holds of one connection's unread output, bytes; Linux doubles it.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Read at once from a socket, bytes: one buffer per shard.
pub const READ_BYTES: usize = 64 * 1024;
/// Reads of one connection before others get their turn.
pub const READS_PER_TURN: usize = 4;
/// Frames of one read that may be refused for coming too fast before the connection is not read for a while.
pub const REFUSALS_PER_READ_MAX: u32 = 8;
/// Pause before such a connection is read again, milliseconds.
pub const FLOOD_PAUSE_MS: u64 = 50;
/// Read at once from such a connection, bytes.
pub const FLOOD_READ_BYTES: usize = 4 * 1024;
/// Frames and messages a client may send: above, the connection is closed by the header alone.
pub const MESSAGE_BYTES_MAX: usize = protocol::limits::FRAME_BYTES_HARD_MAX;
/// Default: frames per second of one connection.
pub const FRAMES_PER_SECOND: u32 = 500;
/// Default: frames of one connection at once after a rest.
pub const FRAMES_BURST: u32 = 2_000;

/// Default: bytes waiting for one connection above which ephemeral frames are left out.
pub const OUTBOX_SOFT_BYTES: usize = 128 * 1024;
/// Default: bytes waiting for one connection above which it is closed as too slow.
pub const OUTBOX_HARD_BYTES: usize = 256 * 1024;
/// What a waiting frame costs besides its bytes.
pub const FRAME_OVERHEAD_BYTES: usize = 32;
/// Room for waiting frames that an idle outbox keeps.
pub const IDLE_FRAMES_KEPT: usize = 4;
/// Frames below this many bytes are copied together before they are written.
pub const SMALL_FRAME_BYTES: usize = 16 * 1024;
/// Frames copied together, bytes.
pub const SCRATCH_BYTES: usize = 64 * 1024;
/// Connections written to before reading gets its turn.
pub const FLUSHES_PER_TURN: usize = 256;
/// Default: a connection whose socket takes nothing for so long is closed, milliseconds.
pub const STALL_MS: u64 = 20_000;

/// Batches of announcements waiting for one shard; the announcer waits when there are more.
pub const ANNOUNCED_BATCHES_MAX: usize = 16;
/// Announcements delivered before reading and writing get their turn.
pub const ANNOUNCED_PER_TURN: usize = 1_024;
/// Commands in one batch.
pub const INTAKE_BATCH_MAX: usize = 1_024;
/// Batches of one shard that wait to become durable.
pub const INTAKE_BATCHES_IN_FLIGHT_MAX: usize = 8;
/// Commands of one shard that wait for a batch; more are told to slow down.
pub const INTAKE_WAITING_MAX: usize = 16 * 1024;
/// Wait proposed when the intake is full, milliseconds.
pub const INTAKE_RETRY_MS: u64 = 500;
/// Commands of one connection that wait because a message before them has files to be claimed.
pub const CLAIMS_WAITING_MAX: usize = 256;

/// Syncs of one shard that read at the same time; others wait their turn.
pub const SYNCS_AT_ONCE: usize = 32;
/// Rows read at once for a sync.
pub const SYNC_PAGE_ROWS: usize = 256;
/// Bodies read at once for a sync, bytes.
pub const SYNC_PAGE_BYTES: usize = 128 * 1024;
/// Reads of one sync before others get their turn.
pub const SYNC_READS_PER_TURN: usize = 8;
/// Bytes waiting for a connection above which its sync waits.
pub const SYNC_WAIT_BYTES: usize = 96 * 1024;
/// Reads for a room that missed announcements, before its connections are told to come back.
pub const HEAL_ATTEMPTS_MAX: u32 = 8;
/// First wait between two such reads, milliseconds; doubles each time.
pub const HEAL_RETRY_MS: u64 = 20;
/// Conversations somebody left that a shard remembers while they are connected.
pub const LEFT_REMEMBERED_MAX: usize = 64;

/// Between two flushes of the marks that sending implies, milliseconds.
pub const IMPLIED_MARKS_FLUSH_MS: u64 = 1_000;
/// Default: between two flushes of read and delivered marks, milliseconds.
pub const MARKS_FLUSH_MS: u64 = 200;
/// Marks in one change.
pub const MARKS_BATCH_MAX: usize = 1_000;
/// Marks of one shard that wait; more are told to slow down.
pub const MARKS_WAITING_MAX: usize = 20_000;
/// Between two typing notices of one connection in one conversation, milliseconds.
pub const TYPING_EVERY_MS: u64 = 2_000;
/// Conversations in which one connection types at a time.
pub const TYPING_CONVERSATIONS_MAX: usize = 8;
/// Members up to which typing is shown.
pub const TYPING_MEMBERS_MAX: u64 = 250;
/// Ephemeral news of one shard that wait; more are dropped.
pub const NEWS_WAITING_MAX: usize = 8_192;
/// Between two records of when people were last seen, milliseconds.
pub const SEEN_FLUSH_MS: u64 = 5_000;
/// People in one such record.
pub const SEEN_BATCH_MAX: usize = 1_000;
/// Life of a connection's entry in the directory without renewal, milliseconds.
pub const LEASE_MS: u64 = 120_000;
/// Between two renewals, milliseconds.
pub const LEASE_RENEW_MS: u64 = 40_000;
/// Who was seen within this time before a node ended is told to have gone with it, milliseconds.
pub const GONE_LATELY_MS: u64 = 10 * 60 * 1_000;
/// Connections renewed at once.
pub const LEASE_BATCH_MAX: usize = 1_000;

/// Pings without any sign of life before a connection is closed.
pub const PINGS_UNANSWERED_MAX: u8 = 2;
/// Turns of the heartbeat wheel per heartbeat.
pub const HEARTBEAT_SLICES: u32 = 30;
/// Time for a peer to answer a close frame, milliseconds.
pub const CLOSE_MS: u64 = 10_000;
/// Between two looks at whether a drain is done, milliseconds.
pub const DRAIN_LOOK_MS: u64 = 10;
/// Default: time for a drain, milliseconds.
pub const DRAIN_MS: u64 = 10_000;
/// Default: the longest wait before a client reconnects after `reconnect`, milliseconds; each gets a random part.
pub const RECONNECT_SPREAD_MS: u64 = 3_000;
