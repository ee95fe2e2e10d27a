//! The generation of a history, and the region that is its home: the one in which all its conversations are written.
//! Invariant: in a table of several regions the last writer of an item wins, so only the home writes messages (D3). A
//! move to another region raises the epoch, because what the old one wrote last may be missing there (D4).

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use chat::{
    Epoch,
    ports::{ErrorKind, PortError, Randomness},
};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    codec::{from_hex, hex},
    error::{corrupt, plain},
    item::{Attributes, Item, text, text_of},
    jitter::Jitter,
    keys,
    limits::HOME_LIFE_MS,
    moving::check_whole,
    table::Table,
    usage::Usage,
};

/// The generation.
pub(crate) const EPOCH: &str = "e";
/// The home. Tables from before there was one have none, and then any region is.
pub(crate) const HOME: &str = "hr";

/// Messages are written elsewhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "the home of this history is {home}, and this is {here}: only one region may write. When {home} is lost, or stopped \
     for good, run `dynamowave aws take-over` here"
)]
struct Elsewhere {
    home: String,
    here: String,
}

/// What a move of the home came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The home before, if there was one.
    pub from: Option<String>,
    /// The home now.
    pub to: String,
    /// Whether it was that before.
    pub already: bool,
}

/// Whether this region still is the home, looked at now and then.
#[derive(Debug)]
pub(crate) struct Home {
    region: String,
    looked: Mutex<Instant>,
}

impl Home {
    /// The home was just read.
    pub(crate) fn new(sdk: &SdkConfig) -> Home {
        Home { region: region_of(sdk), looked: Mutex::new(Instant::now()) }
    }

    /// The item of the epoch, with this region as home.
    pub(crate) fn item(&self, epoch: u128) -> Item {
        epoch_item(epoch, &self.region)
    }

    /// Refuses to write where the home has moved away.
    pub(crate) async fn check(&self, main: &Table) -> Result<(), PortError> {
        if self.looked.lock().elapsed() < Duration::from_millis(HOME_LIFE_MS) {
            return Ok(());
        }
        if let Some(item) = main.get(&keys::epoch()).await? {
            is_here(&item, &self.region, ErrorKind::Unavailable)?;
        }
        *self.looked.lock() = Instant::now();
        Ok(())
    }
}

/// The item that holds both.
pub(crate) fn epoch_item(epoch: u128, home: &str) -> Item {
    Item::new(keys::epoch()).with(EPOCH, text(&hex(&epoch.to_be_bytes()))).with(HOME, text(home))
}

/// The generation of the history. Read, and only where there is none made: so that of all programs only those that meet
/// a new installation first have to be allowed to.
pub(crate) async fn open(
    main: &Table,
    jitter: &Jitter,
    home: &Home,
    is_to_be_served: bool,
) -> Result<Epoch, PortError> {
    if is_to_be_served {
        check_whole(main.get(&keys::arrival()).await?.as_ref())?;
    }
    let item = match main.get(&keys::epoch()).await? {
        Some(item) => item,
        None => {
            // Somebody else may be quicker: what is there then counts.
            main.write(home.item(jitter.nonce()).put_new()).await?;
            main.get(&keys::epoch()).await?.ok_or_else(|| corrupt("epoch", "it is not there"))?
        }
    };
    if is_to_be_served {
        is_here(&item, &home.region, ErrorKind::Unsupported)?;
    }
    Ok(Epoch::from_u128(from_hex("epoch", text_of(&item, EPOCH).unwrap_or_default())?))
}

/// Makes the region of `sdk` the home of the history in its replica of this table. Safe to repeat.
///
/// # Errors
/// As those of the table; `Conflict` when somebody else moves it meanwhile, `Corrupt` when no history began in it.
pub async fn take_over(
    sdk: &SdkConfig,
    main_table: &str,
    randomness: Arc<dyn Randomness>,
) -> Result<TakenOver, PortError> {
    let (jitter, to) = (Jitter::new(randomness), region_of(sdk));
    let client = aws_sdk_dynamodb::Client::new(sdk);
    let main = Table::new(client, main_table, Arc::new(Usage::default()), jitter.clone());
    let item = main.get(&keys::epoch()).await?.ok_or_else(|| corrupt("epoch", "it is not there"))?;
    let from = text_of(&item, HOME).map(str::to_owned);
    if from.as_ref() == Some(&to) {
        return Ok(TakenOver { from, to, already: true });
    }
    let before = text_of(&item, EPOCH).unwrap_or_default();
    let moved = epoch_item(jitter.nonce(), &to).put().only_if("e = :e", [(":e", text(before))]);
    if main.write(moved).await? {
        Ok(TakenOver { from, to, already: false })
    } else {
        Err(plain(ErrorKind::Conflict, "aws.take_over (somebody else moves it)"))
    }
}

fn is_here(item: &Attributes, here: &str, otherwise: ErrorKind) -> Result<(), PortError> {
    match text_of(item, HOME) {
        Some(home) if home != here => {
            let elsewhere = Elsewhere { home: home.to_owned(), here: here.to_owned() };
            Err(plain(otherwise, "aws.home").caused_by(elsewhere))
        }
        _ => Ok(()),
    }
}

/// The region that a program is in.
pub(crate) fn region_of(sdk: &SdkConfig) -> String {
    sdk.region().map(ToString::to_string).unwrap_or_default()
}
