//! An address that answers only once it is opened: bytes go on to another one.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Opens an address on loopback whose bytes go to another; it stays open to this process's end.
pub fn open(address: &str, to: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || join(&client, to));
        }
    });
    Ok(())
}

/// Copies both ways until both ends are through.
fn join(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    let (from, into) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || copy(&from, &into));
    copy(&server, client);
    // The other direction ends by itself; it does not panic.
    let _ = there.join();
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // Whoever hung up, the other side learns it by its own end.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
