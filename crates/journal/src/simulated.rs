//! A disk in memory that loses power, fails and fills up on purpose: for tests of whoever builds on the journal.
//! A pure function of its seed and of the calls made; knows nothing of the journal's format.
//!
//! What is written is visible at once, as through a page cache, and durable only after a sync. A [`crash`] keeps any
//! subset of what was not synced: sectors of 512 bytes or pages of 4 KiB, in any order, so that writes are torn and
//! files have holes of zeros or of older bytes; lengths; creates, renames and removes (each whole, in any order that
//! their names allow). At any time some unsynced sectors may reach the disk by themselves. A failed sync leaves
//! unknown parts written, and, as Linux does, forgets that the rest is missing: the next sync succeeds without it.
//!
//! [`crash`]: SimulatedDisk::crash

mod contents;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use self::contents::Contents;
use crate::{
    disk::{Disk, File},
    format::{to_u64, to_usize},
    shared::lock,
};

/// The disk; clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// A small generator of pseudo-random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
    /// The life of the machine this handle belongs to.
    life: u64,
}

struct State {
    random: Random,
    life: u64,
    files: Vec<Contents>,
    /// What is visible.
    names: BTreeMap<String, usize>,
    /// What would be there after a crash that loses everything it may.
    durable_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    faults: Faults,
    /// The power is off: everything fails until [`SimulatedDisk::crash`] has come and gone.
    off: bool,
}

enum NameChange {
    Create { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String, file: usize },
}

/// Counts down to what goes wrong.
#[derive(Default)]
struct Faults {
    sync_in: Option<u64>,
    write_in: Option<u64>,
    power_in: Option<u64>,
    room_bytes: Option<u64>,
}

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of 2^64.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Random::new(seed),
            life: 0,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            faults: Faults::default(),
            off: false,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Cuts the power, if that has not happened yet, and restores it: unsynced work is lost, wholly or in part; open
    /// handles are dead; faults are forgotten.
    pub fn crash(&self) {
        let mut state = self.state();
        if !state.off {
            // The error is for calls that the cut interrupts; here is none.
            let _ = state.cut_power();
        }
        state.off = false;
    }

    /// Cuts the power in the middle of the write, sync or change of a name after `count` more of them. Everything
    /// fails from then on until [`SimulatedDisk::crash`].
    pub fn cut_power_after(&self, count: u64) {
        self.state().faults.power_in = Some(count);
    }

    /// Ends the process alone, as `kill -9` does: handles are dead, everything visible stays visible.
    pub fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.faults = Faults::default();
    }

    /// Lets the sync after `count` more of them fail, of files and of the folder alike.
    pub fn fail_sync_after(&self, count: u64) {
        self.state().faults.sync_in = Some(count);
    }

    /// Lets the write after `count` more of them fail, part of it done.
    pub fn fail_write_after(&self, count: u64) {
        self.state().faults.write_in = Some(count);
    }

    /// Lets files grow by this many bytes in all; then the disk is full.
    pub fn full_after(&self, bytes: u64) {
        self.state().faults.room_bytes = Some(bytes);
    }

    /// What a file holds now.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|file| state.files[*file].visible.clone())
    }

    /// Puts a durable file there, or replaces its contents: for fixtures, and for damage.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let contents = Contents { visible: bytes.clone(), durable: bytes, ..Contents::default() };
        let file = state.files.len();
        state.files.push(contents);
        state.names.insert(name.into(), file);
        state.durable_names.insert(name.into(), file);
    }

    /// Inverts one bit, durably.
    ///
    /// # Panics
    /// There is no such file, or it is shorter.
    pub fn flip_bit(&self, name: &str, offset: usize, bit: u8) {
        let mut state = self.state();
        let file = state.names[name];
        let contents = &mut state.files[file];
        contents.visible[offset] ^= 1 << (bit % 8);
        if let Some(byte) = contents.durable.get_mut(offset) {
            *byte ^= 1 << (bit % 8);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn powered(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.off { Err(powerless()) } else { Ok(state) }
    }

    fn handle(&self, state: &State, file: usize) -> Arc<dyn File> {
        Arc::new(SimulatedFile { disk: self.clone(), file, life: state.life })
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.powered()?.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let state = self.powered()?;
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(&state, file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = self.powered()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Contents::default());
        state.change_name(NameChange::Create { name: name.into(), file })?;
        Ok(self.handle(&state, file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.powered()?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change_name(NameChange::Rename { from: from.into(), to: to.into(), file })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.powered()?;
        let file = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        state.change_name(NameChange::Remove { name: name.into(), file })
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.powered()?;
        if strikes(&mut state.faults.sync_in) {
            return Err(injected());
        }
        state.draw_power()?;
        state.unsynced_names.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl File for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.alive()?;
        let visible = &state.files[self.file].visible;
        let begin = to_usize(offset).min(visible.len());
        let count = buffer.len().min(visible.len() - begin);
        buffer[..count].copy_from_slice(&visible[begin..begin + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut guard = self.alive()?;
        let State { random, files, faults, .. } = &mut *guard;
        let contents = &mut files[self.file];
        let offset = to_usize(offset);
        if strikes(&mut faults.write_in) {
            let part = random.below(to_u64(bytes.len()) + 1);
            contents.write(&bytes[..to_usize(part)], offset);
            return Err(injected());
        }
        if strikes(&mut faults.power_in) {
            contents.write(bytes, offset);
            return guard.cut_power();
        }
        let growth = (offset + bytes.len()).saturating_sub(contents.visible.len());
        if let Some(room) = &mut faults.room_bytes {
            if *room < to_u64(growth) {
                let missing = growth - to_usize(*room);
                *room = 0;
                contents.write(&bytes[..bytes.len().saturating_sub(missing)], offset);
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= to_u64(growth);
        }
        contents.write(bytes, offset);
        if random.one_in(8) {
            contents.write_back(random);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut guard = self.alive()?;
        let State { random, files, faults, .. } = &mut *guard;
        let contents = &mut files[self.file];
        if strikes(&mut faults.sync_in) {
            contents.write_back(random);
            contents.dirty.clear();
            return Err(injected());
        }
        if strikes(&mut faults.power_in) {
            return guard.cut_power();
        }
        contents.sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(to_u64(self.alive()?.files[self.file].visible.len()))
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.alive()?.files[self.file].set_len(to_usize(bytes));
        Ok(())
    }
}

impl SimulatedFile {
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life && !state.off { Ok(state) } else { Err(powerless()) }
    }
}

impl State {
    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
        self.draw_power()
    }

    fn draw_power(&mut self) -> io::Result<()> {
        if strikes(&mut self.faults.power_in) { self.cut_power() } else { Ok(()) }
    }

    /// Loses what may be lost; always the error that the interrupted call returns.
    fn cut_power(&mut self) -> io::Result<()> {
        self.off = true;
        self.life += 1;
        self.faults = Faults::default();
        self.lose_names();
        for contents in &mut self.files {
            contents.lose(&mut self.random);
        }
        Err(powerless())
    }

    /// Keeps either the first few unsynced changes, or any that still make sense.
    fn lose_names(&mut self) {
        let changes = std::mem::take(&mut self.unsynced_names);
        let ordered = self.random.one_in(2);
        let kept = self.random.below(to_u64(changes.len()) + 1);
        for (index, change) in changes.iter().enumerate() {
            let keep = if ordered { to_u64(index) < kept } else { self.random.one_in(2) };
            if keep && change.makes_sense(&self.durable_names) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
    }
}

impl NameChange {
    fn makes_sense(&self, names: &BTreeMap<String, usize>) -> bool {
        match self {
            Self::Create { name, .. } => !names.contains_key(name),
            Self::Rename { from: name, file, .. } | Self::Remove { name, file } => {
                names.get(name) == Some(file)
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name, .. } => {
                names.remove(name);
            }
        }
    }
}

fn strikes(countdown: &mut Option<u64>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(count) => {
            *count -= 1;
            false
        }
        None => false,
    }
}

fn powerless() -> io::Error {
    io::Error::other("the machine has lost its power")
}

fn injected() -> io::Error {
    io::Error::other("injected fault")
}
