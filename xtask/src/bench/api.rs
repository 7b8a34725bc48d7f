//! `cargo xtask bench api`: Conduit's articles on Mainstay against the same endpoints by hand on axum, on Express and on FastAPI;
//! and declared resources against handlers by hand in Mainstay.
//!
//! All contenders of an engine share one database, which Mainstay's program makes, fills, and evens out before each of them, and
//! answer the same JSON ([`agree`]). Whoever asks is signed in: the signature of a token is checked, and its user read. The programs
//! in other languages are installed by [`Foreign`]; one that cannot be had is said to be missing.

use std::{path::Path, process::Command};

use serde_json::json;
use servers::{Durability, Engine, Server};

use crate::{
    bench::{
        agree,
        compare::{self, Comparison, Contender, Options, Programs, Samples, Sent},
        db::{Engines, remove},
        foreign::{Foreign, Language},
        report::Budget,
    },
    outcome::Result,
    process, services,
    workspace::Workspace,
};

const PATHS: &[&str] = &["/api/articles?limit=20", "/api/articles/article-number-900", "POST /api/articles"];
/// The same rows as declared resources.
const RESOURCES: &[&str] = &[
    "/api/v2/articles?sort=-created_at,-id&per_page=20&include=author,tags",
    "/api/v2/articles/article-number-900",
    "POST /api/v2/articles",
];
/// What differs from one article that is written to the next.
const VARYING: &[&str] = &["id", "slug", "createdAt", "updatedAt", "created_at", "updated_at"];

const AXUM: &str = "axum by hand";
const BARE: &str = "Mainstay, bare stack";
const FULL: &str = "Mainstay, full stack";
const BY_HAND: &str = "Mainstay, handlers by hand";
const DECLARED: &str = "Mainstay, declared resource";

const ARTICLES: &[(&str, &str)] = &[("TESTS", "articles")];
const MAINSTAY: &str = "api";
const BARE_STACK: Contender = Contender { name: BARE, binary: MAINSTAY, variables: &[("STACK", "bare")] };
const FULL_STACK: Contender = Contender { name: FULL, binary: MAINSTAY, variables: &[] };

const EXPRESS: Contender = Contender {
    name: "Express 5",
    binary: "xtask/peers/express/serve",
    variables: &[("NODE_ENV", "production")],
};
const FASTAPI: Contender = Contender { name: "FastAPI", binary: "xtask/peers/fastapi/serve", variables: &[] };
/// Where the contenders in other languages come from.
const FOREIGN: &[(&Contender, Foreign)] = &[
    (
        &EXPRESS,
        Foreign {
            sources: "benches/api/express",
            name: "express",
            language: Language::JavaScript,
            main: "server.js",
        },
    ),
    (
        &FASTAPI,
        Foreign {
            sources: "benches/api/fastapi",
            name: "fastapi",
            language: Language::Python,
            main: "server.py",
        },
    ),
];

const ON_POSTGRES: &[Contender] = &[
    Contender { name: AXUM, binary: "postgres_raw", variables: ARTICLES },
    FULL_STACK,
    BARE_STACK,
    EXPRESS,
    FASTAPI,
];
const ON_SQLITE: &[Contender] = &[
    Contender { name: AXUM, binary: "sqlite_raw", variables: ARTICLES },
    FULL_STACK,
    BARE_STACK,
    EXPRESS,
    FASTAPI,
];
const IN_MAINSTAY: &[Contender] = &[
    Contender { name: BY_HAND, binary: MAINSTAY, variables: &[("RESOURCES", "by_hand")] },
    Contender { name: DECLARED, binary: MAINSTAY, variables: &[] },
];

/// Who asks: as Mainstay knows them, and in a token of the peers (`benches/peers/src/articles/token.rs`).
const READER: &str = "reader 7";
const TOKEN: &str = "7.4102444800.418afbfa79d87e16cc5995621f3a1dfe63a157fd81d86d9846b5b42fd82b665f";
/// What Mainstay signs tokens with, here.
const SECRET: &str = "bench-0123456789-abcdefghijklmnopqrstuvwxyz";
const LIMIT: f64 = 1.5;

pub(crate) fn run(engines: Engines, options: &Options) -> Result<Vec<Budget>> {
    let workspace = Workspace::load()?;
    if options.programs == Programs::Build {
        compare::build(&workspace, IN_MAINSTAY)?;
    }
    let absent: Vec<_> = FOREIGN
        .iter()
        .filter(|(contender, foreign)| !foreign.provide(&workspace, contender.name))
        .map(|(contender, _)| contender.name)
        .collect();
    let mut budgets = Vec::new();
    if engines != Engines::Sqlite {
        if let Some(program) = services::find("postgres") {
            program.provide()?;
        }
        let server = Server::start(Engine::Postgres, Durability::Durable)?;
        budgets.extend(on_engine("PostgreSQL", ON_POSTGRES, &server.url(), &absent, options)?);
    }
    if engines != Engines::Postgres {
        let folder = workspace.target.join("xtask/bench");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("api.db");
        remove(&file)?;
        let url = format!("sqlite://{}", file.display());
        budgets.extend(on_engine("SQLite", ON_SQLITE, &url, &absent, options)?);
    }
    Ok(budgets)
}

fn on_engine(
    engine: &str,
    contenders: &'static [Contender],
    url: &str,
    absent: &[&'static str],
    options: &Options,
) -> Result<Vec<Budget>> {
    let workspace = Workspace::load()?;
    let mut articles = comparison(contenders, PATHS, AXUM, &workspace, url);
    articles.absent = absent.to_vec();
    articles.even_out(&workspace.target)?;
    let authorization = format!("authorization: Token {}", token(&workspace.target, &articles.variables)?);
    let mut resources = comparison(IN_MAINSTAY, RESOURCES, BY_HAND, &workspace, url);
    resources.sent = sent(IN_MAINSTAY, &authorization);
    articles.sent = sent(contenders, &authorization);
    for comparison in [&articles, &resources] {
        agree::check(comparison, options, &workspace.target, VARYING)?;
    }
    println!("\n{engine}: all contenders answer the same");
    let (articles, resources) = (articles.measure(options)?, resources.measure(options)?);
    print!("\n{engine}{}{}", articles.table(), resources.table());
    let mut budgets = ratios(engine, &articles, PATHS, [FULL, AXUM]);
    budgets.extend(ratios(engine, &resources, RESOURCES, [DECLARED, BY_HAND]));
    Ok(budgets)
}

fn comparison(
    contenders: &'static [Contender],
    paths: &'static [&'static str],
    baseline: &'static str,
    workspace: &Workspace,
    url: &str,
) -> Comparison {
    let mut comparison = Comparison::new(contenders, paths, baseline);
    comparison.groundskeeper = Some(&FULL_STACK);
    comparison.variables = vec![
        ("DATABASE_URL", url.to_owned()),
        ("MAINSTAY__KEYS__SECRET", SECRET.to_owned()),
        ("SQL", workspace.root.join("benches/api/sql").display().to_string()),
    ];
    comparison
}

/// Who asks, for each program; and what is published: with tags that exist, as most articles have.
fn sent(contenders: &[Contender], authorization: &str) -> Sent {
    let header = |contender: &Contender| match contender.binary {
        MAINSTAY => (contender.name, authorization.to_owned()),
        _ => (contender.name, format!("authorization: Token {TOKEN}")),
    };
    let text = "What an article says, once and again, until it is as long as a short one is. ".repeat(20);
    let draft = json!({"title": "A title that is new", "description": "What it is about.", "body": text});
    let mut article = draft.clone();
    article["tagList"] = json!(["tag 1", "tag 2", "tag 3"]);
    Sent {
        headers: contenders.iter().map(header).collect(),
        bodies: vec![
            ("POST /api/articles", json!({ "article": article }).to_string()),
            ("POST /api/v2/articles", draft.to_string()),
        ],
    }
}

/// A token of Mainstay's: its own command prints it.
fn token(target: &Path, variables: &[(&'static str, String)]) -> Result<String> {
    let mut command = Command::new(FULL_STACK.program(target));
    command.current_dir(target.join("xtask/bench/api")).args(["token", READER]);
    command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let printed = process::output(command)?;
    Ok(printed.lines().last().ok_or("the command `token` printed nothing")?.to_owned())
}

fn ratios(
    engine: &str,
    samples: &Samples,
    paths: &[&str],
    [name, baseline]: [&'static str; 2],
) -> Vec<Budget> {
    let budget = |path: &&str| Budget {
        what: format!("{engine}: {}, CPU in that of {baseline}", path.split('?').next().unwrap_or(path)),
        measured: samples.cost(name, path) / samples.cost(baseline, path),
        limit: LIMIT,
        unit: "x",
    };
    paths.iter().map(budget).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::tests::samples;

    #[test]
    fn there_is_a_budget_for_list_single_and_create() {
        let comparison = Comparison::new(ON_SQLITE, PATHS, AXUM);
        let samples = samples(comparison, &[(AXUM, 10.0), (FULL, 14.0), (BARE, 99.0)]);
        let budgets = ratios("SQLite", &samples, PATHS, [FULL, AXUM]);
        assert_eq!(budgets.len(), 3);
        assert!(budgets.iter().all(|budget| budget.is_kept() && budget.limit <= 1.5));
        let comparison = Comparison::new(IN_MAINSTAY, RESOURCES, BY_HAND);
        let samples = compare::tests::samples(comparison, &[(BY_HAND, 10.0), (DECLARED, 16.0)]);
        let budgets = ratios("SQLite", &samples, RESOURCES, [DECLARED, BY_HAND]);
        assert!(budgets.len() == 3 && !budgets.iter().any(Budget::is_kept));
    }

    #[test]
    fn whoever_asks_is_signed_in_with_every_contender() {
        let mut comparison = Comparison::new(ON_POSTGRES, PATHS, AXUM);
        comparison.sent = sent(ON_POSTGRES, "authorization: Token of-mainstay");
        for contender in ON_POSTGRES {
            for path in PATHS {
                let request = comparison.request(contender, path);
                let is_ours = request.headers == ["authorization: Token of-mainstay"];
                assert_eq!(is_ours, contender.binary == MAINSTAY, "{}", contender.name);
                assert!(request.headers.len() == 1 && request.path.starts_with("/api/articles"));
                assert_eq!(request.body.is_some(), path.starts_with("POST "));
            }
        }
    }
}
