//! Servers that run for the while, and the variables by which suites find them.

use servers::{Durability, Engine, Server};

use crate::{outcome::Result, services::find};

/// A server that suites find by a variable.
struct Service {
    /// The program that it is, in the list of programs.
    program: &'static str,
    engine: Engine,
    /// Set by hand, it names a server that is used as it is.
    variable: &'static str,
}

const SERVICES: &[Service] = &[
    Service { program: "postgres", engine: Engine::Postgres, variable: "MAINSTAY_POSTGRES_URL" },
    Service { program: "mariadb", engine: Engine::MariaDb, variable: "MAINSTAY_MYSQL_URL" },
    Service { program: "redis", engine: Engine::Redis, variable: "MAINSTAY_REDIS_URL" },
];

/// Servers, until this is dropped. Should this program be killed, they end nevertheless (see `servers::process`).
#[derive(Default)]
pub(crate) struct Running {
    variables: Vec<(&'static str, String)>,
    missing: Vec<String>,
    servers: Vec<Server>,
}

impl Running {
    /// Starts what is not given in the environment. What does not start is [missing](Self::missing).
    pub(crate) fn start() -> Self {
        let mut running = Self::default();
        for service in SERVICES {
            match std::env::var(service.variable) {
                Ok(given) => running.variables.push((service.variable, given)),
                Err(_) => match start(service) {
                    Ok(server) => {
                        running.variables.push((service.variable, server.url()));
                        running.servers.push(server);
                    }
                    Err(why) => running.missing.push(format!("{}: {why}", service.program)),
                },
            }
        }
        // Programs that suites start themselves.
        for program in ["pgbouncer", "moto", "node", "azurite"].into_iter().filter_map(find) {
            match program.provide() {
                Ok(path) => running.variables.push((program.place.variable, path.display().to_string())),
                Err(why) => running.missing.push(format!("{}: {why}", program.name)),
            }
        }
        running
    }

    /// What to put into the environment of a suite.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What does not run, and why.
    pub(crate) fn missing(&self) -> &[String] {
        &self.missing
    }
}

fn start(service: &Service) -> Result<Server> {
    if let Some(program) = find(service.program) {
        program.provide()?;
    }
    // What they hold does not outlive the run.
    Server::start(service.engine, Durability::Fast)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_is_a_known_program() {
        assert!(SERVICES.iter().all(|service| find(service.program).is_some()));
    }
}
