//! The protocol by which a browser is driven: JSON, each message ended by a zero byte, over two pipes.
//!
//! <https://chromedevtools.github.io/devtools-protocol/>

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many messages may wait to be read.
const WAITING: usize = 1024;

/// A browser with one page. Dropping it ends the browser.
pub(crate) struct DevTools {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    last: u64,
    session: Option<String>,
}

impl DevTools {
    /// Starts a browser, with its profile in this folder, and an empty page.
    pub(crate) fn start(chromium: &Path, folder: &Path, arguments: &[&str]) -> io::Result<Self> {
        // The browser reads from the descriptor 3 and writes to 4: a shell puts the pipes there.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "sh"])
            .arg(chromium)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--disable-background-networking", "--hide-scrollbars"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")
            .arg(format!("--user-data-dir={}", folder.display()))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("the browser has no pipes"));
        };
        let (sender, messages) = sync_channel(WAITING);
        std::thread::spawn(move || {
            let read = BufReader::new(output).split(0).map_while(Result::ok);
            for message in read.filter_map(|bytes| serde_json::from_slice(&bytes).ok()) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut this = Self { process, input, messages, last: 0, session: None };
        let target = this.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let to = json!({ "targetId": target["targetId"], "flatten": true });
        let session = this.call("Target.attachToTarget", to)?;
        this.session = session["sessionId"].as_str().map(str::to_owned);
        Ok(this)
    }

    /// Asks for something, and returns the answer. Events that come meanwhile are forgotten.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> io::Result<Value> {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.input.write_all(&bytes)?;
        let mut answer = self.wait(method, |message| message["id"] == id)?;
        match answer.get("error") {
            Some(error) => Err(io::Error::other(format!("{method}: {error}"))),
            None => Ok(answer["result"].take()),
        }
    }

    /// Waits for an event.
    pub(crate) fn event(&mut self, name: &str) -> io::Result<Value> {
        self.wait(name, |message| message["method"] == name)
    }

    fn wait(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> io::Result<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) if is_it(&message) => return Ok(message),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(io::Error::other(format!("the browser does not answer: {what}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other(format!("the browser has ended: {what}")));
                }
            }
        }
    }
}

impl Drop for DevTools {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
