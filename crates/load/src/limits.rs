//! Every bound of the generator, with its unit.
//! Bounds of the server are not known here: they are found out from its answers.

/// Bytes read from a socket with one call, into a buffer that all connections of a worker share.
pub const READ_BYTES: usize = 256 * 1024;
/// Ready sockets taken from the kernel at a time.
pub const READY_EVENTS: usize = 1_024;
/// Largest frame accepted from a server, bytes.
pub const FRAME_BYTES_MAX: u64 = 256 * 1024;
/// Largest answer to the upgrade, bytes.
pub const UPGRADE_BYTES_MAX: usize = 16 * 1024;
/// Bytes that wait for one socket before its sender must pause.
pub const UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// Largest HTTP answer, bytes.
pub const HTTP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for one HTTP answer, milliseconds.
pub const HTTP_TIMEOUT_MS: u64 = 30_000;
/// Attempts at one HTTP request that is answered `slow_down`.
pub const HTTP_ATTEMPTS_MAX: u32 = 20;
/// Longest pause the generator takes because it was told to slow down, milliseconds.
pub const HTTP_PAUSE_MS_MAX: u64 = 5_000;
/// HTTP connections used to set a scenario up.
pub const SETUP_CONNECTIONS: usize = 8;
/// Members named by one request, as the server documents it.
pub const MEMBERS_PER_REQUEST: usize = 500;
/// Events of one history page, as the server documents it.
pub const PAGE_EVENTS: u64 = 500;
/// Connections that are being opened at a time, outside a reconnect storm.
pub const OPENING_MAX: usize = 256;
/// Longest wait for all connections to be open and synced, milliseconds.
pub const JOIN_TIMEOUT_MS: u64 = 120_000;
/// Longest wait for the last deliveries after the last send, milliseconds.
pub const DRAIN_TIMEOUT_MS: u64 = 15_000;
/// The same where the server may refuse and cut off, so that some deliveries never come, milliseconds.
pub const HOSTILE_DRAIN_MS: u64 = 2_000;
/// A run in which nothing arrives for so long ends, milliseconds.
pub const SILENCE_TIMEOUT_MS: u64 = 20_000;
/// Longest wait for a started server to say where it listens, milliseconds.
pub const START_TIMEOUT_MS: u64 = 60_000;
/// Longest wait for a server to end after it was asked to, milliseconds.
pub const STOP_TIMEOUT_MS: u64 = 20_000;
/// Failed checks that are kept with their details.
pub const EXAMPLES_MAX: usize = 10;
/// Longest latency that is told apart, milliseconds.
pub const LATENCY_MS_MAX: u64 = 120_000;
/// Rooms of one user, so that one `synced` names all of them.
pub const ROOMS_PER_USER: usize = 300;
/// Worker threads.
pub const WORKERS_MAX: usize = 64;
/// Rooms of one run: a tag has 20 bits for them.
pub const ROOMS_MAX: usize = 1 << 20;
/// Users of one run.
pub const USERS_MAX: usize = 1_000_000;
/// Connections of one run; the limit of open files usually comes first.
pub const CONNECTIONS_MAX: usize = 1_000_000;
/// Messages of one run.
pub const MESSAGES_MAX: u64 = 100_000_000;
/// Offered messages a second.
pub const RATE_MAX: u64 = 10_000_000;
/// Length of one measured window, milliseconds.
pub const WINDOW_MS_MAX: u64 = 10 * 60 * 1_000;
/// Body of a message, bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Shortest pause between two looks at the schedule of an open loop, nanoseconds: sends that fall between leave together.
pub const SCHEDULE_STEP_NS: u64 = 200_000;
