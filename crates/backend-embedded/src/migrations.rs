//! The store's format: which one it has, and the numbered steps, forward only, from each to the next.
//! A format that is newer than the newest step is left alone and said so.

use std::path::Path;

use journal::Journal;

use crate::{
    codec,
    embedded::read_genesis,
    engine::Engine,
    error::{Fault, OpenError},
    keys,
    record::{Genesis, RECORD_FORMAT},
};

/// The newest store format this version writes and reads.
pub(crate) const STORE_FORMAT: u32 = 2;

/// One step: from the format of its number (the first is from 1 to 2) to the next.
type Migration = fn(&Engine) -> Result<(), Fault>;

const MIGRATIONS: [Migration; 1] = [profiles_preferences_and_files];

/// Format 2 has rows of new kinds; those of format 1 stay as they are.
#[allow(clippy::unnecessary_wraps, reason = "a step may fail")]
fn profiles_preferences_and_files(_: &Engine) -> Result<(), Fault> {
    Ok(())
}

const _: () = assert!(MIGRATIONS.len() + 1 == STORE_FORMAT as usize, "one step between two formats");

/// Makes sure that the store has the format of this version and belongs to this journal; says what history it is.
pub(crate) fn prepare(engine: &Engine, journal: &Journal, folder: &Path) -> Result<Genesis, OpenError> {
    let in_store = |source| OpenError::Store { folder: folder.to_path_buf(), source };
    let journaled = read_genesis(journal).map_err(in_store)?;
    if let Some(genesis) = journaled.filter(|genesis| genesis.format > RECORD_FORMAT) {
        return Err(OpenError::Format { what: "journal", found: genesis.format, supported: RECORD_FORMAT });
    }
    match stored(engine).map_err(in_store)? {
        Some((found, _)) if found > STORE_FORMAT => {
            Err(OpenError::Format { what: "store", found, supported: STORE_FORMAT })
        }
        Some((_, genesis)) if journaled.is_some_and(|journaled| journaled != genesis) => {
            Err(OpenError::Foreign { folder: folder.to_path_buf() })
        }
        Some((found, genesis)) => {
            migrate(engine, found, &MIGRATIONS).map_err(in_store)?;
            Ok(genesis)
        }
        None => {
            let genesis = journaled.ok_or(OpenError::Gap { needed: 1, first: journal.first().0 })?;
            let writer = engine.writer();
            writer.put(&keys::system("genesis"), codec::encode(&genesis));
            writer.put(&keys::system("format"), codec::encode(&STORE_FORMAT));
            Ok(genesis)
        }
    }
}

/// Format and history of the store; `None` when it is empty.
fn stored(engine: &Engine) -> Result<Option<(u32, Genesis)>, Fault> {
    let Some(format) = engine.get(&keys::system("format"))? else { return Ok(None) };
    let format = codec::decode("format", &format)?;
    if format > STORE_FORMAT {
        // What else is in there is not for this version to read.
        let nobody = chat::Epoch::from_u128(0);
        return Ok(Some((format, Genesis { format: 0, epoch: nobody, created_at: 0 })));
    }
    let genesis = engine.get(&keys::system("genesis"))?;
    genesis.map(|bytes| Ok((format, codec::decode("genesis", &bytes)?))).transpose()
}

fn migrate(engine: &Engine, found: u32, steps: &[Migration]) -> Result<(), Fault> {
    let done = usize::try_from(found.saturating_sub(1)).unwrap_or(usize::MAX);
    for (step, format) in steps.iter().zip(2_u32..).skip(done) {
        tracing::info!(format, "the store is brought to a newer format");
        step(engine)?;
        engine.writer().put(&keys::system("format"), codec::encode(&format));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl chat::ports::Clock for Fixed {
        fn now_ms(&self) -> u64 {
            1_000
        }
    }

    impl chat::ports::Randomness for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn opened(folder: &Path) -> Result<crate::Embedded, OpenError> {
        let config = crate::Config { segment_bytes: 4 << 20, ..crate::Config::new(folder) };
        crate::Embedded::open(config, std::sync::Arc::new(Fixed), std::sync::Arc::new(Fixed))
    }

    #[test]
    fn a_store_of_a_newer_format_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(opened(folder.path()).unwrap());
        let newer = STORE_FORMAT + 1;
        let engine = Engine::open(&folder.path().join("store"), 1 << 20, 1 << 20).unwrap();
        engine.start(Box::new(|_| {}), Box::new(|fault| panic!("{fault}"))).unwrap();
        engine.writer().put(&keys::system("format"), codec::encode(&newer));
        engine.writer().cut(1);
        engine.stop();
        drop(engine);
        for _again in 0..2 {
            let Err(refused) = opened(folder.path()) else { panic!("it opens") };
            assert!(matches!(refused, OpenError::Format { what: "store", found, .. } if found == newer));
            let text = refused.to_string();
            assert!(text.contains("use the newer program"), "{text}");
        }
    }

    #[test]
    fn a_journal_with_newer_records_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let disk = journal::FileSystem::open(folder.path().join("journal")).unwrap();
        let (journal, _) = Journal::open(std::sync::Arc::new(disk), journal::Options::default()).unwrap();
        let epoch = chat::Epoch::from_u128(1);
        let genesis = Genesis { format: RECORD_FORMAT + 1, epoch, created_at: 1 };
        let (told, durable) = std::sync::mpsc::sync_channel(1);
        let record = crate::record::Record::Genesis(genesis).encode(1);
        journal.append(vec![record], move |outcome| told.send(outcome).unwrap()).unwrap();
        durable.recv().unwrap().unwrap();
        journal.close().unwrap();
        drop(journal);
        let Err(refused) = opened(folder.path()) else { panic!("it opens") };
        assert!(
            matches!(refused, OpenError::Format { what: "journal", found: 2, supported: 1 }),
            "{refused}"
        );
    }

    #[test]
    fn steps_run_once_each_in_order_from_the_format_found() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), 1 << 20, 1 << 20).unwrap();
        let two: Migration = |engine| {
            engine.writer().put(&keys::system("two"), vec![2]);
            Ok(())
        };
        let three: Migration = |engine| {
            assert!(engine.contains(&keys::system("two"))?);
            engine.writer().put(&keys::system("three"), vec![3]);
            Ok(())
        };
        migrate(&engine, 1, &[two, three]).unwrap();
        let format: u32 =
            codec::decode("format", &engine.get(&keys::system("format")).unwrap().unwrap()).unwrap();
        assert_eq!(format, 3);
        engine.writer().remove(&keys::system("three"));
        migrate(&engine, 3, &[two, three]).unwrap();
        assert!(!engine.contains(&keys::system("three")).unwrap());
    }
}
