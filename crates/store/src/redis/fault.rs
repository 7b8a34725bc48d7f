//! Why there is no answer.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::tls::TlsFault;

/// Why there is no answer. Those who share an attempt at a connection share it.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It is not there, or refuses.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// It is there, and the way to it cannot be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// It was silent.
    #[error("it has not answered in time")]
    TooLate,
}

impl Fault {
    /// Whether the server was silent for too long.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Redis(error) => error.is_timeout(),
            Self::Tls(_) => false,
            Self::TooLate => true,
        }
    }

    /// Whether the connection has to be made anew: it is gone, or the server has become one that only follows another.
    pub(super) fn is_loss(&self) -> bool {
        let Self::Redis(error) = self else { return false };
        error.is_unrecoverable_error()
            || error.is_connection_dropped()
            || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
    }

    /// Whether a server that is there does not let this application in, has no such database, or is no Redis: no time heals that.
    pub(super) fn is_refusal(&self) -> bool {
        let Self::Redis(error) = self else { return false };
        let is_denied = matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
        let never = matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed
                | ErrorKind::InvalidClientConfig
                | ErrorKind::Parse
                | ErrorKind::Server(ServerErrorKind::ResponseError)
        );
        is_denied || never
    }
}
