//! The engine's own shell on the database of the application.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{self, ExitCode};

use mainstay_core::driver::scheme_of;
use mainstay_core::{Error, Result};

use crate::engine;

/// A program, how it is called, and what it is told in secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// The first of these that is there is run.
    programs: &'static [&'static str],
    /// Where they come from.
    package: &'static str,
    arguments: Vec<OsString>,
    /// The password: what stands among the arguments is there for everybody on the machine to see.
    secret: Option<(&'static str, String)>,
}

impl Client {
    pub(super) fn of(url: &str, home: &Path) -> Result<Self> {
        match scheme_of(url) {
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

    /// The tool that backs up a database of this engine, and how it is called.
    pub(super) fn backup_line(&self, url: &str, file: &Path) -> (&'static str, String) {
        let file = word(file.as_os_str());
        if engine::is_postgres(url) {
            return ("pg_dump", format!("pg_dump --format=custom --file={file} {}", self.words()));
        }
        ("mariadb-dump", format!("mariadb-dump --single-transaction {} > {file}", self.words()))
    }

    /// The tool that restores a database of this engine, and how it is called.
    pub(super) fn restore_line(&self, url: &str, file: &Path) -> (&'static str, String) {
        let file = word(file.as_os_str());
        if engine::is_postgres(url) {
            return (
                "pg_restore",
                format!("pg_restore --clean --if-exists --dbname={} {file}", self.words()),
            );
        }
        ("mariadb", format!("mariadb {} < {file}", self.words()))
    }

    /// The arguments as a shell reads them. A password is asked for.
    fn words(&self) -> String {
        let mut words: Vec<String> = self.arguments.iter().map(|argument| word(argument)).collect();
        if self.secret.as_ref().is_some_and(|(name, _)| *name == "MYSQL_PWD") {
            words.insert(0, "--password".to_owned());
        }
        words.join(" ")
    }

    pub(super) fn run(&self) -> Result<ExitCode> {
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

/// An argument as a shell reads it.
fn word(argument: &OsStr) -> String {
    let text = argument.to_string_lossy();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=:/.@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
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
    fn names_the_tools_of_servers_without_the_password() {
        let of = |url: &str| {
            let client = Client::of(url, Path::new("/")).unwrap();
            (client.backup_line(url, Path::new("a b")).1, client.restore_line(url, Path::new("b.dump")).1)
        };
        let (backup, restore) = of("postgres://ann:secret@db/app?sslmode=require&x=1");
        assert_eq!(
            backup,
            "pg_dump --format=custom --file='a b' 'postgres://ann@db/app?sslmode=require&x=1'"
        );
        assert!(
            restore.starts_with("pg_restore --clean --if-exists --dbname='postgres://ann@db/"),
            "{restore}"
        );
        let (backup, restore) = of("mysql://ann:secret@db/app");
        assert_eq!(
            backup,
            "mariadb-dump --single-transaction --password --default-character-set=utf8mb4 --protocol=tcp --host=db \
             --user=ann app > 'a b'"
        );
        assert!(restore.ends_with("--user=ann app < b.dump") && !restore.contains("secret"), "{restore}");
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
