//! The TLS configuration: ring, TLS 1.2 and 1.3, the public roots and the operator's own.
//!
//! Handshakes are made in `connector`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file cannot be read or is not PEM.
    #[error("the root certificates in {} cannot be read", path.display())]
    CaFile {
        /// The configured file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("there is no certificate in {}", path.display())]
    CaFileEmpty {
        /// The configured file.
        path: PathBuf,
    },
    /// A certificate cannot serve as a root, or the TLS library refuses its configuration.
    #[error("TLS cannot be configured")]
    Tls(#[from] rustls::Error),
}

/// The configuration of every handshake; `ca_file` adds roots to the public ones.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        add_roots(&mut roots, path)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), ClientError> {
    let unreadable = |source| ClientError::CaFile { path: path.to_owned(), source };
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    if roots.len() == before {
        return Err(ClientError::CaFileEmpty { path: path.to_owned() });
    }
    Ok(())
}
