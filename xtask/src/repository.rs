//! The tree as the checks see it: every text file that git would keep, read once.
//! Invariant: paths are relative to the root, with `/`, sorted; ignored and built files are not in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ignore::WalkBuilder;

/// Files larger than this are data, not text to check, bytes.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// One text file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Path from the root.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The tree.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where it lies.
    pub root: PathBuf,
    /// Its text files, sorted by path.
    pub files: Vec<SourceFile>,
}

impl Repository {
    /// Reads the tree below `root`.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(root: &Path) -> Result<Repository> {
        let mut files = Vec::new();
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .git_global(false)
            .filter_entry(|entry| {
                !matches!(
                    entry.file_name().to_str(),
                    Some(".git" | "target" | "node_modules" | "dist" | "corpus" | "fixtures")
                )
            })
            .build();
        for entry in walk {
            let entry = entry?;
            let is_small_file = entry.file_type().is_some_and(|kind| kind.is_file())
                && entry.metadata().is_ok_and(|data| data.len() <= FILE_BYTES_MAX);
            if !is_small_file {
                continue;
            }
            let path = entry.path().strip_prefix(root).context("walked out of the root")?;
            let path = path.to_string_lossy().replace('\\', "/");
            // A file that is no UTF-8 is not text; one that vanished meanwhile is not there.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                files.push(SourceFile { path, text });
            }
        }
        files.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(Repository { root: root.to_owned(), files })
    }

    /// The repository of this crate: the one cargo runs it in, else the one it was compiled in.
    ///
    /// # Errors
    /// As [`Repository::read`].
    pub fn here() -> Result<Repository> {
        let run_in = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let folder = run_in.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        Repository::read(folder.parent().context("xtask lies in the root")?)
    }

    /// A tree made of these files, for tests of checks.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Repository {
        let files = files
            .iter()
            .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
            .collect();
        Repository { root: PathBuf::new(), files }
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.with_extension("rs")
    }

    /// The files with this extension.
    pub fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a SourceFile> {
        self.files.iter().filter(move |file| file.extension() == Some(extension))
    }

    /// The file at this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Names of the folders in `crates/` that hold a `Cargo.toml`.
    #[must_use]
    pub fn crates(&self) -> Vec<&str> {
        self.files
            .iter()
            .filter_map(|file| file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml"))
            .filter(|name| !name.contains('/'))
            .collect()
    }
}

impl SourceFile {
    /// What follows the last dot of the name.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        Path::new(&self.path).extension()?.to_str()
    }

    /// The crate it belongs to: the folder in `crates/`, or `xtask`.
    #[must_use]
    pub fn crate_name(&self) -> Option<&str> {
        if self.path.starts_with("xtask/") {
            return Some("xtask");
        }
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether all of it is test code: tests, benches, examples, fuzz targets, the conformance crate, and modules that
    /// are called `tests`.
    #[must_use]
    pub fn is_test_code(&self) -> bool {
        let path = &self.path;
        let test_folder = ["/tests/", "/benches/", "/examples/"].iter().any(|folder| path.contains(folder));
        test_folder
            || path.starts_with("fuzz/")
            || path.starts_with("crates/conformance/")
            || path.ends_with("/tests.rs")
    }
}
