//! TLS for the listeners: certificate and key from PEM files, taken again when the files change, or from PEM text.
//! Invariant: a pair that cannot be read never replaces one that works.

use std::{fs, io, path::Path, sync::Arc, time::SystemTime};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::options::TlsFiles;

/// The certificate or its key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of the kind needed.
    #[error("cannot read the TLS {what} from {path}: {cause}")]
    File {
        /// Certificate or key.
        what: &'static str,
        /// Where it should be.
        path: String,
        /// Why not.
        cause: String,
    },
    /// They are not usable, or do not belong together.
    #[error("the TLS certificate and key cannot be used: {0}")]
    Pair(rustls::Error),
}

/// A certificate that follows its files.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    current: RwLock<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    pair: Arc<CertifiedKey>,
    stamp: Stamp,
}

/// Tells whether the files have changed.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Certificate>, TlsError> {
        let loaded = Loaded { stamp: stamp(files), pair: Arc::new(read(files)?) };
        Ok(Arc::new(Certificate { files: files.clone(), current: RwLock::new(loaded) }))
    }

    /// Reads the files again if they have changed.
    pub(crate) fn refresh(&self) {
        let now = stamp(&self.files);
        if self.current.read().stamp == now {
            return;
        }
        match read(&self.files) {
            Ok(pair) => {
                *self.current.write() = Loaded { pair: Arc::new(pair), stamp: now };
                tracing::info!(certificate = %self.files.certificate.display(), "TLS certificate renewed");
            }
            // Certificate and key are two files: a renewal may be half done. The next look tries again.
            Err(error) => tracing::error!(%error, "the TLS certificate in use stays"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().pair))
    }
}

/// What turns accepted sockets into TLS streams.
pub(crate) fn acceptor(certificate: Arc<Certificate>) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Tickets keep nothing on the server, so that thousands can come back at once.
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Pair)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem("certificate", &files.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong("certificate", &files.certificate, &error))?;
    if chain.is_empty() {
        let nothing = io::Error::from(io::ErrorKind::InvalidData);
        return Err(wrong("certificate", &files.certificate, &nothing));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem("key", &files.key)?)
        .map_err(|error| wrong("key", &files.key, &error))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(TlsError::Pair)
}

/// The text of a PEM file; what is PEM itself instead of a path, as a secret in an environment variable is, is taken so.
fn pem(what: &'static str, option: &Path) -> Result<Vec<u8>, TlsError> {
    match option.to_str().filter(|text| is_pem(text)) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => fs::read(option).map_err(|error| wrong(what, option, &error)),
    }
}

fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN")
}

/// Names the path, never a text that may be a key (D7).
fn wrong(what: &'static str, option: &Path, cause: &dyn std::fmt::Display) -> TlsError {
    let is_text = option.to_str().is_some_and(is_pem);
    let path = if is_text { "the text given".to_owned() } else { option.display().to_string() };
    TlsError::File { what, path, cause: cause.to_string() }
}

fn stamp(files: &TlsFiles) -> Stamp {
    let of = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [of(&files.certificate), of(&files.key)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(files: &TlsFiles, name: &str) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn in_use(certificate: &Certificate) -> Vec<u8> {
        certificate.current.read().pair.cert[0].to_vec()
    }

    #[test]
    fn a_renewed_pair_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        assert!(Certificate::load(&files).is_err(), "nothing there");
        let first = write_pair(&files, "one.test");
        let certificate = Certificate::load(&files).unwrap();
        assert_eq!(in_use(&certificate), first);

        fs::write(&files.key, "not a key").unwrap();
        certificate.refresh();
        assert_eq!(in_use(&certificate), first);

        let second = write_pair(&files, "another-name.test");
        certificate.refresh();
        assert_eq!(in_use(&certificate), second);
        assert!(acceptor(certificate).is_ok());
    }

    #[test]
    fn a_pair_may_be_given_as_text_which_no_error_repeats_d7() {
        let made = rcgen::generate_simple_self_signed(vec!["one.test".to_owned()]).unwrap();
        let files =
            TlsFiles { certificate: made.cert.pem().into(), key: made.signing_key.serialize_pem().into() };
        let certificate = Certificate::load(&files).unwrap();
        assert_eq!(in_use(&certificate), made.cert.der().to_vec());
        certificate.refresh();
        let broken = TlsFiles { key: "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n".into(), ..files };
        let error = Certificate::load(&broken).unwrap_err().to_string();
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
}
