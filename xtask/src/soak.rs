//! `cargo xtask soak`: the flagship example under load for as long as you like, told to stop and killed in between.
//!
//! What is promised, and looked at here from the outside:
//!
//! - `steady`: under load no request fails, and memory and file descriptors stay flat.
//! - `drain`: after SIGTERM every request whose head was read is answered. So nothing may have been written for a
//!   request that got no answer.
//! - `crash`: after SIGKILL everything that was acknowledged is still there, and the application starts again.
//!
//! `cargo xtask soak db`, `jobs` and `events` are another thing: they repeat the kill tests of the model layer, of background jobs and of
//! events, which see to their own servers ([`kills`]). `cargo xtask soak uploads` sends 5 GiB through each way of reading a form ([`uploads`]).
//!
//! A short first version: one machine, one application, loopback.

mod client;
mod kills;
mod uploads;
mod writers;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use crate::{
    arguments::Arguments,
    http,
    outcome::{Result, seconds},
    process::{self, Background, Show},
    workspace::Workspace,
};
use writers::Writers;

/// What the load asks for in turn.
const READS: [&str; 4] = ["/api/articles?limit=20", "/api/tags", "/", "/livez"];
/// How much memory may grow between the first quarter of the load and its end: caches fill, and allocators keep.
const GROWTH_MEGABYTES: f64 = 16.0;
/// How long the application may take to start, filling its database included, and to stop.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the application signs tokens with, here.
const SECRET: &str = "soak-0123456789-abcdefghijklmnopqrstuvwxyz";

struct Soak {
    conduit: PathBuf,
    load: PathBuf,
    folder: PathBuf,
    token: String,
    failures: Vec<String>,
}

pub(crate) fn main(mut arguments: Arguments) -> Result<ExitCode> {
    let time = arguments.number("--seconds")?.unwrap_or(60);
    let kills = arguments.number("--kills")?;
    let connections = arguments.number("--connections")?.unwrap_or(64);
    let optimised = !arguments.flag("--dev");
    match arguments.rest()?.as_slice() {
        [] => {}
        [what] if what == "db" => return kills::DB.run(kills),
        [what] if what == "jobs" => return kills::JOBS.run(kills),
        [what] if what == "events" => return kills::BUS.run(kills),
        [what] if what == "uploads" => return uploads::main(),
        [what, ..] => return Err(format!("there is no soak of `{what}`").into()),
    }
    let kills = kills.unwrap_or(5);

    let workspace = Workspace::load()?;
    let mut command = workspace.cargo();
    command.args(["build", "--package", "conduit", "--package", "peers"]);
    if optimised {
        command.arg("--release");
    }
    if !process::run(command, Show::Live, Duration::from_secs(45 * 60))?.success() {
        return Err("the application does not build".into());
    }
    let binaries = workspace.target.join(if optimised { "release" } else { "debug" });
    let folder = workspace.target.join("xtask/soak");
    let _none_yet = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let load = binaries.join("load");
    let mut soak =
        Soak { conduit: binaries.join("conduit"), load, folder, token: String::new(), failures: Vec::new() };

    let start = Instant::now();
    soak.steady(time, connections)?;
    for round in 1..=kills {
        soak.drain(round)?;
        soak.crash(round)?;
    }
    println!("\n{} for {} failures", seconds(start.elapsed()), soak.failures.len());
    soak.failures.iter().for_each(|failure| println!("FAILED {failure}"));
    Ok(if soak.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Soak {
    /// Reads for some time, with a look at the process after each slice.
    fn steady(&mut self, time: u64, connections: u64) -> Result<()> {
        let (server, port) = self.start()?;
        let slices = (time / 5).max(8);
        let slice = (time / slices).max(1);
        self.token = self.token(port)?;
        let mut looks = Vec::new();
        for number in 0..slices {
            let path = READS[usize::try_from(number)? % READS.len()];
            let mut load = Command::new(&self.load);
            load.args([&port.to_string(), path, &connections.to_string(), &slice.to_string()]);
            let line = process::output(load)?;
            let seen: serde_json::Value = serde_json::from_str(&line)?;
            if seen["errors"] != 0 || seen["requests"] == 0 {
                self.failures.push(format!("steady: GET {path}: {}", line.trim()));
            }
            // The server hears a little later than we do that the load has hung up.
            std::thread::sleep(Duration::from_millis(300));
            let look = Look::at(server.id())?;
            println!("steady: {path:<24} {:>8} requests, {look}", seen["requests"]);
            looks.push(look);
        }
        let (early, late) = (&looks[looks.len() / 4], &looks[looks.len() - 1]);
        if late.megabytes > early.megabytes + GROWTH_MEGABYTES {
            self.failures.push(format!("steady: memory grew from {early} to {late}"));
        }
        if late.descriptors > early.descriptors + 8 {
            self.failures.push(format!("steady: descriptors grew from {early} to {late}"));
        }
        self.stop(server, "steady")
    }

    /// SIGTERM while writes are under way.
    fn drain(&mut self, round: u64) -> Result<()> {
        let (server, port) = self.start()?;
        let writers = Writers::start(port, &self.token, &format!("drain {round}"));
        std::thread::sleep(Duration::from_millis(300 + 170 * (round % 5)));
        self.stop(server, "drain")?;
        let written = writers.finish();
        let there = self.titles()?;
        let lost = written.answered.difference(&there).count();
        let unanswered = written.unanswered.intersection(&there).count();
        println!(
            "drain {round}: {} answered, {lost} of them lost, {unanswered} written but not answered",
            written.answered.len()
        );
        self.verdict("drain", round, "acknowledged, then lost", lost);
        self.verdict("drain", round, "carried out, but never answered", unanswered);
        self.verdict("drain", round, "answered with an error", written.refused);
        if written.answered.is_empty() {
            self.failures.push(format!("drain {round}: nothing was written, so nothing was shown"));
        }
        Ok(())
    }

    /// SIGKILL while writes are under way.
    fn crash(&mut self, round: u64) -> Result<()> {
        let (server, port) = self.start()?;
        let writers = Writers::start(port, &self.token, &format!("crash {round}"));
        std::thread::sleep(Duration::from_millis(300 + 130 * (round % 5)));
        server.stop("KILL", PATIENCE)?;
        let written = writers.finish();
        let there = self.titles()?;
        let lost = written.answered.difference(&there).count();
        println!("crash {round}: {} answered, {lost} of them lost", written.answered.len());
        self.verdict("crash", round, "acknowledged, then lost", lost);
        Ok(())
    }

    fn verdict(&mut self, phase: &str, round: u64, what: &str, number: usize) {
        if number > 0 {
            self.failures.push(format!("{phase} {round}: {number} writes were {what}"));
        }
    }

    /// Starts the application on the same database file as before, and waits until it is ready.
    fn start(&self) -> Result<(Background, u16)> {
        let port = http::free_port()?;
        let log = self.folder.join("output.log");
        let writer = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = self.command();
        command.stdout(writer.try_clone()?).stderr(writer).env("PORT", port.to_string());
        let mut server = Background::start(command)?;
        let start = Instant::now();
        while !http::get(port, "/readyz", Duration::from_secs(5)).is_ok_and(|answer| answer.status == 200) {
            if !server.is_alive() || start.elapsed() > PATIENCE {
                return Err(format!("the application does not start; see {}", log.display()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok((server, port))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.conduit);
        let database = format!("sqlite:{}", self.folder.join("soak.db").display());
        command.current_dir(&self.folder).env("DATABASE_URL", database).env("MAINSTAY__KEYS__SECRET", SECRET);
        // The profile in which the example makes and fills its tables itself.
        command.env("MAINSTAY_PROFILE", "development");
        command
    }

    /// A token with which one of the application's users may write: its own command prints it.
    fn token(&self, port: u16) -> Result<String> {
        let mut command = self.command();
        command.args(["token", &client::author(port)?]);
        let printed = process::output(command)?;
        Ok(printed.lines().last().ok_or("the command `token` printed nothing")?.to_owned())
    }

    fn stop(&mut self, server: Background, phase: &str) -> Result<()> {
        match server.stop("TERM", PATIENCE)? {
            Some(status) if status.success() => {}
            Some(status) => self.failures.push(format!("{phase}: ended with {status} after SIGTERM")),
            None => self.failures.push(format!("{phase}: still ran {} s after SIGTERM", PATIENCE.as_secs())),
        }
        Ok(())
    }

    /// The titles of all articles, as a fresh process finds them.
    fn titles(&mut self) -> Result<BTreeSet<String>> {
        let (server, port) = self.start()?;
        let titles = client::titles(port)?;
        self.stop(server, "looking back")?;
        Ok(titles)
    }
}

/// A process at one moment.
struct Look {
    megabytes: f64,
    descriptors: usize,
}

impl Look {
    fn at(process: u32) -> Result<Self> {
        let proc = Path::new("/proc").join(process.to_string());
        let descriptors = std::fs::read_dir(proc.join("fd"))?.count();
        Ok(Self { megabytes: process::resident_megabytes(process)?, descriptors })
    }
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} MB, {} descriptors", self.megabytes, self.descriptors)
    }
}
