//! Charts, drawn here: a page needs no script to show them.

use std::time::Duration;

use mainstay_jobs::stats::{Point, Spread};
use serde::Serialize;

use super::shown::{length, number};

/// The size of the drawing, in units of its own.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// A chart: paths of SVG, and what is written beside them.
#[derive(Serialize)]
pub(super) struct Chart {
    /// What it says, in a sentence, for those who do not see it.
    told: String,
    /// What the highest line stands for.
    top: String,
    /// One path for each series.
    series: Vec<Series>,
    /// What each step says when it is pointed at.
    steps: Vec<Step>,
    begins: String,
    width: f64,
    height: f64,
}

#[derive(Serialize)]
struct Series {
    name: &'static str,
    path: String,
}

#[derive(Serialize)]
struct Step {
    x: String,
    width: String,
    told: String,
}

/// How many ended in each step: those that have succeeded, and on top of them those that have failed.
pub(super) fn throughput(points: &[Point], per: &str) -> Chart {
    let of = |point: &Point| point.volume.completed + point.volume.failed;
    let most = points.iter().map(of).max().unwrap_or(0).max(1);
    let (completed, failed) = points
        .iter()
        .fold((0, 0), |(good, bad), point| (good + point.volume.completed, bad + point.volume.failed));
    let step = WIDTH / points.len().max(1) as f64;
    let scale = HEIGHT / most as f64;
    let (mut good, mut bad) = (String::new(), String::new());
    for (index, point) in points.iter().enumerate() {
        let x = index as f64 * step;
        let (height, above) = (point.volume.completed as f64 * scale, point.volume.failed as f64 * scale);
        bar(&mut good, x, step, HEIGHT - height, height);
        bar(&mut bad, x, step, HEIGHT - height - above, above);
    }
    let told = format!(
        "{} completed and {} failed, at most {} in a {per}",
        number(completed),
        number(failed),
        number(points.iter().map(of).max().unwrap_or(0))
    );
    let steps = steps(points, step, |point| {
        format!("{} completed, {} failed", number(point.volume.completed), number(point.volume.failed))
    });
    let series = vec![Series { name: "completed", path: good }, Series { name: "failed", path: bad }];
    Chart::new(told, number(most), series, steps, points)
}

/// How long jobs wait and run, but for the slowest twentieth.
pub(super) fn latency(points: &[Point]) -> Chart {
    let p95 = |spread: &Spread| spread.quantile(0.95);
    let longest = |spread: fn(&Point) -> &Spread| points.iter().filter_map(|point| p95(spread(point))).max();
    let waits: fn(&Point) -> &Spread = |point| &point.volume.wait;
    let runs: fn(&Point) -> &Spread = |point| &point.volume.run;
    let (wait, run) = (longest(waits), longest(runs));
    let most = wait.max(run).unwrap_or_default().max(Duration::from_millis(1));
    let step = WIDTH / points.len().max(1) as f64;
    let line = |spread: fn(&Point) -> &Spread| {
        let mut path = String::new();
        let mut is_drawn = false;
        for (index, point) in points.iter().enumerate() {
            let Some(time) = p95(spread(point)) else {
                is_drawn = false;
                continue;
            };
            let (x, y) = (index as f64 * step, HEIGHT - HEIGHT * time.as_secs_f64() / most.as_secs_f64());
            // A step is a level: one that stands alone is seen, too.
            path.push_str(&format!("{}{x:.1} {y:.1}H{:.1}", if is_drawn { 'L' } else { 'M' }, x + step));
            is_drawn = true;
        }
        path
    };
    let shown = |time: Option<Duration>| time.map_or_else(|| "nothing".to_owned(), length);
    let told =
        format!("95 of 100 jobs waited for {} at most, and ran for {} at most", shown(wait), shown(run));
    let steps = steps(points, step, |point| {
        format!("waited {}, ran {}", shown(p95(&point.volume.wait)), shown(p95(&point.volume.run)))
    });
    let series = vec![Series { name: "wait", path: line(waits) }, Series { name: "run", path: line(runs) }];
    Chart::new(told, length(most), series, steps, points)
}

impl Chart {
    fn new(told: String, top: String, series: Vec<Series>, steps: Vec<Step>, points: &[Point]) -> Self {
        let begins =
            points.first().map(|point| point.at.format("%m-%d %H:%M").to_string()).unwrap_or_default();
        Self { told, top, series, steps, begins, width: WIDTH, height: HEIGHT }
    }
}

/// A line of a table: how much ended in each step, drawn small.
#[derive(Serialize)]
pub(super) struct Sparkline {
    path: String,
    width: f64,
    height: f64,
}

pub(super) fn sparkline(points: &[Point]) -> Sparkline {
    let (width, height) = (120.0, 24.0);
    let most =
        points.iter().map(|point| point.volume.completed + point.volume.failed).max().unwrap_or(0).max(1);
    let step = width / points.len().max(1) as f64;
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        let tall = (point.volume.completed + point.volume.failed) as f64 * height / most as f64;
        bar(&mut path, index as f64 * step, step, height - tall, tall);
    }
    Sparkline { path, width, height }
}

fn bar(path: &mut String, x: f64, step: f64, y: f64, height: f64) {
    if height > 0.0 {
        let width = (step * 0.8).max(0.5);
        path.push_str(&format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z"));
    }
}

fn steps(points: &[Point], width: f64, told: impl Fn(&Point) -> String) -> Vec<Step> {
    let step = |(index, point): (usize, &Point)| Step {
        x: format!("{:.1}", index as f64 * width),
        width: format!("{width:.1}"),
        told: format!("{}: {}", point.at.format("%m-%d %H:%M"), told(point)),
    };
    points.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use mainstay_jobs::stats::Volume;

    use super::*;

    fn points(volumes: &[Volume]) -> Vec<Point> {
        let at = |index: i64| DateTime::from_timestamp(index * 60, 0).unwrap();
        (0..).zip(volumes).map(|(index, volume)| Point { at: at(index), volume: *volume }).collect()
    }

    #[test]
    fn bars_are_as_high_as_their_numbers() {
        let half = Volume { completed: 5, ..Volume::default() };
        let whole = Volume { completed: 5, failed: 5, ..Volume::default() };
        let chart = throughput(&points(&[half, whole, Volume::default()]), "minute");
        assert_eq!(chart.told, "10 completed and 5 failed, at most 10 in a minute");
        assert_eq!(chart.series[0].path, "M0.0 60.0h160.0v60.0h-160.0zM200.0 60.0h160.0v60.0h-160.0z");
        assert_eq!(chart.series[1].path, "M200.0 0.0h160.0v60.0h-160.0z");
        assert_eq!((chart.top.as_str(), chart.steps.len()), ("10", 3));
        assert_eq!(chart.steps[1].told, "01-01 00:01: 5 completed, 5 failed");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let chart = latency(&points(&[Volume::default(); 3]));
        assert!(chart.series.iter().all(|series| series.path.is_empty()));
        assert_eq!(chart.told, "95 of 100 jobs waited for nothing at most, and ran for nothing at most");
        assert_eq!(sparkline(&[]).path, "");
        assert_eq!(throughput(&[], "minute").steps.len(), 0);
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_ended() {
        let wait = Spread { to_5ms: 1, max_us: 2_000, sum_us: 2_000, ..Spread::default() };
        let some = Volume { completed: 1, wait, ..Volume::default() };
        let chart = latency(&points(&[some, Volume::default(), some]));
        assert_eq!(chart.series[0].path.matches('M').count(), 2);
        assert_eq!(chart.top, "2.0 ms");
    }
}
