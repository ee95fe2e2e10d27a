//! What nodes say to each other: announcements one after the other, each with its length before it.
//! Invariant: what this version writes the next one reads, because both run while a new version is rolled out; the
//! encoding is that of the queues, whose variants and fields are only ever appended.

use bytes::Bytes;
use chat::Announcement;

use crate::limits::ANNOUNCED_BYTES_MAX;

/// Where a node takes announcements; `{node}` is the node that is meant, and a body without any says that something
/// before was lost.
pub(super) const ROUTE: &str = "/announce/v1/{node}";

/// The batch in bodies of bounded size, each with at least one announcement.
pub(super) fn pieces<'a>(
    batch: impl IntoIterator<Item = &'a Announcement>,
) -> Result<Vec<Bytes>, postcard::Error> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for announcement in batch {
        let bytes = postcard::to_stdvec(announcement)?;
        let length = u32::try_from(bytes.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
        if !piece.is_empty() && piece.len() + bytes.len() + 4 > ANNOUNCED_BYTES_MAX {
            pieces.push(std::mem::take(&mut piece).into());
        }
        piece.extend(length.to_be_bytes());
        piece.extend(bytes);
    }
    if !piece.is_empty() {
        pieces.push(piece.into());
    }
    Ok(pieces)
}

/// What a body holds; `None` when it is not of ours.
pub(super) fn read(mut body: &[u8]) -> Option<Vec<Announcement>> {
    let mut batch = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        batch.push(postcard::from_bytes(bytes).ok()?);
        body = rest;
    }
    Some(batch)
}

#[cfg(test)]
mod tests {
    use chat::{ConversationId, UserId};

    use super::*;

    fn typing(number: u128) -> Announcement {
        Announcement::Typing {
            conversation: ConversationId::from_u128(number),
            user: UserId::from_u128(number),
        }
    }

    #[test]
    fn pieces_hold_everything_in_order_and_none_is_too_large() {
        let batch: Vec<_> = (0..40_000).map(typing).collect();
        let pieces = pieces(&batch).unwrap();
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= ANNOUNCED_BYTES_MAX));
        assert_eq!(pieces.iter().flat_map(|piece| read(piece).unwrap()).collect::<Vec<_>>(), batch);
        assert!(super::pieces(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_cut_or_strange_is_refused() {
        let piece = pieces(&[typing(1), typing(2)]).unwrap().remove(0);
        assert!(read(&piece[..piece.len() - 1]).is_none());
        assert!(read(&[0, 0, 0, 1, 255]).is_none());
        assert!(read(b"hi").is_none());
        assert_eq!(read(&[]), Some(Vec::new()));
    }
}
