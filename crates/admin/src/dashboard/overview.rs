//! The first page: queues, rates and latency.

use axum::response::Response;
use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_http::Query;
use mainstay_jobs::State;
use mainstay_jobs::stats::{History, Point, Span};
use mainstay_jobs::survey::{Bounded, Counts, JobFilter, QueueState};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::chart::{self, Sparkline};
use super::shown::{Numbers, When, length, number};
use super::visit::{Visit, address_of};

#[derive(Deserialize)]
pub(super) struct Asked {
    span: Option<String>,
}

/// Which part of the past is looked at: its name, what it is called, and how long a step of it is.
const SPANS: [(&str, &str, &str, Span); 3] = [
    ("hour", "The last hour", "minute", Span::HOUR),
    ("day", "The last day", "quarter of an hour", Span::DAY),
    ("week", "The last week", "two hours", Span::WEEK),
];

/// The page, for programs.
#[derive(Serialize)]
struct Overview<'a> {
    at: DateTime<Utc>,
    counts: &'a Counts,
    queues: Vec<Queue<'a>>,
    kinds: Vec<Kind<'a>>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Queue<'a> {
    #[serde(flatten)]
    state: &'a QueueState,
    ended: Numbers,
}

#[derive(Serialize)]
struct Kind<'a> {
    name: &'a str,
    ended: Numbers,
}

#[derive(Serialize)]
struct Step {
    at: DateTime<Utc>,
    ended: Numbers,
}

impl From<&Point> for Step {
    fn from(point: &Point) -> Self {
        Self { at: point.at, ended: (&point.volume).into() }
    }
}

pub(super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response> {
    let asked = asked.span.as_deref().unwrap_or("hour");
    let (span, title, per, steps) = SPANS.into_iter().find(|(name, ..)| *name == asked).unwrap_or(SPANS[0]);
    let (counts, queues) = (visit.jobs.counts().await?, visit.jobs.queues().await?);
    let history = visit.jobs.history(steps).await?;
    let points = history.points();
    let ended = |queue: &str| history.recent(queue, steps.steps as usize);
    let data = Overview {
        at: visit.now,
        counts: &counts,
        queues: queues.iter().map(|state| Queue { state, ended: (&ended(&state.name)).into() }).collect(),
        kinds: history.kinds().map(|(name, volume)| Kind { name, ended: volume.into() }).collect(),
        steps: points.iter().map(Step::from).collect(),
    };
    visit.page("jobs/overview.html", &data, || {
        let spans: Vec<_> = SPANS.iter().map(|(name, title, ..)| (*name, *title)).collect();
        context! {
            tiles => tiles(&counts),
            queues => queues.iter().map(|queue| Line::of(queue, &history, &visit)).collect::<Vec<_>>(),
            kinds => kinds(&history),
            throughput => chart::throughput(&points, per),
            latency => chart::latency(&points),
            span, title, per, spans,
            at => When::new(visit.now, visit.now),
        }
    })
}

/// How many jobs are in a state, and where they are listed.
#[derive(Serialize)]
pub(super) struct Tile {
    pub(super) name: &'static str,
    count: String,
    address: String,
    is_bad: bool,
}

/// Those states first that an operator looks for.
const SHOWN: [State; 10] = [
    State::Ready,
    State::Running,
    State::Scheduled,
    State::Retrying,
    State::Dead,
    State::Blocked,
    State::Following,
    State::Completed,
    State::Cancelled,
    State::Discarded,
];

pub(super) fn tiles(counts: &Counts) -> Vec<Tile> {
    let tile = |state: State| {
        let (count, filter) = (counts.of(state), JobFilter { state: Some(state), ..JobFilter::default() });
        Tile {
            name: state.name(),
            count: count.to_string(),
            address: address_of(&filter, None),
            is_bad: state == State::Dead && count.count() > 0,
        }
    };
    SHOWN.into_iter().map(tile).collect()
}

/// A queue in the table.
#[derive(Serialize)]
struct Line {
    name: String,
    paused: Option<When>,
    ready: Cell,
    running: Cell,
    scheduled: Cell,
    retrying: Cell,
    dead: Cell,
    latency: String,
    /// In the last five minutes, or steps, for each.
    rate: String,
    wait: String,
    run: String,
    spark: Sparkline,
}

/// A number that leads to what it counts.
#[derive(Serialize)]
struct Cell {
    count: String,
    address: String,
    is_none: bool,
}

impl Line {
    /// So many steps make a rate.
    const RECENT: usize = 5;

    fn of(queue: &QueueState, history: &History, visit: &Visit) -> Self {
        let cell = |state: State| {
            let filter =
                JobFilter { state: Some(state), queue: Some(queue.name.clone()), ..JobFilter::default() };
            let count: Bounded = queue.counts.of(state);
            Cell { count: count.to_string(), address: address_of(&filter, None), is_none: count.count() == 0 }
        };
        let recent = history.recent(&queue.name, Self::RECENT);
        let shown = |time: Option<_>| time.map_or_else(|| "–".to_owned(), length);
        Self {
            paused: When::of(queue.paused_since, visit.now),
            ready: cell(State::Ready),
            running: cell(State::Running),
            scheduled: cell(State::Scheduled),
            retrying: cell(State::Retrying),
            dead: cell(State::Dead),
            latency: length(queue.latency),
            rate: number((recent.completed + recent.failed) / Self::RECENT as i64),
            wait: shown(recent.wait.quantile(0.95)),
            run: shown(recent.run.quantile(0.95)),
            spark: chart::sparkline(&history.points_of(&queue.name)),
            name: queue.name.clone(),
        }
    }
}

/// A kind in the table.
#[derive(Serialize)]
struct KindLine<'a> {
    name: &'a str,
    completed: String,
    failed: String,
    dead: String,
    mean: String,
    p95: String,
    longest: String,
    address: String,
}

/// So many kinds are shown: those that ran longest, all together.
const KINDS: usize = 50;

fn kinds(history: &History) -> Vec<KindLine<'_>> {
    let mut kinds: Vec<_> = history.kinds().collect();
    kinds.sort_by_key(|(_, volume)| std::cmp::Reverse(volume.run.sum_us));
    let shown = |time: Option<_>| time.map_or_else(|| "–".to_owned(), length);
    let line = |(name, volume): (_, &mainstay_jobs::stats::Volume)| {
        let of_kind = JobFilter { kind: Some(String::from(name)), ..JobFilter::default() };
        KindLine {
            name,
            completed: number(volume.completed),
            failed: number(volume.failed),
            dead: number(volume.dead),
            mean: shown(volume.run.mean()),
            p95: shown(volume.run.quantile(0.95)),
            longest: shown(volume.run.longest()),
            address: address_of(&of_kind, None),
        }
    };
    kinds.into_iter().take(KINDS).map(line).collect()
}
