//! The bytes of one request, on their way to the end of a file.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use mainstay_core::{Error, Result, StatusCode};

use super::checksum::Checksum;
use super::store::{Opened, locked};
use crate::extract::{Rules, size};
use crate::files::{SNIFFED, sniff};

/// How much is written at once.
const PIECE: usize = 256 * 1024;

/// What a request brings.
pub(super) struct Incoming<'r> {
    pub(super) body: Body,
    pub(super) checksum: Option<Checksum>,
    pub(super) rules: &'r Rules,
    /// How long the whole file may be.
    pub(super) most: u64,
    /// How long nothing may come.
    pub(super) patience: Duration,
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
        match &outcome {
            Ok(()) if has_checksum => opened.believe().await?,
            Err(_) if has_checksum => opened.forget_doubtful().await?,
            // More than there should be: nobody knows which part of it is right.
            Err(Stopped::Kept(error)) if error.machine_code() == TOO_LONG => opened.cut(begun).await?,
            _ => {}
        }
        let settled = settle(opened).await;
        outcome?;
        Ok(settled?)
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
        let (before, look) = (opened.offset, SNIFFED as u64);
        opened.claim_up_to(before + pending.len() as u64)?;
        let pending = opened.append(pending, &mut self.checksum).await?;
        // What is not wanted is refused before all of it has come.
        if before < look && opened.offset >= look {
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

/// What has come stays, and stays for longer.
async fn settle(opened: &mut Opened) -> Result<()> {
    opened.sync().await?;
    opened.touch().await
}

/// The next bytes.
async fn next(body: &mut Body, patience: Duration) -> Result<Option<Bytes>> {
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
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
