//! Durable appends in groups of 1 to 4,096 records of 256 bytes, beside the limit: a bare write and sync of as many bytes.
//! Both in one run over the same file system, so that their ratio means something:
//! `TMPDIR=/on/a/disk cargo bench -p journal`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot write has nothing to measure")]

use std::{
    fs::File,
    hint::black_box,
    os::unix::fs::FileExt,
    sync::{Arc, mpsc},
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use journal::{FileSystem, Journal, NewRecord, Options, Position, format};

const PAYLOAD_BYTES: usize = 256;
const FILE_BYTES: usize = 64 * 1024 * 1024;

fn append(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("append");
    bench.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for records in [1_usize, 16, 256, 4096] {
        bench.throughput(Throughput::Elements(records as u64));

        let folder = tempfile::tempdir().unwrap();
        let mut limit = Bare::new(&folder, records);
        bench.bench_function(BenchmarkId::new("limit", records), |bencher| bencher.iter(|| limit.append()));

        let folder = tempfile::tempdir().unwrap();
        let options = Options { archive: journal::Archive::Recycle, ..Options::default() };
        let disk = Arc::new(FileSystem::open(folder.path()).unwrap());
        let (journal, _) = Journal::open(disk, options).unwrap();
        let payload = bytes::Bytes::from(vec![0xA5; PAYLOAD_BYTES]);
        bench.bench_function(BenchmarkId::new("journal", records), |bencher| {
            bencher.iter(|| {
                let group = (0..records).map(|_| NewRecord::new(1, 2, payload.clone())).collect();
                black_box(append_and_wait(&journal, group));
            });
        });
    }
    bench.finish();
}

/// One append, its acknowledgement awaited; segments are released as they fill.
fn append_and_wait(journal: &Journal, records: Vec<NewRecord>) -> Position {
    let (sender, receiver) = mpsc::sync_channel(1);
    journal.append(records, move |outcome| drop(sender.send(outcome))).unwrap();
    let last = receiver.recv().unwrap().unwrap().last;
    if last.0.is_multiple_of(65_536) {
        journal.release(last).unwrap();
    }
    last
}

/// What no journal can beat: one write and one sync into a zero-filled file, over and over.
struct Bare {
    file: File,
    group: Vec<u8>,
    offset: usize,
}

impl Bare {
    fn new(folder: &tempfile::TempDir, records: usize) -> Self {
        let file = File::create(folder.path().join("bare")).unwrap();
        file.write_all_at(&vec![0; FILE_BYTES], 0).unwrap();
        file.sync_all().unwrap();
        Self { file, group: vec![0x5A; records * format::stride(PAYLOAD_BYTES)], offset: 0 }
    }

    fn append(&mut self) {
        if self.offset + self.group.len() > FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.group, self.offset as u64).unwrap();
        self.file.sync_data().unwrap();
        self.offset += self.group.len();
    }
}

criterion_group!(benches, append);
criterion_main!(benches);
