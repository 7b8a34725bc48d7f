//! What keeps a server busy: wrk, or the generator in `benches/peers`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{bench::server, outcome::Result, process, process::Show, services};

/// A load generator and how hard it presses.
#[derive(Clone)]
pub(crate) struct Load {
    tool: Tool,
    pub(crate) connections: u64,
    /// How long each connection waits before it asks again. Only our own generator does.
    pause: Duration,
    /// Where the script is that wrk posts by.
    script: PathBuf,
}

#[derive(Clone)]
enum Tool {
    Wrk(PathBuf),
    Own(PathBuf),
}

/// What a server is asked, again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// The path with its query.
    pub(crate) path: String,
    /// Header lines: `accept: text/html`.
    pub(crate) headers: Vec<String>,
    /// JSON to be posted; without it the request is a GET.
    pub(crate) body: Option<String>,
}

/// What a load generator has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) p99: Duration,
}

impl Load {
    /// The generator asked for; without a wish, wrk where it is to be had, else our own.
    pub(crate) fn choose(wish: Option<&str>, own: PathBuf, connections: u64) -> Result<Self> {
        let wrk = || services::find("wrk").ok_or("wrk is not on the list")?.provide();
        let tool = match wish {
            Some("own") => Tool::Own(own),
            Some("wrk") => Tool::Wrk(wrk()?),
            Some(other) => return Err(format!("there is no load generator `{other}`: wrk or own").into()),
            None => wrk().map_or_else(
                |why| {
                    println!("without wrk ({why}): the load generator of the repository takes its place");
                    Tool::Own(own)
                },
                Tool::Wrk,
            ),
        };
        Ok(Self::by(tool, connections))
    }

    /// Our own generator.
    pub(crate) fn own(program: PathBuf, connections: u64) -> Self {
        Self::by(Tool::Own(program), connections)
    }

    fn by(tool: Tool, connections: u64) -> Self {
        let script = std::env::temp_dir().join(format!("mainstay-bench-{}.lua", std::process::id()));
        Self { tool, connections, pause: Duration::ZERO, script }
    }

    /// The same, with a pause before each request of a connection.
    pub(crate) fn paced(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// The same over so many connections.
    pub(crate) fn over(&self, connections: u64) -> Self {
        Self { connections, ..self.clone() }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.tool {
            Tool::Wrk(_) => "wrk",
            Tool::Own(_) => "the load generator of the repository",
        }
    }

    /// Presses on a server for so many seconds. Any answer that is not a success is an error.
    pub(crate) fn press(&self, port: u16, request: &Request, seconds: u64) -> Result<Seen> {
        let deadline = Duration::from_secs(seconds + 60);
        let output = process::run(self.command(port, request, seconds)?, Show::Captured, deadline)?;
        if !output.success() {
            return Err(format!("the load generator failed:\n{}", output.tail(10)).into());
        }
        let seen = match self.tool {
            Tool::Wrk(_) => parse_wrk(&output.output),
            Tool::Own(_) => serde_json::from_str(&output.output).ok().and_then(|line| parse_own(&line)),
        };
        seen.ok_or_else(|| {
            format!("{} was not answered as it should:\n{}", request.path, output.output).into()
        })
    }

    fn command(&self, port: u16, request: &Request, seconds: u64) -> Result<Command> {
        let pinned = |program: &Path| server::pinned(program, 1);
        let path = &request.path;
        Ok(match &self.tool {
            Tool::Wrk(program) => {
                let mut command = pinned(program);
                command.args(["--threads", "1", "--latency"]);
                command.args(["--connections", &self.connections.to_string()]);
                // A busy machine makes slow peers wait: what is answered late is answered.
                command.args(["--duration", &format!("{seconds}s"), "--timeout", "20s"]);
                for header in &request.headers {
                    command.args(["--header", header]);
                }
                if let Some(body) = &request.body {
                    std::fs::write(&self.script, post_script(body))?;
                    command.arg("--script").arg(&self.script);
                }
                command.arg(format!("http://127.0.0.1:{port}{path}"));
                command
            }
            Tool::Own(program) => {
                let mut command = pinned(program);
                command.args([&port.to_string(), path, &self.connections.to_string(), &seconds.to_string()]);
                command.env("LOAD_HEADERS", request.headers.join("\n"));
                if !self.pause.is_zero() {
                    command.env("LOAD_PAUSE", self.pause.as_millis().to_string());
                }
                command.envs(request.body.as_ref().map(|body| ("LOAD_BODY", body)));
                command
            }
        })
    }
}

/// What makes wrk post. Braces of a long bracket with signs between them: JSON cannot end it by chance.
fn post_script(body: &str) -> String {
    format!(
        "wrk.method = \"POST\"\nwrk.body = [=====[{body}]=====]\nwrk.headers[\"content-type\"] = \"application/json\"\n"
    )
}

/// `None` when it speaks another language, or reports errors.
fn parse_wrk(output: &str) -> Option<Seen> {
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return None;
    }
    let after = |label: &str| output.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let requests = output.lines().find_map(|line| line.trim().split_once(" requests in "))?.0;
    Some(Seen {
        requests: requests.trim().parse().ok()?,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p99: wrk_time(after("99%")?)?,
    })
}

fn wrk_time(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * unit))
}

fn parse_own(line: &Value) -> Option<Seen> {
    if line["errors"] != 0 {
        return None;
    }
    let requests = line["requests"].as_u64()?;
    let per_second = line["requests"].as_f64()? / line["seconds"].as_f64()?;
    Some(Seen { requests, per_second, p99: Duration::from_micros(line["p99_us"].as_u64()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "
Running 2s test @ http://127.0.0.1:8080/json
  1 threads and 64 connections
  Latency Distribution
     50%  412.00us
     99%    1.25ms
  201000 requests in 2.00s, 30.10MB read
Requests/sec: 100432.10
Transfer/sec:     15.04MB
";

    #[test]
    fn reads_what_wrk_prints() {
        let seen = parse_wrk(WRK).unwrap();
        assert_eq!(seen.requests, 201_000);
        assert!((seen.per_second - 100_432.1).abs() < 0.01);
        assert_eq!(seen.p99, Duration::from_micros(1_250));
    }

    #[test]
    fn a_run_with_errors_is_no_measurement() {
        assert!(
            parse_wrk(&WRK.replace("Requests/sec", "Non-2xx or 3xx responses: 3\nRequests/sec")).is_none()
        );
        assert!(
            parse_own(&serde_json::json!({"requests": 1, "errors": 1, "seconds": 1.0, "p99_us": 1}))
                .is_none()
        );
    }

    #[test]
    fn wrk_posts_the_body_as_it_is() {
        let script = post_script(r#"{"a": "b]]"}"#);
        assert!(script.contains(r#"wrk.body = [=====[{"a": "b]]"}]=====]"#), "{script}");
    }

    #[test]
    fn reads_what_our_own_generator_prints() {
        let line =
            serde_json::json!({"requests": 500, "errors": 0, "seconds": 2.0, "p50_us": 100, "p99_us": 900});
        let seen = parse_own(&line).unwrap();
        assert!((seen.per_second - 250.0).abs() < 0.01);
        assert_eq!(seen.p99, Duration::from_micros(900));
    }
}
