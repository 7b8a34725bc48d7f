//! `cargo xtask bench http`: the default stack against raw hyper, bare axum, and axum with ordinary tower layers.
//!
//! Every contender is an optimised program with one worker thread on a processor of its own; the load generator has
//! the other. In each round each is started anew, warmed up and measured, one after the other, so that whatever else
//! the machine does hits all alike. The table shows medians over the rounds.

use std::path::PathBuf;

use crate::{
    bench::{
        load::Load,
        report::{self, Budget, median},
        server::Server,
    },
    outcome::Result,
    process::{self, Show},
    workspace::Workspace,
};

pub(crate) struct Options {
    pub(crate) rounds: u64,
    /// How long each path is pressed in each round.
    pub(crate) seconds: u64,
    pub(crate) connections: u64,
    pub(crate) load: Option<String>,
    /// Only contenders whose name contains one of these; none means all.
    pub(crate) only: Vec<String>,
}

/// A program to measure.
struct Contender {
    name: &'static str,
    binary: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

const HYPER: &str = "hyper, raw";
const AXUM: &str = "axum, bare";
const TOWER: &str = "axum, tower layers";
const BARE: &str = "Mainstay, bare stack";
const FULL: &str = "Mainstay, full stack";

const CONTENDERS: &[Contender] = &[
    Contender { name: HYPER, binary: "hyper_raw", variables: &[] },
    Contender { name: AXUM, binary: "axum_bare", variables: &[] },
    Contender { name: TOWER, binary: "axum_tower", variables: &[] },
    Contender { name: BARE, binary: "techempower", variables: &[("STACK", "bare")] },
    Contender { name: FULL, binary: "techempower", variables: &[("STACK", "full")] },
];

const PATHS: [&str; 2] = ["/plaintext", "/json"];

/// One contender in one round.
struct Sample {
    name: &'static str,
    /// In the order of [`PATHS`].
    paths: Vec<Pressed>,
    idle_megabytes: f64,
    busy_megabytes: f64,
    start_milliseconds: f64,
}

struct Pressed {
    per_second: f64,
    /// Processor time for one request, in microseconds.
    cost: f64,
    p99_microseconds: f64,
}

pub(crate) fn run(options: Options) -> Result<Vec<Budget>> {
    let workspace = Workspace::load()?;
    let binaries = build(&workspace)?;
    let load = Load::choose(options.load.as_deref(), binaries.join("load"), options.connections)?;
    println!(
        "{} rounds of {} s for each path, {} connections, one worker thread each, load from {}",
        options.rounds,
        options.seconds,
        load.connections,
        load.name()
    );
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|part| name.contains(part));
    let mut samples = Vec::new();
    for round in 1..=options.rounds {
        for contender in CONTENDERS.iter().filter(|contender| chosen(contender.name)) {
            let sample = measure(contender, &workspace, &load, options.seconds, &binaries)?;
            println!("round {round}: {:<20} {:.2} µs for one /json", sample.name, sample.paths[1].cost);
            samples.push(sample);
        }
    }
    print!("{}", table(&samples));
    // What was left out on request has no number, and no verdict.
    Ok(budgets(&samples).into_iter().filter(|budget| !budget.measured.is_nan()).collect())
}

/// Builds all contenders with the release profile; returns the folder they are in.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut command = workspace.cargo();
    command.args(["build", "--release", "--package", "peers", "--package", "techempower"]);
    let ended = process::run(command, Show::Live, std::time::Duration::from_secs(45 * 60))?;
    if !ended.success() {
        return Err("the programs to measure do not build".into());
    }
    Ok(workspace.target.join("release"))
}

fn measure(
    contender: &Contender,
    workspace: &Workspace,
    load: &Load,
    seconds: u64,
    binaries: &std::path::Path,
) -> Result<Sample> {
    let folder = workspace.target.join("xtask/bench").join(contender.binary);
    let server = Server::start(&binaries.join(contender.binary), contender.variables, &folder, PATHS[0])?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    let idle_megabytes = server.memory()?;
    let mut paths = Vec::new();
    for path in PATHS {
        load.press(server.port, path, 1)?;
        let before = server.processor_time()?;
        let seen = load.press(server.port, path, seconds)?;
        let used = server.processor_time()? - before;
        paths.push(Pressed {
            per_second: seen.per_second,
            cost: used.as_secs_f64() * 1e6 / count(seen.requests),
            p99_microseconds: seen.p99.as_secs_f64() * 1e6,
        });
    }
    let busy_megabytes = server.memory()?;
    let start_milliseconds = server.start_to_answer.as_secs_f64() * 1e3;
    server.stop()?;
    Ok(Sample { name: contender.name, paths, idle_megabytes, busy_megabytes, start_milliseconds })
}

#[expect(clippy::cast_precision_loss, reason = "a number of requests is far below 2^52")]
fn count(requests: u64) -> f64 {
    requests as f64
}

/// The median of one number over the rounds of one contender.
fn over_rounds(samples: &[Sample], name: &str, number: impl Fn(&Sample) -> f64) -> f64 {
    median(samples.iter().filter(|sample| sample.name == name).map(number))
}

fn table(samples: &[Sample]) -> String {
    let mut header = vec![String::new()];
    for path in PATHS {
        header.extend([format!("{path} req/s"), "CPU µs".into(), "p99 µs".into(), "× axum".into()]);
    }
    header.extend(["idle MB".into(), "after MB".into(), "start ms".into()]);
    let mut rows = vec![header];
    let measured = |name: &str| samples.iter().any(|sample| sample.name == name);
    for Contender { name, .. } in CONTENDERS.iter().filter(|contender| measured(contender.name)) {
        let of = |number: &dyn Fn(&Sample) -> f64| over_rounds(samples, name, number);
        let mut row = vec![(*name).to_owned()];
        for at in 0..PATHS.len() {
            let cost = |sample: &Sample| sample.paths[at].cost;
            row.push(format!("{:.0}", of(&|sample| sample.paths[at].per_second)));
            row.push(format!("{:.2}", of(&cost)));
            row.push(format!("{:.0}", of(&|sample| sample.paths[at].p99_microseconds)));
            row.push(format!("{:.2}", of(&cost) / over_rounds(samples, AXUM, cost)));
        }
        row.push(format!("{:.1}", of(&|sample| sample.idle_megabytes)));
        row.push(format!("{:.1}", of(&|sample| sample.busy_megabytes)));
        row.push(format!("{:.1}", of(&|sample| sample.start_milliseconds)));
        rows.push(row);
    }
    format!("\n{}", report::table(&rows))
}

fn budgets(samples: &[Sample]) -> Vec<Budget> {
    let json = |name| over_rounds(samples, name, |sample| sample.paths[1].cost);
    let budget = |what: &str, measured, limit, unit| Budget { what: what.to_owned(), measured, limit, unit };
    vec![
        budget("/json: CPU of the full stack, in that of bare axum", json(FULL) / json(AXUM), 1.4, "x"),
        budget(
            "/json: CPU of the full stack, in that of axum with tower layers",
            json(FULL) / json(TOWER),
            0.5,
            "x",
        ),
        budget(
            "idle memory of the full stack",
            over_rounds(samples, FULL, |sample| sample.idle_megabytes),
            15.0,
            " MB",
        ),
        budget(
            "start of the full stack to its first answer",
            over_rounds(samples, FULL, |sample| sample.start_milliseconds),
            50.0,
            " ms",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &'static str, cost: f64) -> Sample {
        let pressed = || Pressed { per_second: 1e6 / cost, cost, p99_microseconds: 900.0 };
        Sample {
            name,
            paths: vec![pressed(), pressed()],
            idle_megabytes: 9.0,
            busy_megabytes: 12.0,
            start_milliseconds: 20.0,
        }
    }

    #[test]
    fn budgets_compare_medians_of_the_same_run() {
        let costs =
            [(AXUM, 5.0), (TOWER, 20.0), (FULL, 7.5), (AXUM, 5.0), (TOWER, 20.0), (FULL, 7.5), (FULL, 99.0)];
        let samples: Vec<_> = costs.map(|(name, cost)| sample(name, cost)).into();
        let budgets = budgets(&samples);
        assert!((budgets[0].measured - 1.5).abs() < 1e-9 && !budgets[0].is_kept());
        assert!((budgets[1].measured - 0.375).abs() < 1e-9 && budgets[1].is_kept());
        assert!(table(&samples).contains("1.50"));
    }
}
