//! Servers start, are killed, come back with their data, and leave nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::net::{Ipv4Addr, TcpStream};

use servers::pgbouncer::PgBouncer;
use servers::{Durability, Engine, Server, programs};

/// Says that a program is missing; under continuous integration that is a failure.
fn is_there(program: programs::Program) -> bool {
    let Err(why) = program.find() else { return true };
    servers::not_run(&why.to_string());
    false
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn comes_back(engine: Engine) {
    let mut server = Server::start(engine, Durability::Durable).unwrap();
    let port = server.port();
    server.kill();
    assert!(!listens(port));
    server.start_again().unwrap();
    server.stop().unwrap();
    assert!(!listens(port));
    server.start_again().unwrap();
    assert!(server.url().contains(&port.to_string()));
    drop(server);
    assert!(!listens(port));
}

#[test]
fn postgres_comes_back_after_it_was_killed() {
    if is_there(programs::POSTGRES) {
        comes_back(Engine::Postgres);
    }
}

#[test]
fn mariadb_comes_back_after_it_was_killed() {
    if is_there(programs::MARIADB) {
        comes_back(Engine::MariaDb);
    }
}

#[test]
fn redis_comes_back_after_it_was_killed() {
    if is_there(programs::REDIS) {
        comes_back(Engine::Redis);
    }
}

#[test]
fn pgbouncer_stands_before_a_server() {
    if is_there(programs::POSTGRES) && is_there(programs::PGBOUNCER) {
        let server = Server::start(Engine::Postgres, Durability::Fast).unwrap();
        let pooler = PgBouncer::start(server.port()).unwrap();
        let port = pooler.port();
        assert!(listens(port));
        drop(pooler);
        assert!(!listens(port));
    }
}

/// What a replica does with what it gets is tested by whoever reads from it.
fn is_followed(engine: Engine) {
    let primary = Server::start_primary(engine, Durability::Fast).unwrap();
    let mut replica = primary.start_replica().unwrap();
    assert_ne!(replica.port(), primary.port());
    replica.kill();
    replica.start_again().unwrap();
    assert!(listens(replica.port()) && listens(primary.port()));
}

#[test]
fn postgres_is_followed_by_a_replica() {
    if is_there(programs::POSTGRES) {
        is_followed(Engine::Postgres);
    }
}

#[test]
fn mariadb_is_followed_by_a_replica() {
    if is_there(programs::MARIADB) {
        is_followed(Engine::MariaDb);
    }
}
