//! `db.W031`, by `check --deploy`: what goes to the database, and the password for it, can be read on its way.

use mainstay_core::assembly::Assembly;
use mainstay_core::{Finding, Findings};

use super::config::DatabaseConfig;
use crate::engine;

pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<DatabaseConfig>() else { return };
    let replicas = config.replicas.iter().map(|url| ("database.replicas", url));
    let direct = config.direct_url.iter().map(|url| ("database.direct_url", url));
    for (key, url) in [("database.url", &config.url)].into_iter().chain(replicas).chain(direct) {
        if may_be_read(url) {
            let place = engine::place(url);
            let told =
                format!("the connection to `{place}` need not be encrypted: whoever is in between reads it");
            let fix =
                "add sslmode=verify-full to the address, and sslrootcert=… where the authority is your own";
            findings.add(Finding::warning("db.W031", told).at(key).fix(fix));
        }
    }
}

/// Whether somebody in between can read along: it goes to another machine, and encryption is not demanded.
fn may_be_read(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    if !["postgres", "postgresql", "mysql", "mariadb"].contains(&scheme) {
        return false;
    }
    let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut parameters = parameters.split('&').filter_map(|pair| pair.split_once('='));
    let is_set = |name: &str| parameters.clone().find(|(key, _)| *key == name).map(|(_, value)| value);
    if is_set("socket").is_some() || is_set("host").is_some_and(is_here) {
        return false;
    }
    let hosts = address.rsplit_once('@').map_or(address, |(_, hosts)| hosts);
    let hosts = hosts.split('/').next().unwrap_or(hosts);
    let goes_elsewhere = hosts.split(',').any(|host| !is_here(host));
    let demands = parameters
        .find(|(key, _)| *key == "sslmode")
        .is_some_and(|(_, mode)| ["require", "verify-ca", "verify-full"].contains(&mode));
    goes_elsewhere && !demands
}

/// Whether a host is this machine, by a port or by a socket.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name.is_empty()
        || name == "localhost"
        || name.starts_with('/')
        || name.to_ascii_lowercase().starts_with("%2f")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_connections_others_could_read() {
        for read in [
            "postgres://ann:p@ss@db.example/shop",
            "postgres://db/shop?sslmode=prefer",
            "postgresql://10.0.0.7:5432/shop?sslmode=disable",
            "postgres://localhost,db/shop",
            "mysql://ann@db:3306/shop?application_name=a",
            "mariadb://[2001:db8::1]/shop",
        ] {
            assert!(may_be_read(read), "{read}");
        }
        for hidden in [
            "sqlite:data/app.db",
            "postgres://ann@db.example/shop?sslmode=verify-full&sslrootcert=ca.pem",
            "postgres://db/shop?sslmode=require",
            "postgres://ann:pw@localhost:5432/shop",
            "postgres://127.0.0.1/shop",
            "postgres://[::1]:5432/shop",
            "postgres://%2Frun%2Fpostgresql/shop",
            "postgres:///shop?host=/run/postgresql",
            "mysql://localhost/shop",
            "mysql://db/shop?socket=/run/mysql.sock",
        ] {
            assert!(!may_be_read(hidden), "{hidden}");
        }
    }
}
