//! The data folder of a running server, as its operator's tools see it: where it listens and the token they use.
//! Both files are readable by the owner of the process alone; who can read them could read the data anyway.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use chat::ports::Randomness;

const TOKEN: &str = "operator.token";
const URL: &str = "server.url";

/// A data folder.
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder at this path, made if it is missing.
    pub(crate) fn make(path: &str) -> Result<Home> {
        let mut builder = fs::DirBuilder::new();
        // Only the owner of the process may look inside.
        builder.recursive(true).mode(0o700);
        builder.create(path).with_context(|| format!("cannot make the data folder {path:?}"))?;
        Ok(Home(PathBuf::from(path)))
    }

    /// The folder at this path, as it is.
    pub(crate) fn at(path: &str) -> Home {
        Home(PathBuf::from(path))
    }

    /// The path itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The operator's token: 256 bits, made once.
    pub(crate) fn operator_token(&self, randomness: &dyn Randomness) -> Result<String> {
        if let Ok(token) = self.read(TOKEN) {
            return Ok(token);
        }
        let mut secret = [0_u8; 32];
        randomness.fill(&mut secret);
        let token = format!("dwop_{}", secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        self.write(TOKEN, &token)?;
        Ok(token)
    }

    /// Tells the operator's tools where the server listens.
    pub(crate) fn publish(&self, scheme: &str, address: SocketAddr) -> Result<()> {
        self.write(URL, &format!("{scheme}://{address}"))
    }

    /// Where the server of this folder listens, and the token for it.
    pub(crate) fn server(&self) -> Result<(String, String)> {
        let hint = || format!("no server has been started with the data folder {} yet", self.0.display());
        Ok((self.read(URL).with_context(hint)?, self.read(TOKEN).with_context(hint)?))
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.0.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| writeln!(file, "{text}"))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
