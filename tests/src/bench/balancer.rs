//! A balancer: each new connection goes to the next replica.

use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Outcome;

const BUFFER: usize = 16 * 1024;

/// A listening port; closed when dropped.
pub(super) struct Balancer(JoinHandle<()>);

impl Balancer {
    /// Listens on a port of loopback, before these.
    pub(super) async fn start(port: u16, replicas: Vec<u16>) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self(tokio::spawn(async move {
            for replica in replicas.into_iter().cycle() {
                // Whoever asks sees a connection that fails.
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(join(client, replica));
            }
        })))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn join(mut client: TcpStream, replica: u16) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, replica)).await else { return };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_ok() {
        // Either side may end it, in any way.
        let _ = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
    }
}
