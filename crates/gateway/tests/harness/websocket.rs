//! What the fuzzer and the replay of its corpus do with one input: any bytes as the frames of a client, in any pieces.
//! The reader never panics, never holds more than its limit, and finds the same however the bytes arrive. Compiles the
//! module alone, without the sockets and TLS around it.

#[path = "../../src/websocket/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "the module is larger than its reader"
)]
mod websocket;

use websocket::{Incoming, Reader, Violation};

const BYTES_MAX: usize = 4 * 1024;

/// What was read.
#[derive(Debug, PartialEq)]
enum Read {
    Text(String),
    Other(u8, usize),
    Failed(Violation),
}

fn read(bytes: &[u8], size: usize) -> Vec<Read> {
    let (mut reader, mut pending, mut found) = (Reader::default(), Vec::new(), Vec::new());
    for chunk in bytes.chunks(size) {
        pending.extend_from_slice(chunk);
        let (mut used, length) = (0, pending.len());
        loop {
            match reader.read(&mut pending[used..], BYTES_MAX) {
                Ok((0, _)) => break,
                Ok((count, incoming)) => {
                    used += count;
                    assert!(used <= length);
                    found.extend(incoming.map(|incoming| match incoming {
                        Incoming::Text(text) => {
                            assert!(text.len() <= BYTES_MAX);
                            Read::Text(text.to_owned())
                        }
                        Incoming::Binary(length) => Read::Other(1, length),
                        Incoming::Ping(payload) => Read::Other(2, payload.len()),
                        Incoming::Pong => Read::Other(3, 0),
                        Incoming::Close(code) => Read::Other(4, usize::from(code.unwrap_or_default())),
                    }));
                }
                Err(violation) => {
                    found.push(Read::Failed(violation));
                    return found;
                }
            }
        }
        pending.drain(..used);
        // What is incomplete is a header, or a frame within the limit.
        assert!(pending.len() <= BYTES_MAX + 14);
    }
    found
}

/// Reads the input whole, and in pieces whose size its first byte says.
pub(crate) fn check(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else { return };
    let whole = read(bytes, usize::MAX);
    assert_eq!(read(bytes, usize::from(*size) + 1), whole);
}
