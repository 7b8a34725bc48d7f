//! `cargo xtask bench jobs`: background jobs, against queues that others use.
//!
//! Each contender is a program that does one thing and ends (`benches/jobs`): it enqueues jobs by fifty producers, each job by itself and
//! acknowledged; it runs twenty thousand that wait, until it is written of the last that it is done; it measures how long a job waits when
//! there is nothing else to do. Those on PostgreSQL and SQLite are on the disk when they are acknowledged, and so is what Redis is told
//! (`appendfsync always`), as far as BullMQ and Celery wait for that. Contenders have all processors, and take turns.
//!
//! What Celery's worker does has one more step: it counts in Redis, since it is another process.
//!
//! Last, jobs are run while a million others wait behind them, and events are published and delivered: nobody else has those.

use std::{path::Path, process::Command, time::Duration};

use serde_json::Value;
use servers::{Durability, Engine, Server};

use crate::{
    bench::{
        compare::{Options, Programs},
        db::remove,
        foreign::{FOLDER, Foreign, Language},
        report::{self, Budget, median},
    },
    outcome::Result,
    process::{self, Show},
    services,
    workspace::Workspace,
};

/// A queue on something that keeps it.
struct Contender {
    name: &'static str,
    program: Program,
    keeper: Keeper,
}

enum Program {
    Mainstay,
    Graphile,
    Foreign(Foreign),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeper {
    Sqlite,
    Postgres,
    MariaDb,
    Redis,
}

const ON_SQLITE: &str = "Mainstay on SQLite";
const ON_POSTGRES: &str = "Mainstay on PostgreSQL";
const ON_MARIADB: &str = "Mainstay on MariaDB";

const CONTENDERS: &[Contender] = &[
    Contender { name: ON_POSTGRES, program: Program::Mainstay, keeper: Keeper::Postgres },
    Contender { name: ON_MARIADB, program: Program::Mainstay, keeper: Keeper::MariaDb },
    Contender { name: ON_SQLITE, program: Program::Mainstay, keeper: Keeper::Sqlite },
    Contender { name: "graphile_worker on PostgreSQL", program: Program::Graphile, keeper: Keeper::Postgres },
    Contender {
        name: "BullMQ on Redis",
        program: Program::Foreign(Foreign {
            sources: "benches/jobs/bullmq",
            name: "bullmq",
            language: Language::JavaScript,
            main: "jobs.js",
        }),
        keeper: Keeper::Redis,
    },
    Contender {
        name: "Celery on Redis",
        program: Program::Foreign(Foreign {
            sources: "benches/jobs/celery",
            name: "celery",
            language: Language::Python,
            main: "jobs.py",
        }),
        keeper: Keeper::Redis,
    },
];

const ENQUEUE: &[&str] = &["enqueue", "5000", "50"];
const RUN: &[&str] = &["run", "20000"];
const LATENCY: &[&str] = &["latency", "100"];
/// Events that one subscriber gets: those that wait, and one at a time.
const DELIVER: &[&str] = &["deliver", "20000"];
const DELIVERY: &[&str] = &["delivery", "100"];
/// The same number of jobs with a million behind them.
const BACKLOG: &[&str] = &["backlog", "1000000", "20000"];
/// How long one run may take: a million jobs have to be written first.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What the design promises on PostgreSQL: jobs in a second, and milliseconds.
const ENQUEUED_A_SECOND: f64 = 2_000.0;
const RUN_A_SECOND: f64 = 5_000.0;
const LATENCY_AT_MOST: f64 = 10.0;
const SLOWED_AT_MOST: f64 = 1.5;

/// The servers, and the programs.
struct Ground {
    workspace: Workspace,
    postgres: Server,
    mariadb: Server,
    redis: Server,
}

/// What one contender did, in each round.
#[derive(Default)]
struct Seen {
    enqueued: Vec<Value>,
    run: Vec<Value>,
    latency: Vec<Value>,
}

pub(crate) fn run(options: &Options) -> Result<Vec<Budget>> {
    for name in ["postgres", "mariadb", "redis"] {
        if let Some(program) = services::find(name) {
            program.provide()?;
        }
    }
    let workspace = Workspace::load()?;
    if options.programs == Programs::Build {
        build(&workspace)?;
    }
    let present: Vec<&Contender> = CONTENDERS
        .iter()
        .filter(|contender| options.only.is_empty() || options.only.iter().any(|name| name == contender.name))
        .filter(|contender| match &contender.program {
            Program::Foreign(foreign) => foreign.provide(&workspace, contender.name),
            _ => true,
        })
        .collect();
    let ground = Ground {
        workspace,
        postgres: Server::start(Engine::Postgres, Durability::Durable)?,
        mariadb: Server::start(Engine::MariaDb, Durability::Durable)?,
        redis: Server::start(Engine::Redis, Durability::Durable)?,
    };
    let mut seen: Vec<(&str, Seen)> =
        present.iter().map(|contender| (contender.name, Seen::default())).collect();
    for round in 1..=options.rounds {
        for (contender, (_, seen)) in present.iter().zip(&mut seen) {
            println!("round {round}: {}", contender.name);
            seen.enqueued.push(ground.ask(contender, ENQUEUE)?);
            seen.run.push(ground.ask(contender, RUN)?);
            seen.latency.push(ground.ask(contender, LATENCY)?);
        }
    }
    print!("{}", table(&seen));
    let mut budgets = promised(&seen);
    let ours = || present.iter().filter(|contender| matches!(contender.program, Program::Mainstay));
    print!("{}", events(ours(), &ground)?);
    for contender in ours() {
        let behind = ground.ask(contender, BACKLOG)?;
        let alone = seen.iter().find(|(name, _)| *name == contender.name);
        let alone = alone.map_or(f64::NAN, |(_, seen)| middle(&seen.run, "per_second"));
        budgets.push(Budget {
            what: format!("{}: a job with a million behind it, in one with none", contender.name),
            measured: alone / number(&behind, "per_second"),
            limit: SLOWED_AT_MOST,
            unit: "x",
        });
    }
    Ok(budgets)
}

impl Ground {
    /// Has a contender do something, on ground that nobody has used.
    fn ask(&self, contender: &Contender, arguments: &[&str]) -> Result<Value> {
        let target = &self.workspace.target;
        let mut command = Command::new(match &contender.program {
            Program::Mainstay => target.join("release/jobs"),
            Program::Graphile => target.join(GRAPHILE).join("release/graphile"),
            Program::Foreign(foreign) => target.join(FOLDER).join(foreign.name).join("serve"),
        });
        command.args(arguments);
        match contender.keeper {
            Keeper::Sqlite => command.env("DATABASE_URL", fresh_file(target)?),
            Keeper::Postgres => command.env("DATABASE_URL", self.postgres.url()),
            Keeper::MariaDb => command.env("DATABASE_URL", self.mariadb.url()),
            Keeper::Redis => command.env("REDIS_URL", self.redis.url()),
        };
        let ended = process::run(command, Show::Captured, PATIENCE)?;
        let line = ended.output.lines().rev().find(|line| line.starts_with('{'));
        match line {
            Some(line) if ended.success() => Ok(serde_json::from_str(line)?),
            _ => Err(format!("{} {}: {}", contender.name, arguments.join(" "), ended.tail(20)).into()),
        }
    }
}

/// The target folder of the workspace `benches/jobs/graphile`, below that of this one.
const GRAPHILE: &str = "graphile";

fn build(workspace: &Workspace) -> Result<()> {
    let mut ours = workspace.cargo();
    ours.args(["build", "--release", "--package", "jobs"]);
    let mut graphile = workspace.cargo();
    graphile.args([
        "build",
        "--release",
        "--manifest-path",
        "benches/jobs/graphile/Cargo.toml",
        "--target-dir",
    ]);
    graphile.arg(workspace.target.join(GRAPHILE));
    for command in [ours, graphile] {
        if !process::run(command, Show::Live, Duration::from_secs(45 * 60))?.success() {
            return Err("the programs to measure do not build".into());
        }
    }
    Ok(())
}

fn fresh_file(target: &Path) -> Result<String> {
    let folder = target.join("xtask/bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("jobs.db");
    remove(&file)?;
    Ok(format!("sqlite://{}", file.display()))
}

fn number(said: &Value, key: &str) -> f64 {
    said[key].as_f64().unwrap_or(f64::NAN)
}

fn middle(said: &[Value], key: &str) -> f64 {
    median(said.iter().map(|said| number(said, key)))
}

fn table(seen: &[(&str, Seen)]) -> String {
    let header = ["", "enqueued/s", "CPU each", "run/s", "CPU each", "wait p50", "wait p99"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(seen.iter().map(|(name, seen)| {
        vec![
            (*name).to_owned(),
            format!("{:.0}", middle(&seen.enqueued, "per_second")),
            format!("{:.0} µs", middle(&seen.enqueued, "cpu_us")),
            format!("{:.0}", middle(&seen.run, "per_second")),
            format!("{:.0} µs", middle(&seen.run, "cpu_us")),
            format!("{:.2} ms", middle(&seen.latency, "p50_ms")),
            format!("{:.2} ms", middle(&seen.latency, "p99_ms")),
        ]
    }));
    format!("\n{}CPU is that of the program, without that of the server\n", report::table(&rows))
}

/// What becomes of events, on each database.
fn events<'a>(ours: impl Iterator<Item = &'a &'a Contender>, ground: &Ground) -> Result<String> {
    let header = ["", "events published/s", "CPU each", "delivered/s", "CPU each", "wait p50", "wait p99"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for contender in ours {
        let (many, one) = (ground.ask(contender, DELIVER)?, ground.ask(contender, DELIVERY)?);
        rows.push(vec![
            contender.name.to_owned(),
            format!("{:.0}", number(&many["published"], "per_second")),
            format!("{:.0} µs", number(&many["published"], "cpu_us")),
            format!("{:.0}", number(&many["delivered"], "per_second")),
            format!("{:.0} µs", number(&many["delivered"], "cpu_us")),
            format!("{:.2} ms", number(&one, "p50_ms")),
            format!("{:.2} ms", number(&one, "p99_ms")),
        ]);
    }
    Ok(format!("\n{}", report::table(&rows)))
}

/// Rates are promised as at least so many; here as at most so long.
fn promised(seen: &[(&str, Seen)]) -> Vec<Budget> {
    let ours = |name| seen.iter().find(|(seen, _)| *seen == name).map(|(_, seen)| seen);
    let mut budgets = Vec::new();
    if let Some(seen) = ours(ON_POSTGRES) {
        let rates = [
            ("enqueued", middle(&seen.enqueued, "per_second"), ENQUEUED_A_SECOND),
            ("run", middle(&seen.run, "per_second"), RUN_A_SECOND),
        ];
        budgets.extend(rates.map(|(what, measured, promised)| Budget {
            what: format!("{ON_POSTGRES}: time until a job is {what} (1 ms for 1,000/s)"),
            measured: 1000.0 / measured,
            limit: 1000.0 / promised,
            unit: " ms",
        }));
    }
    for name in [ON_POSTGRES, ON_MARIADB, ON_SQLITE] {
        if let Some(seen) = ours(name) {
            budgets.push(Budget {
                what: format!("{name}: from commit to start, idle, median"),
                measured: middle(&seen.latency, "p50_ms"),
                limit: LATENCY_AT_MOST,
                unit: " ms",
            });
        }
    }
    budgets
}
