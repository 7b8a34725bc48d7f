//! Measuring programs side by side.
//!
//! Every contender is an optimised program with one worker thread on a processor of its own; the load generator has
//! the other. In each round each is started anew, warmed up and measured, one after the other, so that whatever else
//! the machine does hits all alike. What is reported are medians over the rounds.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    bench::{
        load::{Load, Request},
        report::{self, median},
        server::{Processors, Program, Server},
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
    pub(crate) programs: Programs,
}

/// Whether the programs are built before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Programs {
    Build,
    AsTheyAre,
}

/// What is compared: programs, and the paths on which they are pressed.
pub(crate) struct Comparison {
    pub(crate) contenders: &'static [Contender],
    pub(crate) paths: &'static [&'static str],
    /// Those of the paths whose requests take long: they are pressed over few connections.
    pub(crate) long_paths: &'static [&'static str],
    /// The contender whose cost is 1.
    pub(crate) baseline: &'static str,
    /// What every contender finds in its environment.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// A program that is started and stopped before each contender, and leaves the ground even.
    pub(crate) groundskeeper: Option<&'static Contender>,
    /// What is sent besides the path.
    pub(crate) sent: Sent,
    /// Contenders that cannot be had on this machine, by name.
    pub(crate) absent: Vec<&'static str>,
}

/// What is sent besides the path.
#[derive(Default)]
pub(crate) struct Sent {
    /// A header line for each contender, by its name.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The JSON that is posted to paths that begin with `POST `, each with the path itself.
    pub(crate) bodies: Vec<(&'static str, String)>,
}

/// The target folder, below that of the workspace, of the workspace `benches/orms`: its binaries are named `orms/release/…`.
const ORMS: &str = "orms";

/// The packages that have what is measured, beside `peers`.
const MEASURED: [&str; 3] = ["api", "auth", "techempower"];

/// Over how many connections a path is pressed whose requests take long.
const FEW: u64 = 4;

/// A program to measure.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) binary: &'static str,
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

impl Contender {
    /// A binary of the workspace by its name, another one by its path below the target folder.
    pub(crate) fn program(&self, target: &Path) -> PathBuf {
        let folder = if self.binary.contains('/') { target.to_owned() } else { target.join("release") };
        folder.join(self.binary)
    }
}

/// All that was measured.
pub(crate) struct Samples {
    comparison: Comparison,
    samples: Vec<Sample>,
}

/// One contender in one round.
pub(crate) struct Sample {
    name: &'static str,
    paths: Vec<Pressed>,
    pub(crate) idle_megabytes: f64,
    pub(crate) busy_megabytes: f64,
    pub(crate) start_milliseconds: f64,
}

struct Pressed {
    per_second: f64,
    /// Processor time for one request, in microseconds.
    cost: f64,
    p99_microseconds: f64,
}

impl Comparison {
    /// These on these paths, as they are.
    pub(crate) const fn new(
        contenders: &'static [Contender],
        paths: &'static [&'static str],
        baseline: &'static str,
    ) -> Self {
        Self {
            contenders,
            paths,
            long_paths: &[],
            baseline,
            variables: Vec::new(),
            groundskeeper: None,
            sent: Sent { headers: Vec::new(), bodies: Vec::new() },
            absent: Vec::new(),
        }
    }

    /// Those that are there, and were asked for.
    pub(crate) fn chosen(&self, only: &[String]) -> impl Iterator<Item = &'static Contender> {
        let is_chosen = move |contender: &&Contender| {
            let asked = only.is_empty() || only.iter().any(|part| contender.name.contains(part.as_str()));
            asked && !self.absent.contains(&contender.name)
        };
        self.contenders.iter().filter(is_chosen)
    }

    /// Starts a contender, and waits until it answers the first path.
    pub(crate) fn start(&self, contender: &Contender, target: &Path) -> Result<Server> {
        let mut variables: Vec<(&str, &str)> = contender.variables.to_vec();
        variables.extend(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        let folder = target.join("xtask/bench").join(contender.binary.replace('/', "-"));
        let program = Program { path: &contender.program(target), variables: &variables, folder: &folder };
        Server::start(program, Processors::One, self.paths[0])
    }

    /// Has the ground evened out, if somebody does that.
    pub(crate) fn even_out(&self, target: &Path) -> Result<()> {
        match self.groundskeeper {
            Some(groundskeeper) => self.start(groundskeeper, target)?.stop(),
            None => Ok(()),
        }
    }

    /// What a contender is asked on a path.
    pub(crate) fn request(&self, contender: &Contender, path: &str) -> Request {
        let of = |list: &[(&str, String)], wanted: &str| {
            list.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone())
        };
        Request {
            path: path.strip_prefix("POST ").unwrap_or(path).to_owned(),
            headers: of(&self.sent.headers, contender.name).into_iter().collect(),
            body: of(&self.sent.bodies, path),
        }
    }

    /// Builds everything and measures it.
    pub(crate) fn measure(self, options: &Options) -> Result<Samples> {
        let workspace = Workspace::load()?;
        if options.programs == Programs::Build {
            build(&workspace, self.contenders)?;
        }
        let load = workspace.target.join("release/load");
        let load = Load::choose(options.load.as_deref(), load, options.connections)?;
        println!(
            "{} rounds of {} s for each path, {} connections, one worker thread each, load from {}",
            options.rounds,
            options.seconds,
            load.connections,
            load.name()
        );
        let mut samples = Vec::new();
        for round in 1..=options.rounds {
            for contender in self.chosen(&options.only) {
                let sample = self.sample(contender, &workspace.target, &load, options.seconds)?;
                let costs =
                    sample.paths.iter().map(|pressed| format!("{:.2}", pressed.cost)).collect::<Vec<_>>();
                println!("round {round}: {:<22} CPU µs {}", sample.name, costs.join(" "));
                samples.push(sample);
            }
        }
        Ok(Samples { comparison: self, samples })
    }

    fn sample(&self, contender: &Contender, target: &Path, load: &Load, seconds: u64) -> Result<Sample> {
        self.even_out(target)?;
        // Twice: caches are filled at the first start, and what is measured is an ordinary one.
        self.start(contender, target)?.stop()?;
        let server = self.start(contender, target)?;
        std::thread::sleep(Duration::from_millis(300));
        let idle_megabytes = server.memory()?;
        let mut paths = Vec::new();
        for path in self.paths {
            let load = if self.long_paths.contains(path) { &load.over(FEW) } else { load };
            let request = self.request(contender, path);
            load.press(server.port, &request, 1)?;
            let before = server.processor_time()?;
            let seen = load.press(server.port, &request, seconds)?;
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
}

impl Samples {
    /// The median over the rounds of one number of one contender. `NaN` if it was left out.
    pub(crate) fn median(&self, name: &str, number: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().filter(|sample| sample.name == name).map(number))
    }

    /// The median of the processor time for one request on a path, in microseconds.
    pub(crate) fn cost(&self, name: &str, path: &str) -> f64 {
        let at = self.comparison.paths.iter().position(|other| *other == path);
        at.map_or(f64::NAN, |at| self.median(name, |sample| sample.paths[at].cost))
    }

    /// A block for each path, and one for what concerns whole programs.
    pub(crate) fn table(&self) -> String {
        let Comparison { contenders, paths, baseline, .. } = &self.comparison;
        let measured: Vec<&str> = contenders
            .iter()
            .map(|contender| contender.name)
            .filter(|name| self.samples.iter().any(|sample| sample.name == *name))
            .collect();
        let mut rows = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            rows.push([*path, "req/s", "CPU µs", "p99 µs", "ratio"].map(str::to_owned).to_vec());
            rows.extend(measured.iter().map(|name| {
                let cost = self.cost(name, path);
                vec![
                    format!("  {name}"),
                    format!("{:.0}", self.median(name, |sample| sample.paths[at].per_second)),
                    format!("{cost:.2}"),
                    format!("{:.0}", self.median(name, |sample| sample.paths[at].p99_microseconds)),
                    format!("{:.2}", cost / self.cost(baseline, path)),
                ]
            }));
        }
        rows.push(["program", "idle MB", "after MB", "start ms"].map(str::to_owned).to_vec());
        rows.extend(measured.iter().map(|name| {
            vec![
                format!("  {name}"),
                format!("{:.1}", self.median(name, |sample| sample.idle_megabytes)),
                format!("{:.1}", self.median(name, |sample| sample.busy_megabytes)),
                format!("{:.1}", self.median(name, |sample| sample.start_milliseconds)),
            ]
        }));
        format!("\n{}ratio: processor time in that of `{baseline}`\n", report::table(&rows))
    }
}

/// Builds all contenders with the release profile. Those with libraries that only they need are a workspace of their own.
pub(crate) fn build(workspace: &Workspace, contenders: &[Contender]) -> Result<()> {
    let mut ours = workspace.cargo();
    ours.args(["build", "--release", "--package", "peers"]);
    for package in MEASURED {
        if contenders.iter().any(|contender| contender.binary == package) {
            ours.args(["--package", package]);
        }
    }
    let mut commands = vec![ours];
    if contenders.iter().any(|contender| contender.binary.starts_with(ORMS)) {
        let mut orms = workspace.cargo();
        orms.args(["build", "--release", "--manifest-path", "benches/orms/Cargo.toml", "--target-dir"]);
        orms.arg(workspace.target.join(ORMS));
        commands.push(orms);
    }
    for command in commands {
        if !process::run(command, Show::Live, Duration::from_secs(45 * 60))?.success() {
            return Err("the programs to measure do not build".into());
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a number of requests is far below 2^52")]
fn count(requests: u64) -> f64 {
    requests as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Samples as if measured: a name and the cost on the one path.
    pub(crate) fn samples(comparison: Comparison, costs: &[(&'static str, f64)]) -> Samples {
        let samples = costs.iter().map(|&(name, cost)| {
            let pressed = |_| Pressed { per_second: 1e6 / cost, cost, p99_microseconds: 900.0 };
            Sample {
                name,
                paths: comparison.paths.iter().map(pressed).collect(),
                idle_megabytes: 9.0,
                busy_megabytes: 12.0,
                start_milliseconds: 20.0,
            }
        });
        let samples = samples.collect();
        Samples { comparison, samples }
    }

    #[test]
    fn compares_medians_with_the_baseline() {
        let contenders = &[
            Contender { name: "slow", binary: "", variables: &[] },
            Contender { name: "quick", binary: "", variables: &[] },
            Contender { name: "absent", binary: "", variables: &[] },
        ];
        let comparison = Comparison::new(contenders, &["/json"], "quick");
        let samples = samples(comparison, &[("quick", 4.0), ("slow", 6.0), ("slow", 99.0), ("slow", 5.0)]);
        assert!((samples.cost("slow", "/json") - 6.0).abs() < f64::EPSILON);
        assert!(samples.cost("slow", "/other").is_nan() && samples.cost("absent", "/json").is_nan());
        let table = samples.table();
        assert!(table.contains("1.50") && !table.contains("absent"), "{table}");
    }
}
