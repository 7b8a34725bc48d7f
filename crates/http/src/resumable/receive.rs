//! The bytes of one request, on their way to the end of a file.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use mainstay_core::{Error, Result, StatusCode};

use super::checksum::Checksum;
use super::store::{Opened, locked};
use crate::extract::{PIECE, Rules, size};
use crate::files::{SNIFFED, sniff};

/// What a request brings.
pub(super) struct Incoming<'r> {
    pub(super) body: Body,
    pub(super) checksum: Option<Checksum>,
    pub(super) rules: &'r Rules,
    /// How long the whole file may be.
    pub(super) most: u64,
    pub(super) patience: Patience,
}

/// How long a body is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How long nothing may come.
    idle: Duration,
    /// When all of it is to be there.
    end: Option<Instant>,
}

impl Patience {
    pub(super) fn new(idle: Duration, all: Duration) -> Self {
        Self { idle, end: Instant::now().checked_add(all) }
    }

    fn left(&self) -> Duration {
        self.end.map_or(self.idle, |end| self.idle.min(end.saturating_duration_since(Instant::now())))
    }
}

/// Why a request is not done.
pub(super) enum Stopped {
    /// What has come is kept.
    Kept(Error),
    /// The file is not wanted at all.
    Refused(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Kept(error)
    }
}

impl Incoming<'_> {
    /// Appends what comes. What has come is on the disk afterwards, whatever the outcome.
    pub(super) async fn receive(mut self, opened: &mut Opened) -> Result<(), Stopped> {
        let begun = opened.offset;
        let announced = http_body::Body::size_hint(&self.body).lower();
        if announced > self.most.saturating_sub(begun) {
            return Err(Stopped::Kept(self.too_long(opened)));
        }
        if http_body::Body::is_end_stream(&self.body) && self.checksum.is_none() {
            // What came before may not be on the disk yet.
            return Ok(opened.sync().await?);
        }
        opened.claim_up_to(begun.saturating_add(announced))?;
        let has_checksum = self.checksum.is_some();
        if has_checksum {
            opened.doubt().await?;
        }
        let mut outcome = self.pump(opened).await;
        if let (Ok(()), Some(checksum)) = (&outcome, self.checksum.take()) {
            outcome = checksum.verify().map_err(Stopped::Kept);
        }
        if let Err(error) = settle(opened, begun, has_checksum, &outcome).await {
            // What is not on the disk must not be acknowledged later.
            opened.take_back(begun).await;
            return Err(outcome.err().unwrap_or(Stopped::Kept(error)));
        }
        outcome?;
        // What was damaged on its way may look like anything, and was not looked at before.
        if has_checksum && begins_to_show(begun, opened.offset) {
            judge(opened, self.rules).await?;
        }
        Ok(())
    }

    async fn pump(&mut self, opened: &mut Opened) -> Result<(), Stopped> {
        let mut pending = BytesMut::new();
        let ended = loop {
            let chunk = tokio::select! {
                biased;
                () = opened.wanted() => break Err(locked()),
                chunk = next(&mut self.body, self.patience) => chunk,
            };
            let chunk = match chunk {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let length = opened.offset + pending.len() as u64;
            if chunk.len() as u64 > self.most.saturating_sub(length) {
                return Err(Stopped::Kept(self.too_long(opened)));
            }
            pending.extend_from_slice(&chunk);
            if pending.len() >= PIECE {
                pending = self.write(opened, pending).await?;
            }
        };
        if !pending.is_empty() {
            self.write(opened, pending).await?;
        }
        ended.map_err(Stopped::Kept)
    }

    async fn write(&mut self, opened: &mut Opened, pending: BytesMut) -> Result<BytesMut, Stopped> {
        let (before, has_checksum) = (opened.offset, self.checksum.is_some());
        opened.claim_up_to(before + pending.len() as u64)?;
        let pending = opened.append(pending, &mut self.checksum).await?;
        // What is not wanted is refused before all of it has come.
        if !has_checksum && begins_to_show(before, opened.offset) {
            judge(opened, self.rules).await?;
        }
        Ok(pending)
    }

    #[track_caller]
    fn too_long(&self, opened: &Opened) -> Error {
        let message = match opened.record.length {
            Some(length) => format!(
                "The file was announced with {length} bytes, of which {} are still to come: this would be more.",
                length.saturating_sub(opened.offset)
            ),
            None => format!(
                "The file is larger than {}, which is the most that is accepted here.",
                size(self.most)
            ),
        };
        Error::new(StatusCode::PAYLOAD_TOO_LARGE, message).code(TOO_LONG)
    }
}

const TOO_LONG: &str = "upload_too_large";

/// What a file is, if it is wanted.
pub(super) async fn judge(opened: &Opened, rules: &Rules) -> Result<&'static str, Stopped> {
    let sniffed = sniff(&opened.beginning().await?);
    let name = opened.record.metadata().file_name();
    rules.accept(sniffed, name.as_deref()).ok_or_else(|| {
        let message = format!("Expected {}, found `{sniffed}`.", rules.wanted());
        Stopped::Refused(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).code("unwanted_file"))
    })
}

/// What has come stays, and stays for longer; what is not to be believed goes.
async fn settle(
    opened: &mut Opened,
    begun: u64,
    has_checksum: bool,
    outcome: &Result<(), Stopped>,
) -> Result<()> {
    match outcome {
        Ok(()) if has_checksum => opened.believe().await?,
        Err(_) if has_checksum => opened.forget_doubtful().await?,
        // More than there should be: nobody knows which part of it is right.
        Err(Stopped::Kept(error)) if error.machine_code() == TOO_LONG => opened.cut(begun).await?,
        _ => {}
    }
    opened.sync().await?;
    opened.touch().await
}

/// Whether as much as a look needs was not there before, and is there now.
fn begins_to_show(before: u64, now: u64) -> bool {
    let look = SNIFFED as u64;
    before < look && now >= look
}

/// Whether anything comes, which is gone then. A body without a length may be empty all the same, which is seen at its end alone.
pub(super) async fn comes(body: &mut Body, patience: Patience) -> Result<bool> {
    if http_body::Body::is_end_stream(body) {
        return Ok(false);
    }
    if http_body::Body::size_hint(body).lower() > 0 {
        return Ok(true);
    }
    while let Some(chunk) = next(body, patience).await? {
        if !chunk.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The next bytes.
async fn next(body: &mut Body, patience: Patience) -> Result<Option<Bytes>> {
    loop {
        let frame = match tokio::time::timeout(patience.left(), body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(incomplete().caused_by(error)),
            Err(_) => return Err(incomplete().caused_by(io::Error::from(io::ErrorKind::TimedOut))),
        };
        // Trailers say nothing here.
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
}

#[track_caller]
fn incomplete() -> Error {
    let message = "The body ended before it was complete: ask for the offset, and go on from there.";
    Error::bad_request(message).code("incomplete_body")
}
