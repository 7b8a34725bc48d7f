//! A way to a server on which things go wrong.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It is taken, and nobody answers.
    Hangs,
    /// The server says that it has failed.
    Fails,
    /// The server says that it is well.
    SaysYes,
    /// So many bytes of answers come, and then it is cut.
    CutAfter(usize),
    /// So many bytes of answers come, and then nothing more.
    StallsAfter(usize),
}

/// A listener on loopback. The first connections meet these faults, one each; all others get through.
pub(super) struct Proxy {
    pub(super) port: u16,
    pub(super) connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(super) async fn to(port: u16, faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let faults = Arc::new(Mutex::new(faults.into_iter().collect::<VecDeque<_>>()));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let fault = faults.lock().unwrap().pop_front();
                tokio::spawn(async move {
                    let _it_has_ended = carry(client, port, fault).await;
                });
            }
        });
        Self { port: own, connections, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, port: u16, fault: Option<Fault>) -> std::io::Result<()> {
    match fault {
        Some(Fault::Hangs) => {
            let mut nothing = Vec::new();
            client.read_to_end(&mut nothing).await.map(drop)
        }
        Some(fault @ (Fault::Fails | Fault::SaysYes)) => {
            let mut some = [0; 4096];
            let _asked = client.read(&mut some).await?;
            let status = if matches!(fault, Fault::Fails) { "500 Internal Server Error" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            client.write_all(answer.as_bytes()).await?;
            client.shutdown().await
        }
        Some(Fault::CutAfter(bytes) | Fault::StallsAfter(bytes)) => {
            let server = TcpStream::connect(("127.0.0.1", port)).await?;
            let (mut from_server, mut to_server) = server.into_split();
            let (mut from_client, mut to_client) = client.into_split();
            let asks = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::io::copy(&mut (&mut from_server).take(bytes as u64), &mut to_client).await?;
            if matches!(fault, Some(Fault::StallsAfter(_))) {
                asks.await.map(drop)?;
            } else {
                asks.abort();
            }
            Ok(())
        }
        None => {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
    }
}
