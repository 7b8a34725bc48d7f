//! The engine's own shell on the database of the application.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{self, ExitCode};

use mainstay_core::command::{Call, Command};
use mainstay_core::{Error, Result};

use super::DatabaseConfig;
use crate::engine;

/// `db shell`
pub(super) fn command() -> Command {
    let action = clap::Arg::new("action")
        .value_parser(["shell"])
        .required(true)
        .help("shell: open the engine's own shell");
    Command::new("db", "Opens sqlite3, psql or mariadb on the database.", |call: Call| async move {
        let config = call.assembly.config.section::<DatabaseConfig>()?;
        let client = Client::of(&config.url, call.assembly.config.home())?;
        tokio::task::spawn_blocking(move || client.run())
            .await
            .map_err(|fault| Error::internal(format!("the shell could not be waited for: {fault}")))?
    })
    .argument(action)
}

/// A program, how it is called, and what it is told in secret.
#[derive(Debug, PartialEq, Eq)]
struct Client {
    /// The first of these that is there is run.
    programs: &'static [&'static str],
    /// Where they come from.
    package: &'static str,
    arguments: Vec<OsString>,
    /// The password: what stands among the arguments is there for everybody on the machine to see.
    secret: Option<(&'static str, String)>,
}

impl Client {
    fn of(url: &str, home: &Path) -> Result<Self> {
        match url.split_once(':').map_or(url, |(scheme, _)| scheme) {
            "postgres" | "postgresql" => Ok(Self::postgres(url)),
            "mysql" | "mariadb" => Ok(Self::mysql(url)),
            _ => Self::sqlite(url, home),
        }
    }

    fn sqlite(url: &str, home: &Path) -> Result<Self> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path == ":memory:" {
            return Err(Error::unavailable(
                "a database in memory belongs to its process alone: set database.url to a file",
            ));
        }
        let arguments = vec![home.join(path).into_os_string()];
        Ok(Self { programs: &["sqlite3"], package: "sqlite3", arguments, secret: None })
    }

    /// psql understands the address as we do.
    fn postgres(url: &str) -> Self {
        let (url, password) = without_password(url);
        let secret = password.map(|password| ("PGPASSWORD", password));
        Self { programs: &["psql"], package: "postgresql-client", arguments: vec![url.into()], secret }
    }

    fn mysql(url: &str) -> Self {
        let (url, password) = without_password(url);
        let (address, query) = url.split_once('?').unwrap_or((&url, ""));
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        let (user, place) =
            address.rsplit_once('@').map_or((None, address), |(user, place)| (Some(user), place));
        let (server, database) = place.split_once('/').unwrap_or((place, ""));
        // The port stands behind the last colon, unless that is within the brackets of an address of IPv6.
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (server, None),
        };
        let mut arguments: Vec<OsString> = vec!["--default-character-set=utf8mb4".into()];
        let mut add = |name: &str, value: &str| {
            arguments.push(format!("--{name}={}", engine::decoded(value)).into());
        };
        let parameter = |name: &str| {
            query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        };
        match parameter("socket") {
            Some((_, socket)) => add("socket", socket),
            None => {
                // Without it, `localhost` would mean a socket.
                add("protocol", "tcp");
                add("host", host.trim_matches(['[', ']']));
            }
        }
        if let Some(port) = port {
            add("port", port);
        }
        if let Some(user) = user {
            add("user", user);
        }
        if let Some((_, authority)) = parameter("sslrootcert") {
            add("ssl-ca", authority);
        }
        arguments.push(engine::decoded(database).into());
        let secret = password.map(|password| ("MYSQL_PWD", password));
        Self { programs: &["mariadb", "mysql"], package: "mariadb-client", arguments, secret }
    }

    fn run(&self) -> Result<ExitCode> {
        for program in self.programs {
            let mut command = process::Command::new(program);
            command.args(&self.arguments).envs(self.secret.iter().map(|(name, value)| (name, value)));
            match become_it(command) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::internal(format!("`{program}` could not be started: {error}")));
                }
                Ok(code) => return Ok(code),
            }
        }
        let programs = self.programs.iter().map(|program| format!("`{program}`")).collect::<Vec<_>>();
        Err(Error::unavailable(format!(
            "{} is not installed: it comes with the package `{}`",
            programs.join(" or "),
            self.package
        )))
    }
}

/// The process becomes the shell, so that the terminal and its signals are the shell's own.
#[cfg(unix)]
fn become_it(mut command: process::Command) -> io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_it(mut command: process::Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The address without its password, and the password.
fn without_password(url: &str) -> (String, Option<String>) {
    if let Some((scheme, rest)) = url.split_once("://")
        && let Some((credentials, place)) = rest.rsplit_once('@')
        && let Some((user, password)) = credentials.split_once(':')
    {
        return (format!("{scheme}://{user}@{place}"), Some(engine::decoded(password)));
    }
    (url.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> (String, Option<(&'static str, String)>) {
        let client = Client::of(url, Path::new("/home/app")).unwrap();
        let words = client.arguments.iter().map(|word| word.to_str().unwrap());
        let line = std::iter::once(client.programs[0]).chain(words).collect::<Vec<_>>().join(" ");
        (line, client.secret)
    }

    #[test]
    fn calls_the_shell_of_the_engine_and_keeps_the_password_to_itself() {
        let (line, secret) = client("postgres://ann:s%40crt@db:5433/app?sslmode=require");
        assert_eq!(line, "psql postgres://ann@db:5433/app?sslmode=require");
        assert_eq!(secret, Some(("PGPASSWORD", "s@crt".to_owned())));
        let (line, secret) = client("mysql://ann:s%40crt@db:3307/app?sslrootcert=ca.pem");
        assert_eq!(
            line,
            "mariadb --default-character-set=utf8mb4 --protocol=tcp --host=db --port=3307 --user=ann --ssl-ca=ca.pem app"
        );
        assert_eq!(secret, Some(("MYSQL_PWD", "s@crt".to_owned())));
        let (line, _) = client("mariadb://ann@[::1]/app");
        assert!(line.contains("--host=::1 --user=ann app"), "{line}");
        let (line, _) = client("mysql://ann@h/app?socket=/run/my.sock");
        assert!(line.contains("--socket=/run/my.sock") && !line.contains("--host"), "{line}");
        assert_eq!(client("sqlite:data/app.db").0, "sqlite3 /home/app/data/app.db");
        assert_eq!(client("sqlite:///var/app.db").0, "sqlite3 /var/app.db");
        assert!(Client::of("sqlite::memory:", Path::new("/")).is_err());
    }

    #[test]
    fn says_which_program_is_missing() {
        let client = Client {
            programs: &["no-such-shell-of-ours"],
            package: "no-such-package",
            arguments: Vec::new(),
            secret: None,
        };
        let fault = client.run().unwrap_err();
        assert!(fault.message().contains("`no-such-shell-of-ours` is not installed"), "{}", fault.message());
        assert!(fault.message().contains("no-such-package"));
    }
}
