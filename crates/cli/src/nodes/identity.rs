//! Who a node is to other nodes: one certificate authority signs all of them, and both ends of a connection prove that
//! they hold a certificate of it (D7).
//! Knows no address: nodes come and go, so the name in the certificates is the same for all.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::TLS13,
};

use crate::config;

/// The name that the certificates of all nodes carry.
pub(crate) const NODE_NAME: &str = "node.dynamowave.internal";
/// HTTP/2, and nothing else.
const PROTOCOL: &[u8] = b"h2";
/// How a PEM text begins, where an option may also be the path of a file.
const PEM: &str = "-----BEGIN";

/// Both ends' settings.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
}

impl Identity {
    /// Reads what the configuration names; `None` when it names nothing, which is for loopback alone.
    pub(crate) fn of(node: &config::Node) -> Result<Option<Identity>> {
        let given = [&node.certificate, &node.key, &node.authority];
        if given.iter().all(|text| text.is_empty()) {
            return Ok(None);
        }
        ensure!(
            given.iter().all(|text| !text.is_empty()),
            "node.certificate, node.key and node.authority belong together"
        );
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(authority(&node.authority)?);
        let (chain, key) = (certificates("node.certificate", &node.certificate)?, private_key(&node.key)?);
        let mut server = server(&provider, &roots, chain.clone(), key.clone_key())?;
        let mut client = client(&provider, &roots, chain, key)?;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Some(Identity { server: Arc::new(server), client: Arc::new(client) }))
    }

    /// The name to ask every node for.
    pub(crate) fn name() -> ServerName<'static> {
        ServerName::try_from(NODE_NAME).expect("invariant: a valid name")
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider)).build();
    ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier.context("node.authority")?)
        .with_single_cert(chain, key)
        .context("node.certificate and node.key")
}

fn client(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(Arc::clone(roots))
        .with_client_auth_cert(chain, key)
        .context("node.certificate and node.key")
}

fn authority(option: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("node.authority", option)? {
        roots.add(certificate).context("node.authority")?;
    }
    Ok(roots)
}

fn certificates(name: &str, option: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = pem(name, option)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .with_context(|| name.to_owned())?;
    ensure!(!found.is_empty(), "{name} holds no certificate");
    Ok(found)
}

fn private_key(option: &str) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem("node.key", option)?.as_bytes()).context("node.key")
}

/// An option that is PEM text, as a secret in an environment variable is, or the path of a file with it.
fn pem(name: &str, option: &str) -> Result<String> {
    if option.trim_start().starts_with(PEM) {
        return Ok(option.to_owned());
    }
    fs::read_to_string(Path::new(option)).with_context(|| format!("{name}: cannot read {option:?}"))
}
