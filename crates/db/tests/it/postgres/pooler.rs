//! Behind PgBouncer in transaction mode, where every statement may meet another connection of the server.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures_util::future::join_all;
use mainstay_db::driver::{Begin, Driver, Ending, Statement};
use mainstay_db::migrate::Goal;
use mainstay_db::postgres::{Location, Pooler, PostgresOptions};
use mainstay_db::value::Value;
use mainstay_db::{DatabaseConfig, Db, DbError, Settings};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::proxy::split;
use super::{ask, insert, notes, on, one, open, read};
use crate::contract::made_migrations::BESIDE;
use crate::contract::migrations::{INITIAL, run, sets};

/// A PgBouncer with two connections to the server. It ends with the test.
pub(super) struct Bouncer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<&'static str> {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

impl Bouncer {
    pub(super) async fn start(url: &str) -> Option<Self> {
        let Some(program) = program() else {
            servers::not_run("there is no pgbouncer on this machine");
            return None;
        };
        let (before, place, _) = split(url);
        let (host, server_port) = place.split_once(':').unwrap_or((&place, "5432"));
        let user = before.trim_end_matches('@').rsplit('/').next().unwrap_or_default();
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let password = if password.is_empty() { String::new() } else { format!(" password={password}") };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port} user={user}{password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg("-q").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "postgres"]);
        }
        let process = command.spawn().unwrap();
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { process, port, _folder: folder })
    }

    pub(super) fn url(&self, url: &str) -> String {
        let (before, _, after) = split(url);
        format!("{before}127.0.0.1:{}{after}", self.port)
    }
}

/// The address through a PgBouncer, and options for it.
async fn behind(url: &str) -> Option<(Bouncer, String, PostgresOptions)> {
    let bouncer = Bouncer::start(url).await?;
    let through = bouncer.url(url);
    let options = PostgresOptions {
        connections: 20,
        pooler: Pooler::Transaction,
        direct: Some(Location::parse(url, Path::new(".")).unwrap()),
        ..PostgresOptions::default()
    };
    Some((bouncer, through, options))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_when_every_statement_meets_another_connection() {
    on(async |url: String| {
        let Some((_bouncer, through, options)) = behind(&url).await else { return };
        let (one_driver, other) = (open(&through, options.clone()).await, open(&through, options).await);
        notes(&*one_driver).await;
        let tasks = (0..40_i64).map(|task| {
            let driver = if task % 2 == 0 { one_driver.clone() } else { other.clone() };
            tokio::spawn(async move {
                for number in 0..20 {
                    let id = task * 100 + number;
                    if number % 5 == 0 {
                        let transaction = driver.begin(Begin::default()).await.unwrap();
                        let add =
                            Statement::write("INSERT INTO notes (id) VALUES ($1)", vec![Value::Int(id)]);
                        transaction.run(add).await.unwrap();
                        transaction.end(Ending::Commit).await.unwrap();
                    } else {
                        insert(&*driver, id).await.unwrap();
                    }
                    let sql = "SELECT id FROM notes WHERE id = $1";
                    let reply = driver.run(Statement::read(sql, vec![Value::Int(id)])).await.unwrap();
                    assert_eq!(one::<i64>(&reply), id);
                }
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(ask::<i64>(&*other, "SELECT COUNT(*) FROM notes").await, 800);
        let many = (10_000..10_050).map(Value::Int).collect();
        let many = Statement::write_many("INSERT INTO notes (id) VALUES ($1)", many, 50);
        assert_eq!(one_driver.run(many).await.unwrap().affected, 50);
        let mut stream = other.stream(read("SELECT id FROM notes ORDER BY id")).await.unwrap();
        let mut streamed = 0;
        while let Some(batch) = stream.next().await {
            streamed += batch.unwrap().len();
        }
        assert_eq!(streamed, 850);
        one_driver.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binds_every_kind_of_value_as_text() {
    on(async |url: String| {
        let Some((_bouncer, through, options)) = behind(&url).await else { return };
        let driver = open(&through, options).await;
        let time: DateTime<Utc> = "2026-11-23T08:30:00.000001Z".parse().unwrap();
        for (sql_type, value) in [
            ("boolean", Value::Bool(true)),
            ("integer", Value::Int(-7)),
            ("double precision", Value::Float(0.1 + 0.2)),
            ("double precision", Value::Float(f64::NEG_INFINITY)),
            ("numeric", Value::Decimal(Decimal::new(-1_230, 2))),
            ("uuid", Value::Uuid(Uuid::max())),
            ("text", Value::Text("it's \\ \"quoted\"".into())),
            ("bytea", Value::Bytes((0..=255).collect())),
            ("timestamptz", Value::DateTime(time)),
            ("timestamptz", Value::DateTime("0001-01-01T00:00:00Z".parse().unwrap())),
            ("date", Value::Date(NaiveDate::from_ymd_opt(-43, 3, 15).unwrap())),
            ("time", Value::Time(NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap())),
            ("text", Value::Null),
        ] {
            let sql =
                format!("SELECT CAST($1 AS {sql_type}), COALESCE(CAST($1 AS {sql_type}) = ANY($2), false)");
            let values = vec![value.clone(), Value::List(vec![value.clone(), Value::Null])];
            let reply = driver.run(Statement::read(sql, values)).await.unwrap();
            let row = reply.rows.first().unwrap();
            assert_eq!(row.cell(0).to_value(), value, "{sql_type}");
            assert_eq!(row.get::<bool>(1), Ok(!value.is_null()), "{sql_type}");
        }
        let list = Value::List(vec![Value::Text("\"{,}\\".into()), Value::Null, Value::Text("NULL".into())]);
        let read = Statement::read("SELECT CAST($1 AS text[])", vec![list.clone()]);
        let reply = driver.run(read).await.unwrap();
        assert_eq!(reply.rows.first().unwrap().cell(0).to_value(), list);
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_its_limits_there() {
    on(async |url: String| {
        let Some((_bouncer, through, options)) = behind(&url).await else { return };
        let limit = Duration::from_millis(200);
        let driver = open(&through, PostgresOptions { statement_timeout: limit, ..options }).await;
        let fault = driver.run(read("SELECT pg_sleep(20)")).await.unwrap_err();
        assert_eq!(fault, DbError::Timeout { limit });
        let transaction = driver.begin(Begin::default()).await.unwrap();
        let fault = transaction.run(read("SELECT pg_sleep(20)")).await.unwrap_err();
        assert_eq!(fault, DbError::Timeout { limit });
        drop(transaction);
        assert_eq!(ask::<i32>(&*driver, "SELECT 1").await, 1);
        // A script goes to the server itself.
        driver
            .run(Statement::script("SET search_path = pg_catalog; CREATE TABLE public.direct (id integer)"))
            .await
            .unwrap();
        driver.run(read("SELECT id FROM direct")).await.unwrap();
        driver.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_go_past_the_pooler() {
    on(async |url: String| {
        let Some(bouncer) = Bouncer::start(&url).await else { return };
        let config = DatabaseConfig {
            url: bouncer.url(&url),
            direct_url: Some(url),
            pooler: "transaction".to_owned(),
            ..DatabaseConfig::default()
        };
        let driver = config.open(Path::new(".")).await.unwrap();
        let db = Db::over(driver.clone(), Settings::default());
        let sets = sets(&[("0001_initial", INITIAL), ("0002_beside", BESIDE)]);
        assert_eq!(run(&db, &sets, Goal::Latest).await.unwrap(), ["+0001_initial", "+0002_beside"]);
        driver.run(read("SELECT id FROM books")).await.unwrap();
        assert_eq!(run(&db, &sets, Goal::Nothing).await.unwrap(), ["-0002_beside", "-0001_initial"]);
        driver.close().await;
    })
    .await;
}
