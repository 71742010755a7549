//! A file server for one folder, for this machine's browsers only.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::build::files;
use crate::Result;

/// The files of a folder under their names, held in memory: no request reaches the disk.
type Files = HashMap<String, Vec<u8>>;

/// A server that listens.
pub(super) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    files: Arc<Files>,
}

impl Server {
    pub(super) fn bind(site: &Path, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| format!("port {port} cannot be served on: {error}; --port names another, 0 any"))?;
        let address = listener.local_addr()?;
        let named = |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files: std::io::Result<Files> =
            files(site)?.iter().map(|path| Ok((named(path), std::fs::read(path)?))).collect();
        Ok(Server { listener, address, files: Arc::new(files?) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends.
    pub(super) fn run(&self) {
        for stream in self.listener.incoming().flatten() {
            let files = Arc::clone(&self.files);
            // A browser that hangs up early harms nobody.
            std::thread::spawn(move || answer(stream, &files).ok());
        }
    }
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, files: &Files) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let name = file_name(&request);
    let (status, kind, body) = match files.get(name) {
        Some(body) => ("200 OK", media_type(name), body.as_slice()),
        None => ("404 Not Found", "text/plain", b"There is no such file.\n".as_slice()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

/// The name of the file that a request's first line asks for.
fn file_name(request: &str) -> &str {
    let path = request.strip_prefix("GET /").and_then(|rest| rest.split([' ', '?', '#']).next());
    match path {
        Some("") => "index.html",
        Some(name) => name,
        None => "",
    }
}

fn media_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        // Browsers compile it while it loads under this type only.
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn asked(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn files_of_the_folder_are_served_and_nothing_else() {
        let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/web/page");
        let server = Server::bind(&site, 0).unwrap();
        let address = server.address();
        assert!(address.ip().is_loopback());
        std::thread::spawn(move || server.run());
        let page = asked(address, "GET /?a#b HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.contains("<h1>gpu-loss</h1>"));
        assert!(asked(address, "GET /main.js HTTP/1.1\r\n\r\n").contains("text/javascript"));
        for outside in
            ["GET /../Cargo.toml HTTP/1.1\r\n\r\n", "GET //etc/passwd HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n\r\n"]
        {
            assert!(asked(address, outside).starts_with("HTTP/1.1 404"), "{outside}");
        }
    }
}
