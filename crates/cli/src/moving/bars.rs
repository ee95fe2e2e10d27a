//! How a move goes on, for people: bars on a terminal, a line now and then elsewhere.
//! Writes to standard error alone; what a move came to goes to standard output.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use moving::{Stage, Watch};
use parking_lot::Mutex;

use crate::limits::PROGRESS_LINE_MS;

/// Bars of all stages.
pub(super) struct Bars {
    all: MultiProgress,
    stages: Mutex<HashMap<Stage, Shown>>,
}

struct Shown {
    bar: ProgressBar,
    line_at: Instant,
}

impl Bars {
    pub(super) fn new() -> Arc<Bars> {
        Arc::new(Bars { all: MultiProgress::new(), stages: Mutex::default() })
    }

    /// Leaves the bars as they are, for what is printed next.
    pub(super) fn end(&self) {
        for shown in self.stages.lock().values() {
            shown.bar.abandon();
        }
    }

    /// Whether nobody looks at bars.
    fn is_plain(&self) -> bool {
        self.all.is_hidden()
    }
}

impl Watch for Bars {
    fn begin(&self, stage: Stage, total: Option<u64>) {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = match (stage, total) {
            (Stage::Check, _) => "{prefix:>8} {bar:40} {bytes}/{total_bytes} {bytes_per_sec}",
            (_, Some(_)) => "{prefix:>8} {bar:40} {human_pos}/{human_len} {per_sec} {eta}",
            (_, None) => "{prefix:>8} {spinner} {human_pos} {per_sec} {elapsed}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.all.add(bar.with_style(style).with_prefix(name(stage)));
        if self.is_plain() {
            let of = total.map_or_else(String::new, |total| format!(": {total} to do"));
            eprintln!("{}{of}", name(stage));
        }
        self.stages.lock().insert(stage, Shown { bar, line_at: Instant::now() });
    }

    fn advance(&self, stage: Stage, by: u64) {
        let mut stages = self.stages.lock();
        let Some(shown) = stages.get_mut(&stage) else { return };
        shown.bar.inc(by);
        if self.is_plain() && shown.line_at.elapsed() >= Duration::from_millis(PROGRESS_LINE_MS) {
            shown.line_at = Instant::now();
            let of = shown.bar.length().map_or_else(String::new, |total| format!(" of {total}"));
            eprintln!("{}: {}{of}", name(stage), shown.bar.position());
        }
    }

    fn note(&self, line: &str) {
        if self.is_plain() || self.all.println(line).is_err() {
            eprintln!("{line}");
        }
    }
}

const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Check => "checking",
        Stage::Records => "records",
        Stage::Files => "files",
        Stage::Verify => "comparing",
    }
}
