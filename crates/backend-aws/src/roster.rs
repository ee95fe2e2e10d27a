//! The processes that hold sockets: which live, where each takes announcements, how many sockets it holds.
//! Invariant: a node counts as ended only by a look at the rows that came late enough to have shown it alive, so what is
//! announced is never kept from a node that has just begun (D4).

use std::sync::Arc;

use chat::{
    NodeId, TimestampMs,
    ports::{Clock, PortError},
};
use parking_lot::Mutex;

use crate::{
    codec::from_hex,
    item::{Attributes, Item, Write, number, number_of, sort_of, text, text_of},
    keys,
    limits::{NODE_KEPT_MS, NODE_YOUNG_MS, NODES_LIFE_MS},
    table::{Range, Table},
};

/// When a lease ends.
pub(crate) const UNTIL: &str = "un";
/// Where a node can be told things.
const ADDRESS: &str = "ad";
/// How many sockets it holds.
const SOCKETS: &str = "so";
/// Whether it is on its way out.
const LEAVING: &str = "lv";

/// A process that holds sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub node: NodeId,
    /// Where it takes announcements, if it said so.
    pub address: Option<String>,
    /// Sockets it holds, as it said last.
    pub sockets: u64,
    /// It takes no new sockets and is about to end.
    pub leaving: bool,
}

/// Until when a node counts.
pub(crate) enum Life {
    /// It lives.
    Lives,
    /// It ended then: its row had run out.
    Ended(TimestampMs),
    /// It ended, and nothing is known of when.
    Unknown,
}

#[derive(Debug, Clone)]
struct Row {
    node: Node,
    until: TimestampMs,
}

/// All rows as they were at that time.
#[derive(Debug, Clone)]
struct Read {
    at: TimestampMs,
    rows: Vec<Row>,
}

/// The rows of all nodes. Clones share what was read.
#[derive(Clone)]
pub(crate) struct Roster {
    table: Table,
    clock: Arc<dyn Clock>,
    read: Arc<Mutex<Option<Read>>>,
    /// The node that keeps its row from this process.
    own: Arc<Mutex<Option<NodeId>>>,
}

impl Roster {
    pub(crate) fn new(table: Table, clock: Arc<dyn Clock>) -> Roster {
        Roster { table, clock, read: Arc::default(), own: Arc::default() }
    }

    /// Writes a node's row, good until then.
    pub(crate) async fn keep(&self, node: &Node, lease_until: TimestampMs) -> Result<(), PortError> {
        *self.own.lock() = Some(node.node);
        let mut item = Item::new(keys::node(node.node)).with(UNTIL, number(lease_until));
        if let Some(address) = &node.address {
            item = item.with(ADDRESS, text(address));
        }
        let item = item.with(SOCKETS, number(node.sockets)).with(LEAVING, number(node.leaving.into()));
        *self.read.lock() = None;
        self.table.write(item.expires(lease_until + NODE_KEPT_MS).put()).await.map(drop)
    }

    /// Removes a node's row: it holds nothing any more.
    pub(crate) async fn forget(&self, node: NodeId) -> Result<(), PortError> {
        *self.read.lock() = None;
        self.table.write(Write::delete(keys::node(node))).await.map(drop)
    }

    /// Keeps the row of a node for as long as its connections, unless the node keeps it itself.
    pub(crate) async fn renew(&self, node: NodeId, lease_until: TimestampMs) -> Result<(), PortError> {
        if *self.own.lock() == Some(node) {
            return Ok(());
        }
        let later = Write::update(keys::node(node), "SET un = :un", [(":un", number(lease_until))]);
        let later = later.only_if("attribute_not_exists(ad) AND (attribute_not_exists(un) OR un < :un)", []);
        if self.table.write(later).await? {
            let mut read = self.read.lock();
            let known = read.as_mut().and_then(|read| read.rows.iter_mut().find(|row| row.node.node == node));
            match known {
                Some(row) => row.until = row.until.max(lease_until),
                None => *read = None,
            }
        }
        Ok(())
    }

    /// Nodes that live, as of a second ago at most.
    pub(crate) async fn living(&self) -> Result<Vec<Node>, PortError> {
        let now_ms = self.clock.now_ms();
        let read = self.read_since(now_ms.saturating_sub(NODES_LIFE_MS)).await?;
        Ok(read.rows.into_iter().filter(|row| row.until > now_ms).map(|row| row.node).collect())
    }

    /// Whether a node lives.
    pub(crate) async fn life(&self, node: NodeId) -> Result<Life, PortError> {
        let now_ms = self.clock.now_ms();
        let mut read = self.read_since(now_ms.saturating_sub(NODES_LIFE_MS)).await?;
        if read.at < begun_at(node).saturating_add(NODE_YOUNG_MS) && read.row(node).is_none() {
            // It may have begun after that look.
            read = self.read_since(now_ms).await?;
        }
        Ok(match read.row(node) {
            Some(row) if row.until > now_ms => Life::Lives,
            Some(row) => Life::Ended(row.until),
            None => Life::Unknown,
        })
    }

    async fn read_since(&self, at: TimestampMs) -> Result<Read, PortError> {
        let known = self.read.lock().clone().filter(|read| read.at > at);
        if let Some(read) = known {
            return Ok(read);
        }
        let now_ms = self.clock.now_ms();
        let items = self.table.query(&Range::prefix(keys::NODES, ""), usize::MAX).await?;
        let rows = items.iter().map(row_of).collect::<Result<_, PortError>>()?;
        let read = Read { at: now_ms, rows };
        *self.read.lock() = Some(read.clone());
        Ok(read)
    }
}

impl Read {
    fn row(&self, node: NodeId) -> Option<&Row> {
        self.rows.iter().find(|row| row.node.node == node)
    }
}

fn row_of(item: &Attributes) -> Result<Row, PortError> {
    let node = Node {
        node: NodeId::from_u128(from_hex("node", sort_of(item))?),
        address: text_of(item, ADDRESS).map(str::to_owned),
        sockets: number_of(item, SOCKETS).unwrap_or(0),
        leaving: number_of(item, LEAVING) == Some(1),
    };
    Ok(Row { node, until: number_of(item, UNTIL).unwrap_or(0) })
}

/// When a process began, milliseconds since 1970: its id carries it.
fn begun_at(node: NodeId) -> TimestampMs {
    u64::try_from(node.as_u128() >> 80).unwrap_or(u64::MAX)
}
