//! The home that is moved out of or into, opened by what the command line names, with nobody else in it.
//! Serves nobody. Invariant: what was accepted and not applied when an embedded home stopped is applied before it is
//! read.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use backend_embedded::Embedded;
use chat::ports::{Clock, Randomness, Settlement};
use moving::{House, ImportOptions, Manifest};
use object_store::ObjectStore;

use super::HomeArgs;
use crate::{
    clock::{SystemClock, SystemRandomness},
    compose,
    config::Config,
    home,
    limits::{DRAIN_WAIT_MS, DRAINED_AT_ONCE},
    serve,
};

/// An open home.
pub(super) struct Home {
    house: House,
    /// To be closed, if it is one.
    embedded: Option<Embedded>,
}

impl HomeArgs {
    /// The configuration with the data folder over it.
    pub(super) fn load(&self) -> Result<Config> {
        let data = self.data.iter().map(|data| ("server.data".to_owned(), data.clone()));
        self.config.load(&data.collect::<Vec<_>>())
    }

    /// The files of the home alone: its store may be in use.
    pub(super) fn files(&self, config: &Config) -> Result<Arc<dyn ObjectStore>> {
        #[cfg(feature = "aws")]
        if self.backend.is_some() {
            return crate::nodes::files(config);
        }
        check_is_home(&config.server.data)?;
        Ok(Arc::new(serve::files(config, &home::Home::at(&config.server.data))?))
    }

    /// What to do after an import.
    pub(super) fn how_to_start(&self) -> String {
        #[cfg(feature = "aws")]
        if self.backend.is_some() {
            return "Now start the gateways, persisters and notifiers, or let the functions work.".to_owned();
        }
        let data = self.data.as_deref().unwrap_or("./data");
        format!("Start it with: dynamowave serve --data {data}")
    }
}

impl Home {
    /// Opens a home to read it out.
    #[cfg_attr(not(feature = "aws"), allow(unused_variables, reason = "there is one kind of home"))]
    pub(super) async fn open_to_read(args: &HomeArgs, config: &Config) -> Result<Home> {
        #[cfg(feature = "aws")]
        if args.backend.is_some() {
            return Ok(Home { house: crate::nodes::house(config, false).await?, embedded: None });
        }
        // Opening would make a folder that is not there, and a wrong path would look like an empty home.
        check_is_home(&config.server.data)?;
        let settings = serve::settings(config, Path::new(&config.server.data));
        let embedded = Embedded::open(settings, Arc::new(SystemClock), Arc::new(SystemRandomness));
        let home = Home::embedded(config, embedded.with_context(|| data_folder(config))?)?;
        home.drain().await?;
        Ok(home)
    }

    /// Opens a home to take an export in.
    #[cfg_attr(not(feature = "aws"), allow(unused_variables, reason = "there is one kind of home"))]
    pub(super) async fn open_to_take_in(
        args: &HomeArgs,
        config: &Config,
        manifest: &Manifest,
        options: ImportOptions,
    ) -> Result<Home> {
        #[cfg(feature = "aws")]
        if args.backend.is_some() {
            return Ok(Home { house: crate::nodes::house(config, true).await?, embedded: None });
        }
        home::Home::make(&config.server.data)?;
        let settings = serve::settings(config, Path::new(&config.server.data));
        let epoch = manifest.epoch_for(options);
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let embedded = Embedded::open_to_take_in(settings, epoch, clock, randomness);
        Home::embedded(config, embedded.with_context(|| data_folder(config))?)
    }

    fn embedded(config: &Config, embedded: Embedded) -> Result<Home> {
        let house = House {
            store: embedded.store(),
            moving: embedded.moving(),
            messages: embedded.messages(),
            notifications: embedded.notifications(),
            files: Arc::new(serve::files(config, &home::Home::at(&config.server.data))?),
        };
        Ok(Home { house, embedded: Some(embedded) })
    }

    pub(super) fn house(&self) -> &House {
        &self.house
    }

    /// Writes everything out.
    pub(super) fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.shutdown();
        }
    }

    /// Applies what was accepted and not applied when the server stopped. Nobody is there to be told of it: clients
    /// learn it when they come back (D4).
    async fn drain(&self) -> Result<()> {
        let Some(embedded) = &self.embedded else { return Ok(()) };
        let (clock, randomness): (Arc<dyn Clock>, Arc<dyn Randomness>) =
            (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let ports = serve::ports(embedded, &clock, &randomness);
        let persister = compose::persister(&ports, embedded.store()).on_applied(embedded.applied_hook());
        let wait = Duration::from_millis(DRAIN_WAIT_MS);
        loop {
            let messages = self.house.messages.depth().await?;
            let left = messages.waiting + messages.in_flight;
            if left > 0 {
                persister.step().await.context("cannot apply what was accepted")?;
            }
            let told = self.house.notifications.lease(DRAINED_AT_ONCE, Duration::ZERO).await?;
            let is_empty = told.is_empty();
            let settlements = told.into_iter().map(|lease| (lease.id, Settlement::Done)).collect();
            self.house.notifications.settle(settlements).await?;
            let waiting = self.house.notifications.depth().await?;
            if left == 0 && waiting.waiting + waiting.in_flight == 0 {
                return Ok(());
            }
            if is_empty && left > 0 {
                // One that is tried again has its time.
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn check_is_home(data: &str) -> Result<()> {
    ensure!(Path::new(data).join("journal").is_dir(), "{data} is no data folder: there is no journal in it");
    Ok(())
}

fn data_folder(config: &Config) -> String {
    format!("cannot open the data folder {}; no server may run on it", config.server.data)
}
