//! Turns the bytes of a client into messages, in place: what arrives in one frame is never copied.
//! Invariant: between messages a reader holds no memory; a message or frame above the limit is refused by its header,
//! before its bytes are waited for.

use super::frame::{Header, OpCode, Violation, unmask};

/// One thing a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A complete text message.
    Text(&'a str),
    /// A complete binary message: its length in bytes.
    Binary(usize),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// An answer to a ping.
    Pong,
    /// The closing handshake, with its code if it had one.
    Close(Option<u16>),
}

/// Reads the frames of one connection.
#[derive(Debug, Default)]
pub struct Reader {
    message: Option<Box<Fragments>>,
}

/// A message of which not all fragments have come.
#[derive(Debug)]
struct Fragments {
    is_text: bool,
    is_whole: bool,
    bytes: Vec<u8>,
    /// Up to here `bytes` is known to be UTF-8.
    valid_bytes: usize,
}

impl Reader {
    /// Reads one frame from the front of `buffer`, whose masks it takes off. Returns how many bytes it used, 0 while
    /// the frame is incomplete, and what it means, `None` for a fragment of a message that goes on. Messages may have
    /// at most `bytes_max` bytes.
    ///
    /// # Errors
    /// The rule that the peer broke; the connection has to be failed.
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
        bytes_max: usize,
    ) -> Result<(usize, Option<Incoming<'a>>), Violation> {
        if self.message.as_ref().is_some_and(|message| message.is_whole) {
            self.message = None;
        }
        let Some(header) = Header::parse(buffer)? else { return Ok((0, None)) };
        let length = self.check(&header, bytes_max)?;
        let end = header.header_bytes + length;
        let Some(payload) = buffer.get_mut(header.header_bytes..end) else { return Ok((0, None)) };
        unmask(payload, header.mask);
        let incoming = match header.opcode {
            OpCode::Ping => Some(Incoming::Ping(payload)),
            OpCode::Pong => Some(Incoming::Pong),
            OpCode::Close => Some(Incoming::Close(close_code(payload)?)),
            OpCode::Text if header.is_final => Some(Incoming::Text(text(payload)?)),
            OpCode::Binary if header.is_final => Some(Incoming::Binary(length)),
            OpCode::Text | OpCode::Binary => {
                self.message = Some(Box::new(Fragments::begin(header.opcode, payload)?));
                None
            }
            OpCode::Continuation => self.go_on(payload, header.is_final)?,
        };
        Ok((end, incoming))
    }

    /// Whether a message has begun that has not ended.
    #[must_use]
    pub fn is_inside_message(&self) -> bool {
        self.message.as_ref().is_some_and(|message| !message.is_whole)
    }

    /// Whether the frame may come now, and its length when it is within the limit.
    fn check(&self, header: &Header, bytes_max: usize) -> Result<usize, Violation> {
        let before = self.message.as_ref().map(|message| message.bytes.len());
        match (header.opcode, before) {
            (OpCode::Continuation, None) => return Err(Violation::NothingToContinue),
            (OpCode::Text | OpCode::Binary, Some(_)) => return Err(Violation::InterleavedMessage),
            _ => {}
        }
        let length = usize::try_from(header.payload_bytes).map_err(|_| Violation::TooLarge)?;
        let so_far = if header.opcode == OpCode::Continuation { before.unwrap_or(0) } else { 0 };
        if so_far.saturating_add(length) > bytes_max && !header.opcode.is_control() {
            return Err(Violation::TooLarge);
        }
        Ok(length)
    }

    fn go_on(&mut self, payload: &[u8], is_final: bool) -> Result<Option<Incoming<'_>>, Violation> {
        let message = self.message.as_mut().ok_or(Violation::NothingToContinue)?;
        message.add(payload, is_final)?;
        if !is_final {
            return Ok(None);
        }
        message.is_whole = true;
        if !message.is_text {
            return Ok(Some(Incoming::Binary(message.bytes.len())));
        }
        Ok(Some(Incoming::Text(text(&message.bytes)?)))
    }
}

impl Fragments {
    fn begin(opcode: OpCode, payload: &[u8]) -> Result<Fragments, Violation> {
        let is_text = opcode == OpCode::Text;
        let mut message = Fragments { is_text, is_whole: false, bytes: Vec::new(), valid_bytes: 0 };
        message.add(payload, false)?;
        Ok(message)
    }

    /// Text that can never become valid is refused at once, not when its last fragment comes.
    fn add(&mut self, payload: &[u8], is_final: bool) -> Result<(), Violation> {
        self.bytes.extend_from_slice(payload);
        if !self.is_text {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.valid_bytes..]) {
            Ok(_) => self.valid_bytes = self.bytes.len(),
            Err(error) if error.error_len().is_some() || is_final => return Err(Violation::NotUtf8),
            Err(error) => self.valid_bytes += error.valid_up_to(),
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| Violation::NotUtf8)
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::CloseLength) };
    };
    let code = u16::from_be_bytes(*code);
    text(reason)?;
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Some(code)),
        _ => Err(Violation::CloseCode),
    }
}
