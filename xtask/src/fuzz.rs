//! The fuzz targets there are, for `make fuzz` and for people.
//! Does not run them: cargo-fuzz does, with the nightly toolchain.

use crate::Repository;

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder of its fuzz crate.
    pub folder: String,
    /// Its name.
    pub name: String,
}

/// All targets: the `[[bin]]` names of every manifest below `fuzz/`.
#[must_use]
pub fn targets(repository: &Repository) -> Vec<Target> {
    repository
        .files
        .iter()
        .filter(|file| file.path.starts_with("fuzz/") && file.path.ends_with("/Cargo.toml"))
        .flat_map(|file| {
            let folder = file.path.trim_end_matches("/Cargo.toml").to_owned();
            names(&file.text).into_iter().map(move |name| Target { folder: folder.clone(), name })
        })
        .collect()
}

fn names(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let bins = manifest.get("bin").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    bins.iter().filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_the_binaries_of_fuzz_manifests() {
        let manifest = "[package]\nname = \"f\"\n[[bin]]\nname = \"frame\"\npath = \"frame.rs\"\n";
        let found =
            targets(&Repository::of(&[("fuzz/protocol/Cargo.toml", manifest), ("Cargo.toml", manifest)]));
        assert_eq!(found, [Target { folder: "fuzz/protocol".into(), name: "frame".into() }]);
    }
}
