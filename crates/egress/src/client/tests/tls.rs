//! TLS: what is trusted is spoken to, all else is a failure of kind `tls`, never plain text.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::receiver::{hold, listen, write};
use super::{AMPLE, SHORT, Sender, config};
use crate::client::{Client, ClientError};
use crate::config::EgressConfig;
use crate::exchange::FailureKind;
use crate::lookup::LookupError;
use crate::resolver::ANSWER_TTL;

fn pem_file(pem: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}

/// A receiver with a self-signed certificate for `names`, and the certificate in PEM form.
async fn tls_receiver(names: &[&str], expired: bool) -> (SocketAddr, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if expired {
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let certificate = params.self_signed(&key).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let address = listen(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1]).await;
        }
    })
    .await;
    (address, certificate.pem())
}

fn trusting(path: &Path) -> Sender {
    let config = EgressConfig { ca_file: Some(path.to_owned()), ..config() };
    Sender::resolving(&config, ANSWER_TTL, |_| async { Err(LookupError::Empty) })
}

#[tokio::test]
async fn the_operators_roots_are_trusted() {
    let (address, pem) = tls_receiver(&["localhost", "127.0.0.1"], false).await;
    let file = pem_file(&pem);
    let sender = trusting(file.path());
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", address.port());
        assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
    }
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_tls_failures() {
    let (unknown, _) = tls_receiver(&["127.0.0.1"], false).await;
    let (misnamed, misnamed_pem) = tls_receiver(&["other.example"], false).await;
    let (expired, expired_pem) = tls_receiver(&["127.0.0.1"], true).await;
    let misnamed_file = pem_file(&misnamed_pem);
    let expired_file = pem_file(&expired_pem);
    for (address, sender) in [
        (unknown, Sender::new()),
        (misnamed, trusting(misnamed_file.path())),
        (expired, trusting(expired_file.path())),
    ] {
        let failure = sender.failure(&format!("https://{address}/"), AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
        assert!(failure.detail.contains("certificate"), "{failure:?}");
    }
}

#[tokio::test]
async fn receivers_that_do_not_speak_tls_are_tls_failures() {
    let plain = listen(async |mut stream| {
        write(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        hold(stream).await;
    })
    .await;
    let closing = listen(async |stream| drop(stream)).await;
    let hanging = listen(async |stream| {
        let _silent = stream;
        std::future::pending::<()>().await;
    })
    .await;
    for (address, timeout) in [(plain, AMPLE), (closing, AMPLE), (hanging, SHORT)] {
        let failure = Sender::new().failure(&format!("https://{address}/"), timeout).await;
        assert_eq!(failure.kind, FailureKind::Tls, "{failure:?}");
    }
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_at_start() {
    let build = |path: &Path| {
        let config = EgressConfig { ca_file: Some(path.to_owned()), ..config() };
        Client::new(Sender::new().guard, &config).map(|_| ())
    };
    let empty = pem_file("nothing here");
    assert!(matches!(build(empty.path()), Err(ClientError::CaFileEmpty { .. })));
    let broken = pem_file("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    assert!(matches!(build(broken.path()), Err(ClientError::CaFile { .. })));
    assert!(matches!(build(Path::new("/nonexistent")), Err(ClientError::CaFile { .. })));
}
