//! Socket activation: the service manager opens the socket and hands it over (systemd's `LISTEN_FDS`).
//!
//! The manager keeps the socket while the program is replaced, so no connection is refused during a restart; and it may
//! open a privileged port for a program without privileges.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::OnceLock;

use listenfd::ListenFd;

/// A socket that was open when the program started.
pub(super) enum Inherited {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The socket at the first place, if this process was given any. Asked again, as after a restart of the listener, it is
/// the same socket.
pub(super) fn socket() -> io::Result<Option<Inherited>> {
    // Taken from its descriptor once in the life of the process: a second owner would close it under the first.
    static FIRST: OnceLock<Result<Option<Inherited>, String>> = OnceLock::new();
    match FIRST.get_or_init(|| take().map_err(|error| error.to_string())) {
        Ok(Some(inherited)) => inherited.share().map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(io::Error::other(error.clone())),
    }
}

fn take() -> io::Result<Option<Inherited>> {
    let mut given = ListenFd::from_env();
    match given.take_tcp_listener(0) {
        Ok(listener) => Ok(listener.map(Inherited::Tcp)),
        // It stays in its place when it is of the other kind.
        Err(_) => Ok(given.take_unix_listener(0)?.map(Inherited::Unix)),
    }
}

impl Inherited {
    fn share(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => {
                let listener = listener.try_clone()?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            Self::Unix(listener) => {
                let listener = listener.try_clone()?;
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(listener))
            }
        }
    }
}
