//! A load generator for machines without wrk, and for what wrk does not tell: the number of requests exactly, and how
//! many answers were wrong.
//!
//! `load PORT PATH CONNECTIONS SECONDS` keeps that many connections busy, each with one request at a time, and prints
//! one line of JSON: `{"requests":…,"errors":…,"seconds":…,"p50_us":…,"p99_us":…}`. Each line of `LOAD_HEADERS` is a header;
//! with `LOAD_BODY` that JSON is posted; with `LOAD_PAUSE`, each connection waits for so many milliseconds before a request.

use std::{
    cell::RefCell,
    io::Write,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, path, connections, seconds] = words.as_slice() else {
        return Err("usage: load PORT PATH CONNECTIONS SECONDS".into());
    };
    let port: u16 = port.parse()?;
    let request = request(port, path);
    let pause = std::env::var("LOAD_PAUSE").ok().map(|text| text.parse()).transpose()?;
    let pause = pause.map(Duration::from_millis);
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds.parse()?);
    let tally = Rc::new(RefCell::new(Tally::new()));

    let local = LocalSet::new();
    for _ in 0..connections.parse::<usize>()? {
        let (request, tally) = (request.clone(), Rc::clone(&tally));
        local.spawn_local(async move {
            while Instant::now() < end {
                if keep_busy((port, &*request), pause, end, &tally).await.is_err() {
                    tally.borrow_mut().errors += 1;
                    // A server that is down must not be flooded with connections.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
    }
    local.await;

    let tally = tally.borrow();
    let line = serde_json::json!({
        "requests": tally.requests,
        "errors": tally.errors,
        "seconds": start.elapsed().as_secs_f64(),
        "p50_us": tally.quantile(0.50),
        "p99_us": tally.quantile(0.99),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The request, with the headers and the body that the environment has.
fn request(port: u16, path: &str) -> String {
    let body = std::env::var("LOAD_BODY").ok();
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\naccept: */*\r\n");
    for header in std::env::var("LOAD_HEADERS").unwrap_or_default().lines() {
        request += &format!("{header}\r\n");
    }
    match body {
        Some(body) => {
            let length = body.len();
            request + &format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        }
        None => request + "\r\n",
    }
}

/// Sends one request after the other on one connection, until the end or the first fault.
async fn keep_busy(
    (port, request): (u16, &str),
    pause: Option<Duration>,
    end: Instant,
    tally: &RefCell<Tally>,
) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    while Instant::now() < end {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        buffer.clear();
        let answered =
            tokio::time::timeout(Duration::from_secs(10), read_answer(&mut stream, &mut buffer)).await??;
        let mut tally = tally.borrow_mut();
        if (200..300).contains(&answered) {
            tally.record(sent.elapsed());
        } else {
            tally.errors += 1;
        }
    }
    Ok(())
}

/// Reads one answer with a content length, to its last byte.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16, Failure> {
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[..head])?;
            let status = text.get(9..12).ok_or("no status")?.parse()?;
            let mut lines = text.lines().filter_map(|line| line.split_once(':'));
            let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = length.ok_or("no content length")?.1.trim().parse()?;
            if buffer.len() >= head + 4 + length {
                return Ok(status);
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
    }
}

/// Sub-divisions of each power of two of microseconds: quantiles are right to about 3 %.
const STEPS: u64 = 32;

struct Tally {
    requests: u64,
    errors: u64,
    buckets: Vec<u64>,
}

impl Tally {
    fn new() -> Self {
        Self { requests: 0, errors: 0, buckets: vec![0; 40 * 32] }
    }

    fn record(&mut self, latency: Duration) {
        self.requests += 1;
        let last = self.buckets.len() - 1;
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros).min(last)] += 1;
    }

    /// The latency in microseconds below which this share of the requests stayed.
    fn quantile(&self, share: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count"
        )]
        let wanted = (self.requests as f64 * share) as u64;
        let mut seen = 0;
        let at = self.buckets.iter().position(|count| {
            seen += count;
            seen > wanted
        });
        at.map_or(0, floor)
    }
}

/// Exact below `STEPS` microseconds, then `STEPS` buckets for each power of two.
fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return usize::try_from(micros).unwrap_or(0);
    }
    let power = micros.ilog2() - STEPS.ilog2();
    let index = u64::from(power) * STEPS + (micros >> power);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The least latency that falls into a bucket.
fn floor(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    (bucket - power * STEPS) << power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_floors_invert_them() {
        let mut last = 0;
        for micros in 0..100_000 {
            let at = bucket(micros);
            assert!(at == last || at == last + 1, "{micros}");
            assert!(floor(at) <= micros && micros < floor(at + 1), "{micros}");
            last = at;
        }
    }

    #[test]
    fn quantiles_come_from_what_was_recorded() {
        let mut tally = Tally::new();
        for micros in 1..=1_000 {
            tally.record(Duration::from_micros(micros));
        }
        assert!((480..=520).contains(&tally.quantile(0.5)), "{}", tally.quantile(0.5));
        assert!((960..=1_000).contains(&tally.quantile(0.99)), "{}", tally.quantile(0.99));
    }
}
