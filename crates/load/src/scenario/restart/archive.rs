//! All rooms as their history says they are, read over HTTP.
//! Believes nothing it was told live: only what is stored counts here.

use std::net::SocketAddr;

use crate::{
    client::{
        http::{HttpClient, Request},
        scan, tag,
    },
    error::{LoadError, Result},
    limits::PAGE_EVENTS,
    population::{Population, Room},
    report::Check,
};

/// Ids and sequences of everything stored.
#[derive(Debug)]
pub(super) struct Archive {
    /// Ids of each room's events, in their order.
    rooms: Vec<Vec<u128>>,
    events: u64,
    gaps: u64,
}

const ID: &[u8] = br#""clientMessageId":""#;
const SEQ: &[u8] = br#""seq":"#;

impl Archive {
    /// Reads every room from its first event to its last.
    pub(super) fn read(target: SocketAddr, population: &Population) -> Result<Archive> {
        let mut http = HttpClient::new(target);
        let mut archive = Archive { rooms: Vec::new(), events: 0, gaps: 0 };
        for room in &population.rooms {
            let ids = archive.read_room(&mut http, room, &population.users[room.members[0]].token)?;
            archive.rooms.push(ids);
        }
        Ok(archive)
    }

    fn read_room(&mut self, http: &mut HttpClient, room: &Room, token: &str) -> Result<Vec<u128>> {
        let (mut ids, mut last) = (Vec::new(), 0);
        loop {
            let path =
                format!("/v1/conversations/{}/events?after={last}&limit={PAGE_EVENTS}", room.conversation);
            let response =
                http.send(Request { method: "GET", path: &path, token: Some(token), body: None })?;
            if response.status != 200 {
                return Err(LoadError::Protocol(format!("{path} was answered {}", response.status)));
            }
            let before = last;
            for at in memchr::memmem::find_iter(response.body, SEQ) {
                let seq = scan::number(&response.body[at + SEQ.len()..]).unwrap_or(0);
                self.gaps += u64::from(seq != last + 1);
                self.events += 1;
                last = seq.max(last);
            }
            let found = memchr::memmem::find_iter(response.body, ID);
            ids.extend(found.filter_map(|at| tag::number_of(&response.body[at + ID.len()..])));
            if last == before {
                return Ok(ids);
            }
        }
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The last ids of each room.
    pub(super) fn last_of_each(&self, count: usize) -> impl Iterator<Item = (usize, &[u128])> {
        self.rooms.iter().enumerate().map(move |(room, ids)| (room, &ids[ids.len().saturating_sub(count)..]))
    }

    /// Every accepted id is stored once, and no log has a gap.
    pub(super) fn checks(&self, of: &str, accepted: &[u128]) -> Vec<Check> {
        let mut stored: Vec<u128> = self.rooms.iter().flatten().copied().collect();
        stored.sort_unstable();
        let doubled = stored.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        let found = accepted.iter().filter(|id| stored.binary_search(id).is_ok()).count() as u64;
        vec![
            Check::equal(
                format!("{of}: accepted messages that are stored (D1)"),
                accepted.len() as u64,
                found,
            ),
            Check::equal(format!("{of}: messages stored twice (D2)"), 0, doubled),
            Check::equal(format!("{of}: gaps in the logs (D3)"), 0, self.gaps),
        ]
    }
}
