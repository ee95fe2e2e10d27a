//! The client side of the wire: WebSocket frames, HTTP requests, tags, and a cheap look into server frames.
//! Knows bytes alone: no sockets of the measured loop, no scenario.

pub mod frame;
pub mod http;
pub mod scan;
pub mod tag;
pub mod upgrade;
