//! Takes the address, apart from serving it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::{Error, Profile, Result};
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use super::config::ListenConfig;
use super::connection::Accepted;
#[cfg(unix)]
use super::inherited::{self, Inherited};
use super::metrics::ConnectionMetrics;
use super::peer::PeerAddress;
use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::Certificates;

/// After this silence the system asks whether the peer is still there, so that the dead do not fill the cap.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A taken address, ready to serve.
pub struct Bound {
    pub(super) listener: Listener,
    pub(super) config: ListenConfig,
    pub(super) metrics: Arc<ConnectionMetrics>,
    #[cfg(feature = "tls")]
    pub(super) certificates: Option<Certificates>,
}

/// Where a listener can be reached on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// At this address and port.
    Ip(SocketAddr),
    /// At this path.
    Unix(PathBuf),
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("address", &self.listener.address()).finish_non_exhaustive()
    }
}

impl Bound {
    /// Where it can be reached.
    pub fn address(&self) -> LocalAddress {
        self.listener.address()
    }

    /// The port, unless it is a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match self.address() {
            LocalAddress::Ip(address) => Some(address.port()),
            LocalAddress::Unix(_) => None,
        }
    }

    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.config.tls.is_some()
    }

    /// The address as one would type it: `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        match self.address() {
            LocalAddress::Ip(address) => {
                format!("{}://{address}", if self.is_tls() { "https" } else { "http" })
            }
            unix => unix.to_string(),
        }
    }

    /// The numbers about its connections.
    pub fn metrics(&self) -> Arc<ConnectionMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Its certificates, to reload them at will.
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }
}

impl ListenConfig {
    /// Takes the address and reads the certificates. If the service manager has handed a socket over (`LISTEN_FDS`), that
    /// is taken, whatever the address.
    ///
    /// # Errors
    /// When the address is in use, may not be taken or is none, and when the certificate does not serve: each names the
    /// setting that fixes it.
    pub async fn bind(&self, profile: &Profile) -> Result<Bound> {
        #[cfg(not(feature = "tls"))]
        if self.tls.is_some() {
            return Err(Error::internal(
                "`[http.tls]` is set, but this program was built without TLS: add the feature `tls` of mainstay, or \
                 remove the setting",
            ));
        }
        #[cfg(feature = "tls")]
        let certificates = match &self.tls {
            Some(tls) => Some(Certificates::load(tls).await?),
            None => None,
        };
        let listener = match (inherit()?, &self.unix) {
            (Some(listener), _) => listener,
            (None, Some(path)) => self.bind_unix(path.clone()).await?,
            (None, None) => self.bind_tcp(profile).await?,
        };
        Ok(Bound {
            listener,
            config: self.clone(),
            metrics: Arc::default(),
            #[cfg(feature = "tls")]
            certificates,
        })
    }

    async fn bind_tcp(&self, profile: &Profile) -> Result<Listener> {
        let host = match &self.host {
            Some(host) => host.as_str(),
            None if profile.is_production() => "0.0.0.0",
            None => "127.0.0.1",
        };
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = tokio::net::lookup_host((name, self.port)).await.map_err(|error| {
            Error::internal(format!("cannot listen on `{host}`: no such host; set `host` under `[http]`"))
                .caused_by(error)
        })?;
        let mut failure = None;
        for address in addresses {
            match listen(address, self.backlog) {
                Ok(listener) => return Ok(Listener::Tcp(listener)),
                Err(error) => failure = failure.or(Some((address, error))),
            }
        }
        Err(match failure {
            Some((address, error)) => cannot_listen(address, error),
            None => Error::internal(format!("`{host}` has no address; set `host` under `[http]`")),
        })
    }

    #[cfg(unix)]
    async fn bind_unix(&self, path: PathBuf) -> Result<Listener> {
        let mode = self.unix_permissions().ok_or_else(|| {
            Error::internal(format!(
                "`unix_mode = \"{}\"` under `[http]` is no permission: write it in octal, as `660`",
                self.unix_mode
            ))
        })?;
        let backlog = self.backlog;
        // File system calls block.
        let bound = tokio::task::spawn_blocking(move || unix::listen(path, mode, backlog)).await?;
        let (socket, path) = bound?;
        Ok(Listener::Unix(UnixListener::from_std(socket)?, path))
    }

    #[cfg(not(unix))]
    async fn bind_unix(&self, _path: PathBuf) -> Result<Listener> {
        Err(Error::internal("`unix` under `[http]`: this system has no Unix sockets"))
    }
}

/// The socket that the service manager has opened, if it has.
#[cfg(unix)]
fn inherit() -> Result<Option<Listener>> {
    let inherited = inherited::socket().map_err(|error| {
        Error::internal("the socket handed over by `LISTEN_FDS` is none to listen on").caused_by(error)
    })?;
    Ok(match inherited {
        None => None,
        Some(Inherited::Tcp(socket)) => {
            prepare(&SockRef::from(&socket))?;
            Some(Listener::Tcp(TcpListener::from_std(socket)?))
        }
        Some(Inherited::Unix(socket)) => {
            let address = socket.local_addr()?;
            let path = address.as_pathname().unwrap_or(Path::new("")).to_owned();
            Some(Listener::Unix(UnixListener::from_std(socket)?, SocketFile::of_another(path)))
        }
    })
}

#[cfg(not(unix))]
fn inherit() -> Result<Option<Listener>> {
    Ok(None)
}

/// What accepted sockets inherit: answers leave at once, and the dead are found out.
fn prepare(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE))?;
    socket.set_tcp_nodelay(true)
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows it would let two programs share a port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `::` means every address, IPv4 included. A system that refuses still listens on IPv6.
        let _refused_or_not = socket.set_only_v6(false);
    }
    prepare(&SockRef::from(&socket))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> Error {
    let port = address.port();
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program listens there. Stop it, or take another port: `PORT={next}`, or `port = {next}` under \
             `[http]`",
            next = port.checked_add(1).unwrap_or(8000)
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} is reserved for privileged programs. Take one above 1023: `PORT=8000`, or `port = 8000` under \
             `[http]`"
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address. Correct `host` under `[http]`".to_owned()
        }
        _ => "the system refused. Check `host` and `port` under `[http]`".to_owned(),
    };
    Error::internal(format!("cannot listen on {address}: {fix}")).caused_by(error)
}

#[cfg(unix)]
use self::unix::SocketFile;

#[cfg(unix)]
mod unix {
    //! A Unix socket replaces a stale file, never one that somebody answers on.

    use std::fs;
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    use mainstay_core::{Error, Result};
    use socket2::{Domain, SockAddr, Socket, Type};

    /// The file of a socket. It goes with the listener.
    pub(in crate::listen) struct SocketFile {
        pub(in crate::listen) path: PathBuf,
        /// None if the file belongs to another program.
        inode: Option<u64>,
    }

    impl SocketFile {
        /// The file of a socket that another program has opened, and will remove.
        pub(super) fn of_another(path: PathBuf) -> Self {
            Self { path, inode: None }
        }
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            // A successor may have put its own in place already.
            if fs::symlink_metadata(&self.path).is_ok_and(|file| Some(file.ino()) == self.inode) {
                // If it cannot be removed, the next start finds it stale.
                let _removed_or_not = fs::remove_file(&self.path);
            }
        }
    }

    pub(super) fn listen(path: PathBuf, mode: u32, backlog: u32) -> Result<(UnixListener, SocketFile)> {
        let fail = |what: &str, error: io::Error| {
            Error::internal(format!(
                "cannot listen on the Unix socket {}: {what}; see `unix` under `[http]`",
                path.display()
            ))
            .caused_by(error)
        };
        is_free(&path).map_err(|error| fail("the path is taken", error))?;
        // Permissions come before the name, so that nobody connects in between.
        let mut hidden = path.clone().into_os_string();
        hidden.push(format!(".{}", std::process::id()));
        let hidden = PathBuf::from(hidden);
        let place = || -> io::Result<(Socket, u64)> {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&SockAddr::unix(&hidden)?)?;
            socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
            socket.set_nonblocking(true)?;
            fs::set_permissions(&hidden, fs::Permissions::from_mode(mode))?;
            let inode = fs::symlink_metadata(&hidden)?.ino();
            fs::rename(&hidden, &path)?;
            Ok((socket, inode))
        };
        match place() {
            Ok((socket, inode)) => Ok((socket.into(), SocketFile { path, inode: Some(inode) })),
            Err(error) => {
                let _there_or_not = fs::remove_file(&hidden);
                Err(fail("it cannot be made", error))
            }
        }
    }

    fn is_free(path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(file) if !file.file_type().is_socket() => {
                Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there"))
            }
            Ok(_) => match UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another program answers there")),
                Err(error) => Err(error),
            },
        }
    }
}

/// Where connections come from.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

impl Listener {
    fn address(&self) -> LocalAddress {
        match self {
            Self::Tcp(listener) => LocalAddress::Ip(
                listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0))),
            ),
            #[cfg(unix)]
            Self::Unix(_, file) => LocalAddress::Unix(file.path.clone()),
        }
    }

    /// The next connection. Dropping the future loses none.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Inherited on Linux; elsewhere not always. It fails only for a connection that is gone already.
                #[cfg(not(target_os = "linux"))]
                let _set_or_gone = stream.set_nodelay(true);
                let local = stream.local_addr().ok();
                Ok(Accepted { socket: Socket::Tcp(stream), address: PeerAddress::Ip(address), local })
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted { socket: Socket::Unix(stream), address: PeerAddress::Unix, local: None })
            }
        }
    }
}
