//! `cargo xtask bench auth`: what it costs to know who asks, and whether others wait while passwords are hashed.
//!
//! One program answers the same JSON to everybody, to whoever is signed in, and to whoever is signed in with the row of the account. It
//! is asked by nobody, by a browser with a session, and by programs with tokens. A session and a JSON Web Token are *warm* when the
//! process has looked at them a moment ago; with `recheck = 0s` every request is the first.
//!
//! Then eight sign in at once, again and again, on all processors, while others ask for `/ping`. Last, whoever measures how long forms
//! take learns nothing of who has an account: [`tells_nobody`].

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    bench::{
        agree,
        compare::{self, Comparison, Contender, Options, Programs, Samples, Sent},
        db::remove,
        load::{Load, Request, Seen},
        report::Budget,
        server::{Processors, Program, Server},
    },
    http::Connection,
    outcome::Result,
    workspace::Workspace,
};

/// `/ping` is the same for all: what differs there is the machine's.
const PATHS: &[&str] = &["/ping", "/json"];

const ANYBODY: &str = "anybody";
const SESSION: &str = "session, warm";
const JWT: &str = "JWT, warm";
const PROGRAM: &str = "auth";
const PRINCIPAL: (&str, &str) = ("ASKS", "principal");
const ACCOUNT: (&str, &str) = ("ASKS", "account");

const CONTENDERS: &[Contender] = &[
    Contender { name: ANYBODY, binary: PROGRAM, variables: &[] },
    Contender { name: SESSION, binary: PROGRAM, variables: &[PRINCIPAL] },
    Contender { name: "session, warm, with account", binary: PROGRAM, variables: &[ACCOUNT] },
    Contender {
        name: "session, first sight",
        binary: PROGRAM,
        variables: &[PRINCIPAL, ("MAINSTAY__SESSION__RECHECK", "0s")],
    },
    Contender { name: JWT, binary: PROGRAM, variables: &[PRINCIPAL] },
    Contender { name: "JWT, warm, with account", binary: PROGRAM, variables: &[ACCOUNT] },
    Contender {
        name: "JWT, first sight",
        binary: PROGRAM,
        variables: &[PRINCIPAL, ("MAINSTAY__JWT__RECHECK", "0s")],
    },
    Contender { name: "access token", binary: PROGRAM, variables: &[PRINCIPAL] },
];

/// What a warm session and a warm token may cost, in what it costs to ask nobody.
const LIMIT: f64 = 1.3;
/// How many sign in at once.
const LOGINS: u64 = 8;
/// How many others there are, and how long each of them waits before it asks again, in milliseconds.
const OTHERS: (u64, u64) = (8, 10);
/// The account that is there.
const KNOWN: &str = "ann@example.com";
const SECRET: &str = "bench-0123456789-abcdefghijklmnopqrstuvwxyz";

pub(crate) fn run(options: &Options) -> Result<Vec<Budget>> {
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("xtask/bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("auth.db");
    remove(&file)?;
    let mut comparison = Comparison::new(CONTENDERS, PATHS, ANYBODY);
    comparison.variables = vec![
        ("DATABASE_URL", format!("sqlite://{}", file.display())),
        ("MAINSTAY__KEYS__SECRET", SECRET.to_owned()),
    ];
    if options.programs == Programs::Build {
        compare::build(&workspace, CONTENDERS)?;
    }
    comparison.sent = Sent { headers: sign_in(&comparison, &workspace.target)?, bodies: Vec::new() };
    agree::check(&comparison, options, &workspace.target, &[])?;
    let variables = comparison.variables.clone();
    let samples = comparison.measure(options)?;
    print!("{}", samples.table());
    let (alone, beside) = waits(&variables, &workspace, options.seconds)?;
    println!("/ping alone: p99 {:.2} ms", milliseconds(&alone));
    println!("/ping while {LOGINS} sign in: p99 {:.2} ms", milliseconds(&beside));
    let mut budgets = ratios(&samples);
    budgets.extend(tells_nobody(&variables, &workspace)?);
    budgets.push(Budget {
        what: format!("/ping while {LOGINS} sign in at once, p99"),
        measured: milliseconds(&beside),
        limit: 20.0,
        unit: " ms",
    });
    Ok(budgets)
}

/// What each contender sends: what it got when it signed in.
fn sign_in(comparison: &Comparison, target: &Path) -> Result<Vec<(&'static str, String)>> {
    let server = comparison.start(&CONTENDERS[0], target)?;
    let answer = Connection::open(server.port, Duration::from_secs(10))?.post_json("/sign-in", "", "{}")?;
    let tokens: Value = serde_json::from_slice(&answer.body)?;
    let cookie = answer.cookie.ok_or("signing in set no cookie")?;
    server.stop()?;
    let bearer = |name: &str| match tokens[name].as_str() {
        Some(token) => Ok(format!("authorization: Bearer {token}")),
        None => Err(format!("signing in gave no `{name}`: {tokens}")),
    };
    let (jwt, access_token) = (bearer("jwt")?, bearer("access_token")?);
    let sent = |contender: &Contender| {
        let header = match contender.name.split(',').next() {
            Some("session") => format!("cookie: {cookie}"),
            Some("JWT") => jwt.clone(),
            Some("access token") => access_token.clone(),
            _ => return None,
        };
        Some((contender.name, header))
    };
    Ok(CONTENDERS.iter().filter_map(sent).collect())
}

fn ratios(samples: &Samples) -> Vec<Budget> {
    let budget = |name: &str| Budget {
        what: format!("{name}: /json, CPU in that of {ANYBODY}"),
        measured: samples.cost(name, "/json") / samples.cost(ANYBODY, "/json"),
        limit: LIMIT,
        unit: "x",
    };
    [SESSION, JWT].map(budget).into()
}

/// How long `/ping` takes while nobody signs in, and while several do.
fn waits(variables: &[(&'static str, String)], workspace: &Workspace, seconds: u64) -> Result<(Seen, Seen)> {
    let server = start(variables, workspace)?;
    let load = workspace.target.join("release/load");
    let (count, pause) = OTHERS;
    let others = Load::own(load.clone(), count).paced(Duration::from_millis(pause));
    let ping = Request { path: "/ping".to_owned(), ..Request::default() };
    let alone = others.press(server.port, &ping, seconds)?;
    let logins = Load::own(load, LOGINS);
    let login = Request {
        path: "/account/login".to_owned(),
        body: Some(json!({"name": KNOWN, "password": "correct horse battery"}).to_string()),
        ..Request::default()
    };
    let (signed_in, beside) = std::thread::scope(|scope| {
        let signing =
            scope.spawn(|| logins.press(server.port, &login, seconds + 2).map_err(|why| why.to_string()));
        // When all of them are under way.
        std::thread::sleep(Duration::from_secs(1));
        let beside = others.press(server.port, &ping, seconds);
        (signing.join(), beside)
    });
    server.stop()?;
    let signed_in = signed_in.map_err(|_| "what signs in has panicked")??;
    println!("\n{LOGINS} signed in at once, {:.0} times a second in all", signed_in.per_second);
    Ok((alone, beside?))
}

/// How often each form is sent for an account that is there, and for one that is not, in turns.
const SENT: usize = 60;
/// How far both may be apart, in milliseconds: less than a network shows in the few attempts that anybody has.
const APART: f64 = 1.0;

/// The forms that somebody may try to find out by who has an account, with what is typed besides the address.
const FORMS: [(&str, &str, Option<&str>); 3] = [
    ("/account/login", "name", Some("a wrong password")),
    ("/account/register", "email", Some("a password that is good")),
    ("/account/forgot", "email", None),
];

/// Whether forms take the same time for accounts that are there and for those that are not.
fn tells_nobody(variables: &[(&'static str, String)], workspace: &Workspace) -> Result<Vec<Budget>> {
    let server = start(variables, workspace)?;
    let mut connection = Connection::open(server.port, Duration::from_secs(10))?;
    let mut budgets = Vec::new();
    println!();
    for (path, field, password) in FORMS {
        let mut took = [Vec::new(), Vec::new()];
        for turn in 0..SENT {
            let addresses = [KNOWN.to_owned(), format!("nobody{turn}@example.com")];
            for (times, address) in took.iter_mut().zip(addresses) {
                let mut form = json!({ field: address });
                if let Some(password) = password {
                    form["password"] = password.into();
                }
                let start = Instant::now();
                let answer = connection.post_json(path, "", &form.to_string())?;
                times.push(start.elapsed().as_secs_f64() * 1e3);
                if answer.status == 429 || answer.status >= 500 {
                    return Err(format!("{path} answered {}", answer.status).into());
                }
            }
        }
        let [known, unknown] = took.map(quartile);
        println!("{path}: {known:.2} ms for an account that is there, {unknown:.2} ms for none");
        budgets.push(Budget {
            what: format!("{path}, what its time tells of who has an account"),
            measured: (known - unknown).abs(),
            limit: APART,
            unit: " ms",
        });
    }
    server.stop()?;
    Ok(budgets)
}

/// A quarter took no longer than this. What else the machine does falls into the other three.
fn quartile(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 4]
}

/// The program on all processors.
fn start(variables: &[(&'static str, String)], workspace: &Workspace) -> Result<Server> {
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = CONTENDERS[0].program(&workspace.target);
    let folder = workspace.target.join("xtask/bench").join(PROGRAM);
    let program = Program { path: &path, variables: &variables, folder: &folder };
    Server::start(program, Processors::All, "/ping")
}

fn milliseconds(seen: &Seen) -> f64 {
    seen.p99.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::tests::samples;

    #[test]
    fn there_is_a_budget_for_what_is_warm() {
        let comparison = Comparison::new(CONTENDERS, PATHS, ANYBODY);
        let samples = samples(comparison, &[(ANYBODY, 10.0), (SESSION, 12.0), (JWT, 14.0)]);
        let budgets = ratios(&samples);
        assert!(budgets[0].is_kept() && !budgets[1].is_kept());
    }
}
