use std::time::Duration;

use super::*;

#[test]
fn writes_the_text_format() {
    let metrics = Metrics::new();
    let get = metrics.counter("requests_total", "Requests.", &[("method", "GET"), ("route", "/a")]);
    metrics.counter("requests_total", "Requests.", &[("method", "POST"), ("route", "/a")]).add(7);
    let open = metrics.gauge("connections", "Open connections.", &[]);
    let buckets =
        Buckets::times([Duration::from_millis(5), Duration::from_micros(2500), Duration::from_secs(1)]);
    let time = metrics.histogram("request_seconds", "Time to the head.", &buckets, &[("route", "/a")]);
    let size = metrics.histogram("request_bytes", "Sizes.", &Buckets::amounts([100, 1000]), &[]);
    get.inc();
    open.add(3);
    open.dec();
    for millis in [1, 5, 6, 2000] {
        time.observe(Duration::from_millis(millis));
    }
    size.record(100);
    size.record(101);
    assert_eq!(
        metrics.render(),
        r##"# HELP connections Open connections.
# TYPE connections gauge
connections 2
# HELP request_bytes Sizes.
# TYPE request_bytes histogram
request_bytes_bucket{le="100"} 1
request_bytes_bucket{le="1000"} 2
request_bytes_bucket{le="+Inf"} 2
request_bytes_sum 201
request_bytes_count 2
# HELP request_seconds Time to the head.
# TYPE request_seconds histogram
request_seconds_bucket{route="/a",le="0.0025"} 1
request_seconds_bucket{route="/a",le="0.005"} 2
request_seconds_bucket{route="/a",le="1"} 3
request_seconds_bucket{route="/a",le="+Inf"} 4
request_seconds_sum{route="/a"} 2.012
request_seconds_count{route="/a"} 4
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{method="GET",route="/a"} 1
requests_total{method="POST",route="/a"} 7
"##
    );
}

#[test]
fn escapes_what_would_break_a_line() {
    let metrics = Metrics::new();
    metrics.gauge("g", "a \"quoted\" \\ and\ntwo lines", &[("path", "C:\\x\n\"y\" ünï")]).set(-1);
    assert_eq!(
        metrics.render(),
        concat!(
            r#"# HELP g a "quoted" \\ and\ntwo lines"#,
            "\n# TYPE g gauge\n",
            r#"g{path="C:\\x\n\"y\" ünï"} -1"#,
            "\n"
        )
    );
}

#[test]
fn the_same_name_and_labels_in_any_order_are_the_same_series() {
    let metrics = Metrics::new();
    metrics.counter("c_total", "c", &[("a", "1"), ("b", "2")]).inc();
    let again = metrics.counter("c_total", "c", &[("b", "2"), ("a", "1")]);
    again.inc();
    assert_eq!(again.get(), 2);
    assert!(metrics.render().ends_with("c_total{a=\"1\",b=\"2\"} 2\n"));
    assert!(metrics.problems().is_empty());
}

#[test]
fn refuses_what_prometheus_would_and_goes_on() {
    let metrics = Metrics::new();
    metrics.gauge("fine", "f", &[("a", "1")]);
    metrics.counter("requests", "no suffix", &[]).inc();
    metrics.gauge("things_total", "not a counter", &[]);
    metrics.gauge("9lives", "bad name", &[]);
    metrics.gauge("g", "bad label", &[("content-type", "x")]);
    metrics.gauge("g", "reserved label", &[("__name", "x")]);
    metrics.gauge("g", "twice", &[("a", "x"), ("a", "y")]);
    metrics.histogram("h", "own label", &Buckets::latency(), &[("le", "x")]);
    metrics.gauge("fine", "f", &[("b", "1")]);
    metrics.gauge("fine", "f", &[]);
    metrics.gauge("fine", "another", &[("a", "1")]);
    metrics.histogram("fine", "f", &Buckets::latency(), &[("a", "1")]).observe(Duration::ZERO);
    metrics.histogram("h", "h", &Buckets::latency(), &[]);
    metrics.histogram("h", "h", &Buckets::amounts([1]), &[]);
    let problems = metrics.problems();
    let expected = [
        "metric `requests`: the names of counters",
        "metric `things_total`: the names of counters",
        "metric `9lives`: the name is not of the form",
        "metric `g`: the label `content-type` is not",
        "metric `g`: the label `__name` is not",
        "metric `g`: the label `a` is given twice",
        "metric `h`: the label `le` is",
        "metric `fine`: it is registered with the labels `a`",
        "metric `fine`: it is registered with another help text",
        "metric `fine`: it is registered as a gauge, not as a histogram",
        "metric `h`: it is registered with other buckets",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
    let page = metrics.render();
    assert!(page.starts_with("# HELP fine f\n# TYPE fine gauge\nfine{a=\"1\"} 0\n"), "{page}");
    assert!(!page.contains("requests"), "{page}");
}

#[test]
fn counts_what_goes_beyond_the_limit_as_other() {
    let metrics = Metrics::with_series_limit(2);
    for user in 0..100 {
        metrics.counter("logins_total", "l", &[("user", &user.to_string()), ("how", "password")]).inc();
    }
    let page = metrics.render();
    assert_eq!(page.lines().count(), 5, "{page}");
    assert!(page.contains("logins_total{user=\"0\",how=\"password\"} 1\n"), "{page}");
    assert!(page.contains("logins_total{user=\"other\",how=\"other\"} 98\n"), "{page}");
}

#[test]
fn collects_values_when_asked_beside_those_that_are_kept() {
    let metrics = Metrics::new();
    metrics.gauge("pool", "Connections.", &[("state", "waiting")]).set(1);
    metrics.collect(|scrape| {
        scrape.gauge("pool", "Connections.", &[("state", "idle")], 2.5);
        scrape.gauge("limit", "No limit.", &[], f64::INFINITY);
        scrape.counter("pool", "Not a counter.", &[], 1.0);
        scrape.counter("limit_total", "x", &[], 1.0);
    });
    metrics.collect(|_| panic!("out of luck"));
    metrics.collect(|scrape| scrape.counter("pool", "wrong suffix", &[], 1.0));
    for _ in 0..2 {
        assert_eq!(
            metrics.render(),
            "# HELP limit No limit.\n# TYPE limit gauge\nlimit +Inf\n\
             # HELP limit_total x\n# TYPE limit_total counter\nlimit_total 1\n\
             # HELP pool Connections.\n# TYPE pool gauge\npool{state=\"idle\"} 2.5\npool{state=\"waiting\"} 1\n"
        );
    }
    assert_eq!(
        metrics.problems(),
        [
            "a collector panicked: out of luck",
            "metric `pool`: the names of counters, and only these, end in `_total`"
        ]
    );
}

#[test]
fn a_held_gauge_is_released_by_a_panic_too() {
    let gauge = Gauge::default();
    let held = gauge.hold();
    let inner = gauge.clone();
    let _ = std::panic::catch_unwind(move || {
        let _second = inner.hold();
        assert_eq!(inner.get(), 2);
        std::panic::resume_unwind(Box::new("planned"));
    });
    assert_eq!(gauge.get(), 1);
    drop(held);
    assert_eq!(gauge.get(), 0);
}

#[test]
fn threads_lose_no_count() {
    let metrics = Metrics::new();
    let counter = metrics.counter("c_total", "c", &[]);
    let histogram = metrics.histogram("h", "h", &Buckets::amounts([10, 20, 30]), &[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for value in 0..10_000 {
                    counter.inc();
                    histogram.record(value % 40);
                }
            });
        }
    });
    assert_eq!((counter.get(), histogram.count(), histogram.sum()), (40_000, 40_000, 780_000));
}
