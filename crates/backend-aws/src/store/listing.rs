//! Lists of everything of a kind by id: a few partitions each, merged on reading, so that none is written by everybody.
//! Knows no kind; ids are 128 bits, and every list is in their order.

use chat::ports::PortError;
use futures_util::future::try_join_all;

use crate::{
    codec::{from_hex, hex},
    item::{Item, Key, Write, sort_of},
    keys,
    limits::LISTING_SHARDS,
    table::{Range, Table},
};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing(&'static str);

/// All conversations.
pub(crate) const CONVERSATIONS: Listing = Listing("CV");
/// Public channels.
pub(crate) const CHANNELS: Listing = Listing("CH");
/// Uploads that no message shows.
pub(crate) const LOOSE_UPLOADS: Listing = Listing("LF");

impl Listing {
    fn key(self, id: u128) -> Key {
        let bytes = id.to_be_bytes();
        // The end of an id is random; its beginning is a time.
        Key::new(keys::listing(self.0, bytes[15] % LISTING_SHARDS), hex(&bytes))
    }

    pub(crate) fn add(self, id: u128) -> Write {
        self.item(id).put()
    }

    /// What stands in the list.
    pub(crate) fn item(self, id: u128) -> Item {
        Item::new(self.key(id))
    }

    pub(crate) fn remove(self, id: u128) -> Write {
        Write::delete(self.key(id))
    }

    /// Ids in their order after this one.
    pub(crate) async fn page(
        self,
        table: &Table,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<u128>, PortError> {
        let ranges: Vec<Range> = (0..LISTING_SHARDS)
            .map(|shard| {
                let range = Range::prefix(keys::listing(self.0, shard), "");
                after.map_or(range.clone(), |after| range.after(&hex(&after.to_be_bytes())))
            })
            .collect();
        let parts = try_join_all(ranges.iter().map(|range| table.query(range, limit))).await?;
        let mut ids = parts
            .iter()
            .flatten()
            .map(|item| from_hex("listing", sort_of(item)))
            .collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable();
        ids.truncate(limit);
        Ok(ids)
    }
}
