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
pub(crate) const STORE_FORMAT: u32 = 1;

/// One step: from the format of its number (the first is from 1 to 2) to the next.
type Migration = fn(&Engine) -> Result<(), Fault>;

const MIGRATIONS: [Migration; 0] = [];

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
