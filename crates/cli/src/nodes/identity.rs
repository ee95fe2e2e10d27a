//! Who a node is to other nodes: one certificate authority signs all of them, or one secret makes the key of all, and
//! both ends of a connection prove that they hold it (D7).
//! Knows no address: nodes come and go, so the name in the certificates is the same for all.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use sha2::{Digest as _, Sha256};

use crate::config;

/// The name that the certificates of all nodes carry.
pub(crate) const NODE_NAME: &str = "node.dynamowave.internal";
/// HTTP/2, and nothing else.
const PROTOCOL: &[u8] = b"h2";
/// Keeps keys made from the secret apart from whatever else it may be used for.
const SECRET_CONTEXT: &str = "dynamowave node key 1\n";
/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const ED25519_PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
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
            return (!node.secret.is_empty()).then(|| Identity::of_secret(&node.secret)).transpose();
        }
        ensure!(
            node.secret.is_empty(),
            "node.secret stands for node.certificate, node.key and node.authority"
        );
        ensure!(
            given.iter().all(|text| !text.is_empty()),
            "node.certificate, node.key and node.authority belong together"
        );
        let chain = certificates("node.certificate", &node.certificate)?;
        let identity = Identity::new(authority(&node.authority)?, chain, private_key(&node.key)?)?;
        Ok(Some(identity))
    }

    /// All who know the secret have the same key; each signs a certificate with it for itself.
    fn of_secret(secret: &str) -> Result<Identity> {
        let seed = Sha256::new().chain_update(SECRET_CONTEXT).chain_update(secret.trim()).finalize();
        let key = PrivatePkcs8KeyDer::from([&ED25519_PKCS8_HEAD[..], &seed[..]].concat());
        let pair = rcgen::KeyPair::try_from(&key).context("node.secret")?;
        let named = rcgen::CertificateParams::new(vec![NODE_NAME.to_owned()]).context("node.secret")?;
        let certificate = named.self_signed(&pair).context("node.secret")?.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).context("node.secret")?;
        Identity::new(roots, vec![certificate], key.into())
    }

    fn new(
        roots: RootCertStore,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Identity> {
        let (provider, roots) = (Arc::new(ring::default_provider()), Arc::new(roots));
        let mut server = server(&provider, &roots, chain.clone(), key.clone_key())?;
        let mut client = client(&provider, &roots, chain, key)?;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Identity { server: Arc::new(server), client: Arc::new(client) })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of_secret(secret: &str) -> Identity {
        let node = config::Node { secret: secret.into(), ..config::Node::default() };
        Identity::of(&node).unwrap().unwrap()
    }

    /// Shakes hands over memory; whether both believe each other.
    fn agree(server: &Identity, client: &Identity) -> bool {
        let mut server = rustls::ServerConnection::new(Arc::clone(&server.server)).unwrap();
        let mut client = rustls::ClientConnection::new(Arc::clone(&client.client), Identity::name()).unwrap();
        while server.is_handshaking() || client.is_handshaking() {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            client.write_tls(&mut up).unwrap();
            server.read_tls(&mut up.as_slice()).unwrap();
            if server.process_new_packets().is_err() {
                return false;
            }
            server.write_tls(&mut down).unwrap();
            client.read_tls(&mut down.as_slice()).unwrap();
            if client.process_new_packets().is_err() || (up.is_empty() && down.is_empty()) {
                return false;
            }
        }
        true
    }

    #[test]
    fn who_shares_the_secret_is_believed_and_nobody_else_d7() {
        let (one, other) = (of_secret(&"s".repeat(40)), of_secret(&"s".repeat(40)));
        assert!(agree(&one, &other) && agree(&other, &one));
        let stranger = of_secret(&"t".repeat(40));
        assert!(!agree(&one, &stranger) && !agree(&stranger, &one));
    }

    #[test]
    fn without_anything_there_is_no_identity_and_half_of_one_is_refused() {
        assert!(Identity::of(&config::Node::default()).unwrap().is_none());
        let half = config::Node { certificate: "x".into(), ..config::Node::default() };
        assert!(Identity::of(&half).is_err());
    }
}
