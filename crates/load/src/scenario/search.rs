//! Searching: how long a page of results takes over one kept HTTP connection, permissions included.
//! The rooms are all the reader's but one in ten, the words are as uneven as those of a language.

use std::time::{Duration, Instant};

use super::{Crowd, Setting};
use crate::{
    client::http::{HttpClient, Request},
    clock::RunClock,
    error::{LoadError, Result},
    measure::{CpuWindow, Latencies},
    report::{Check, Scenario},
};

/// Sizes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Messages in all rooms together.
    pub messages: u64,
    /// Searches of each kind.
    pub searches: u64,
}

/// Rooms; the reader is in nine of ten.
const ROOMS: usize = 50;
/// People who write, besides the reader.
const WRITERS: usize = 20;
/// Different texts, each sent many times.
const TEXTS: u64 = 500;
/// Words of one text.
const WORDS: u64 = 14;
/// Words there are.
const VOCABULARY: u64 = 30_000;
/// Messages under way while filling.
const FILLING: usize = 256;
/// Longest wait for everything to be found.
const INDEXING: Duration = Duration::from_secs(300);
/// Pause between two looks whether everything is found.
const LOOK: Duration = Duration::from_millis(100);
/// In the last message alone.
const LAST: &str = "zzlastofall";

/// Runs it.
///
/// # Errors
/// When the server cannot be used.
pub fn run(setting: &Setting, options: &Options) -> Result<Scenario> {
    let mut scenario =
        Scenario::new("search", "pages of 20 results over one kept HTTP connection, one after the other");
    scenario.parameter("messages", options.messages);
    scenario.parameter("rooms", ROOMS);
    scenario.parameter("searches of each kind", options.searches);
    let mut crowd = setting.gather(setting.populate(WRITERS + 1, shapes())?, WRITERS + 1)?;
    let began = Instant::now();
    fill(&mut crowd, options.messages, &mut scenario)?;
    scenario.figure(
        "filling: messages per second",
        options.messages as f64 / began.elapsed().as_secs_f64(),
        "1/s",
    );
    let token = crowd.population.users[0].token.clone();
    let mut reader = Reader { http: HttpClient::new(setting.target), token, wrong: 0 };
    let waited = Instant::now();
    reader.until_found()?;
    scenario.figure("all found after the last message", waited.elapsed().as_secs_f64(), "s");
    let room = crowd.conversations[0].clone();
    let kinds: [(&str, &dyn Fn(u64) -> Query); 6] = [
        ("rare word", &|n| Query::words(&[word(2_000 + n * 7_919 % (VOCABULARY - 2_000))])),
        ("common word", &|n| Query::words(&[word(n % 20)])),
        ("two words", &|n| Query::words(&[word(n % 50), word(50 + n % 100)])),
        ("phrase", &|n| Query::phrase(n % TEXTS)),
        ("beginning of a word", &|n| Query::beginning(&word(100 + n % 1_000))),
        ("common word in one room", &|n| Query::words(&[word(n % 20), format!("in:{room}")])),
    ];
    let mut all = Latencies::default();
    for (name, query) in kinds {
        let cpu = CpuWindow::begin(setting.server_pid);
        let latencies = reader.search(options.searches, query, &mut all)?;
        scenario.usage(name, cpu.end(), options.searches, "searches");
        scenario.latency(name, latencies.summary());
    }
    scenario.latency("all", all.summary());
    scenario.checks.push(Check::equal("wrong results", 0, reader.wrong));
    Ok(scenario)
}

/// Every room has three writers, and the reader in nine of ten.
fn shapes() -> Vec<Vec<usize>> {
    let members = |room: usize| {
        let writers = (0..3).map(|nth| 1 + (room + nth * 7) % WRITERS);
        let reader = (room % 10 != 9).then_some(0);
        writers.chain(reader).collect()
    };
    (0..ROOMS).map(members).collect()
}

/// Sends one text after the other, each from every room, and the last message of all from the reader.
fn fill(crowd: &mut Crowd, messages: u64, scenario: &mut Scenario) -> Result<()> {
    let senders: Vec<(usize, usize)> = (0..ROOMS).map(|room| (1 + room % WRITERS, room)).collect();
    let mut sent = 0;
    for number in 0..TEXTS {
        let until = messages * (number + 1) / TEXTS;
        crowd.setting.body = text(number);
        let (_, checks) = crowd.fill(&senders, until - sent, FILLING)?;
        scenario.checks.extend(checks.into_iter().filter(|check| !check.ok));
        sent = until;
    }
    crowd.setting.body = format!("{LAST} {}", word(0));
    let (_, checks) = crowd.fill(&[(0, 0)], 1, 1)?;
    scenario.checks.extend(checks);
    Ok(())
}

/// One of the texts: words by Zipf's law.
fn text(number: u64) -> String {
    (0..WORDS).map(|nth| word(rank(number * WORDS + nth))).collect::<Vec<_>>().join(" ")
}

/// A word's rank: the n-th is about n times as rare as the first.
fn rank(number: u64) -> u64 {
    let uniform = (mix(number) >> 11) as f64 / (1_u64 << 53) as f64;
    let rank = (VOCABULARY as f64).powf(uniform) - 1.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 30,000")]
    let rank = rank as u64;
    rank
}

/// A word of letters, different for each rank.
fn word(rank: u64) -> String {
    let (mut rest, mut word) = (rank, String::from("w"));
    loop {
        word.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or_default()));
        rest /= 26;
        if rest == 0 {
            return word;
        }
    }
}

fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

struct Query {
    /// As it stands in the path.
    text: String,
    /// Has to stand in every result.
    expected: String,
}

impl Query {
    fn words(words: &[String]) -> Query {
        Query { text: words.join("+"), expected: words[0].clone() }
    }

    fn phrase(number: u64) -> Query {
        let text = text(number);
        let two: Vec<&str> = text.split(' ').take(2).collect();
        Query { text: format!("%22{}%22", two.join("+")), expected: two.join(" ") }
    }

    fn beginning(word: &str) -> Query {
        let beginning = word[..word.len().min(3)].to_owned();
        Query { text: format!("{beginning}*"), expected: beginning }
    }
}

struct Reader {
    http: HttpClient,
    token: String,
    wrong: u64,
}

impl Reader {
    fn ask(&mut self, query: &str) -> Result<&[u8]> {
        let path = format!("/v1/search?q={query}&limit=20");
        let request = Request { method: "GET", path: &path, token: Some(&self.token), body: None };
        let response = self.http.send(request)?;
        if response.status != 200 {
            let body = String::from_utf8_lossy(response.body).into_owned();
            return Err(LoadError::Refused { method: "GET", path, status: response.status, body });
        }
        Ok(response.body)
    }

    fn until_found(&mut self) -> Result<()> {
        let began = Instant::now();
        while memchr::memmem::find(self.ask(LAST)?, br#""kind":"#).is_none() {
            if began.elapsed() > INDEXING {
                return Err(LoadError::Protocol("the last message is not found".into()));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn search(
        &mut self,
        searches: u64,
        query: &dyn Fn(u64) -> Query,
        all: &mut Latencies,
    ) -> Result<Latencies> {
        let clock = RunClock::start();
        let mut latencies = Latencies::default();
        for number in 0..searches {
            let Query { text, expected } = query(number);
            let began_ns = clock.now_ns();
            let body = self.ask(&text)?;
            let took_ns = clock.now_ns() - began_ns;
            let wrong = wrong_results(body, &expected);
            latencies.record(took_ns);
            all.record(took_ns);
            self.wrong += wrong;
        }
        Ok(latencies)
    }
}

/// Results whose body does not have what was searched for.
fn wrong_results(page: &[u8], expected: &str) -> u64 {
    let needle = br#""body":""#;
    let bodies = memchr::memmem::find_iter(page, needle).map(|at| {
        let body = &page[at + needle.len()..];
        &body[..memchr::memchr(b'"', body).unwrap_or(body.len())]
    });
    bodies.filter(|body| memchr::memmem::find(body, expected.as_bytes()).is_none()).count() as u64
}
