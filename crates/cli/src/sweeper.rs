//! Sees to it that files which nothing shows any more go away, while the server runs and after a crash.
//! Knows when, not what: that is in `api`.

use std::{
    fs, io, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc, thread::JoinHandle, time::Duration,
};

use anyhow::Result;
use api::App;
use tokio::sync::watch;

use crate::{
    compose::{ended, worker},
    limits::{SWEEP_EVERY_MS, SWEEPS_PER_ORPHAN_SWEEP},
};

/// Stands before the number in the names of files that are still being written.
const STAGED: char = '#';

/// Makes the folder of files for its owner alone, and removes what an earlier process had begun to write there.
pub(crate) fn prepare(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    remove_staged(folder)
}

fn remove_staged(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_staged(&entry.path())?;
        } else if entry.file_name().to_string_lossy().contains(STAGED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Sweeps on a thread of its own until the sender is dropped. What nothing knows is looked for by reading the whole store:
/// not in a bucket, which every gateway would read once an hour, with a request for each file in it.
pub(crate) fn start(app: &Arc<App>, finds_orphans: bool) -> Result<(watch::Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = watch::channel(());
    let app = Arc::clone(app);
    let sweeping = async move {
        tokio::select! {
            () = ended(stopped) => {}
            () = run(&app, finds_orphans) => {}
        }
    };
    Ok((stop, worker("sweeper", sweeping)?))
}

async fn run(app: &App, finds_orphans: bool) {
    let mut sweeps = 0_u32;
    loop {
        let swept = app.files.sweep(app).await;
        let orphans = if finds_orphans && sweeps.is_multiple_of(SWEEPS_PER_ORPHAN_SWEEP) {
            app.files.sweep_orphans(app).await
        } else {
            Ok(api::Swept::default())
        };
        match (swept, orphans) {
            (Ok(swept), Ok(orphans)) if swept.uploads + orphans.orphans > 0 => {
                tracing::info!(uploads = swept.uploads, orphans = orphans.orphans, "files were removed");
            }
            (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "files could not be swept"),
            _ => {}
        }
        sweeps = sweeps.wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(SWEEP_EVERY_MS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_being_written_is_gone_and_what_was_complete_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        prepare(&files.join("files")).unwrap();
        fs::write(files.join("files/one"), "1").unwrap();
        fs::write(files.join("files/two#1"), "2").unwrap();
        prepare(&files).unwrap();
        assert!(files.join("files/one").exists());
        assert!(!files.join("files/two#1").exists());
    }
}
