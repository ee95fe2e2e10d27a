//! Frames: what clients send, what they get, and how both become bytes.
//! The types here are the wire's, not the chat's; conversions to and from `chat` are written by hand beside them.

pub mod client;
mod decode;
pub mod event;
mod news;
mod pages;
pub mod server;
mod value;

pub use self::{
    client::{ClientFrame, Request},
    decode::{FrameError, decode},
    event::ChatEvent,
    pages::{event_frame, event_pages, presence_frames},
    server::{DecodeError, ServerFrame},
};
