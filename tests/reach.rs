//! How a server is reached: by proxies and trusted certificates of the environment, with a certificate of our own,
//! over a Unix socket.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::Project;
use common::scripted::{self, Request};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

const PING: &str = "- request: ping\n  expect: {result: {$exact: {}}}\n";

/// A good server of 2025-11-25.
fn good(request: &Request) -> String {
    let json = "200 OK\r\ncontent-type: application/json";
    scripted::lifecycle(request).unwrap_or_else(|| scripted::answer(json, &request.result(&json!({}))))
}

/// A project with one server of these keys.
fn project(server: &str) -> Project {
    let suite = format!("servers: {{far: {{{server}}}}}\nscenarios: '*.yaml'\n");
    let steps = PING.replace('\n', "\n  ");
    let scenario = format!("scenario: A\nprotocol: 2025-11-25\nsteps:\n  {}\n", steps.trim_end());
    Project::new().file("callsheet.yaml", &suite).file("a.yaml", &scenario)
}

/// A proxy that answers in place of the servers; what it is asked for.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&asked);
    let url = scripted::start(move |request| {
        told.lock().unwrap().push(format!("{} {}", request.verb, request.target));
        match request.verb.as_str() {
            "CONNECT" => scripted::answer("502 Bad Gateway", ""),
            _ => good(request),
        }
    });
    (url.trim_end_matches("/mcp").to_owned(), asked)
}

#[test]
fn proxies_of_the_environment_are_used_but_for_this_machine() {
    let (proxy, asked) = proxy();
    let asked = || std::mem::take(&mut *asked.lock().unwrap());
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        project("url: 'http://far.invalid/mcp', insecure: true")
            .env(name, &proxy)
            .run(&["test"])
            .exits(0)
            .says("1 passed");
        assert_eq!(asked(), ["POST http://far.invalid/mcp"; 3], "{name}");
    }

    // What is excepted is looked for by its name, which nobody knows.
    let excepted = project("url: 'http://far.invalid/mcp', insecure: true")
        .env("HTTP_PROXY", &proxy)
        .env("NO_PROXY", "far.invalid");
    excepted.run(&["test"]).exits(101).says("the host name `far.invalid` cannot be resolved");
    assert!(asked().is_empty());

    // What is encrypted goes through a tunnel.
    let encrypted = project("url: 'https://far.invalid/mcp'").env("HTTPS_PROXY", &proxy);
    encrypted.run(&["test"]).exits(101).says("the server cannot be reached");
    // The case, and then the question why.
    assert_eq!(asked(), ["CONNECT far.invalid:443"; 2]);

    let near = scripted::start(good);
    project(&format!("url: '{near}'")).env("HTTP_PROXY", &proxy).run(&["test"]).exits(0);
    assert!(asked().is_empty());
}

/// Who signs, and what it signed: for the server and for a client.
struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
    server: (rcgen::Certificate, KeyPair),
    client: (rcgen::Certificate, KeyPair),
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let sign = |name: &str, purpose| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.extended_key_usages.push(purpose);
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &ca).unwrap(), key)
        };
        let server = sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
        let client = sign("client", ExtendedKeyUsagePurpose::ClientAuth);
        Self { ca, server, client }
    }

    /// The address of a server that has one, and perhaps wants one.
    fn start(&self, wants: bool) -> String {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = if wants {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.unwrap())
        } else {
            config.with_no_client_auth()
        };
        let (certificate, key) = &self.server;
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let url = format!("https://{}/mcp", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let each = |socket: TcpStream| {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                std::thread::spawn(move || scripted::serve(StreamOwned::new(connection, socket), &good));
            };
            listener.incoming().flatten().for_each(each);
        });
        url
    }

    /// The files that a suite names.
    fn files(&self, project: Project) -> Project {
        let (certificate, key) = &self.client;
        let both = format!("{}{}", certificate.pem(), key.serialize_pem());
        project
            .file("tls/ca.pem", &self.ca.pem())
            // In a folder they are looked for by names that OpenSSL gives them.
            .file("tls/all/0123abcd.0", &self.ca.pem())
            .file("tls/client.pem", &certificate.pem())
            .file("tls/client.key", &key.serialize_pem())
            .file("tls/both.pem", &both)
            .file("tls/none.pem", "nothing\n")
    }
}

#[test]
fn a_certificate_is_trusted_by_the_environment_or_by_the_suite() {
    let certificates = Certificates::new();
    let url = certificates.start(false);
    let plain = || certificates.files(project(&format!("url: '{url}'")));
    plain().run(&["test"]).exits(101).says("the server cannot be reached").says("invalid peer certificate");
    for (name, place) in [("SSL_CERT_FILE", "tls/ca.pem"), ("SSL_CERT_DIR", "tls/all")] {
        let trusting = plain();
        let place = trusting.path().join(place);
        trusting.env(name, place.to_str().unwrap()).run(&["test"]).exits(0).says("1 passed");
    }
    let suite = |tls: &str| certificates.files(project(&format!("url: '{url}', tls: {{{tls}}}")));
    suite("ca: tls/ca.pem").run(&["test"]).exits(0).says("1 passed");
    suite("ca: tls/client.pem").run(&["test"]).exits(101).says("invalid peer certificate");
    suite("ca: tls/none.pem").run(&["test"]).exits(101).says("there is no certificate among those to trust");
    suite("ca: tls/lost.pem")
        .run(&["test"])
        .exits(101)
        .says("`ca` of `tls` cannot be read: ")
        .says("lost.pem");
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_that_of_the_suite() {
    let certificates = Certificates::new();
    let url = certificates.start(true);
    let suite =
        |tls: &str| certificates.files(project(&format!("url: '{url}', tls: {{ca: tls/ca.pem{tls}}}")));
    suite("").run(&["test"]).exits(101);
    suite(", cert: tls/client.pem, key: tls/client.key").run(&["test"]).exits(0).says("1 passed");
    let ran = suite(", cert: tls/both.pem").run(&["test", "--trace"]).exits(0).says("1 passed");
    ran.silent_on("PRIVATE KEY");
    suite(", cert: tls/client.pem").run(&["test"]).exits(101).says("certificate and its key cannot be used");
}

#[cfg(unix)]
#[test]
fn a_server_can_listen_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcp.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|socket| {
            std::thread::spawn(move || scripted::serve(socket, &good));
        });
    });
    let (proxy, asked) = proxy();
    let at =
        |path: &str, more: &str| project(&format!("url: 'http://far.invalid/mcp', socket: '{path}'{more}"));
    let good = at(path.to_str().unwrap(), ", auth: {pat: {env: SOME_PAT}}");
    // No wire is met, so that the token needs no permission; and no proxy.
    let good = good.env("SOME_PAT", "a-token-of-some-length").env("HTTP_PROXY", &proxy);
    good.run(&["test"]).exits(0).says("1 passed");
    assert!(asked.lock().unwrap().is_empty());
    at("lost.sock", "").run(&["test"]).exits(101).says("the server cannot be reached").says("lost.sock");
}
