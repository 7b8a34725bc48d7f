//! Somebody at a browser, in which JavaScript is turned off unless it is what a test is about: they read, click and type, and see nothing
//! else of a page.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::devtools::DevTools;

/// How long somebody waits for what they expect to see.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody at a browser of their own, without cookies.
pub struct Visitor {
    // Before the folder: the browser ends first.
    tools: DevTools,
    _profile: TempDir,
}

/// The colours that somebody prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Visitor {
    /// Opens a browser.
    ///
    /// # Errors
    ///
    /// When there is no Chromium, or it does not start.
    pub fn new() -> io::Result<Self> {
        let mut this = Self::with_scripts()?;
        this.tools.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }))?;
        Ok(this)
    }

    /// Opens a browser in which pages may run scripts.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_scripts() -> io::Result<Self> {
        let profile = TempDir::new()?;
        let mut tools = DevTools::start(&crate::chromium()?, profile.path(), &[])?;
        tools.call("Page.enable", json!({}))?;
        tools.call("DOM.enable", json!({}))?;
        Ok(Self { tools, _profile: profile })
    }

    /// Chooses the size of the window, in pixels, and the colours.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn prefers(&mut self, (width, height): (u32, u32), colours: Colours) -> io::Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tools.call("Emulation.setDeviceMetricsOverride", size)?;
        let value = if colours == Colours::Dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.tools.call("Emulation.setEmulatedMedia", features).map(drop)
    }

    /// Types an address.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn open(&mut self, address: &str) -> io::Result<()> {
        let gone = self.tools.call("Page.navigate", json!({ "url": address }))?;
        match gone["errorText"].as_str() {
            Some(error) => Err(io::Error::other(format!("{address}: {error}"))),
            None => self.tools.event("Page.loadEventFired").map(drop),
        }
    }

    /// Types into the field with this label, instead of what is there.
    ///
    /// # Errors
    ///
    /// When there is no such field.
    pub fn fill(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.click(&format!("//label[normalize-space()={}]", quoted(label)))?;
        for (kind, commands) in [("keyDown", json!(["selectAll"])), ("keyUp", json!([]))] {
            let key = json!({ "type": kind, "commands": commands });
            self.tools.call("Input.dispatchKeyEvent", key)?;
        }
        if text.is_empty() {
            let key = json!({ "type": "keyDown", "commands": ["deleteBackward"] });
            return self.tools.call("Input.dispatchKeyEvent", key).map(drop);
        }
        self.tools.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// Ticks the box with this label, or takes the tick away.
    ///
    /// # Errors
    ///
    /// When there is no such box.
    pub fn tick(&mut self, label: &str) -> io::Result<()> {
        self.click(&format!("//label[starts-with(normalize-space(), {})]", quoted(label)))
    }

    /// Clicks a button or a link, and waits for the page that comes of it.
    ///
    /// # Errors
    ///
    /// When there is none with this text, or no page comes.
    pub fn press(&mut self, text: &str) -> io::Result<()> {
        self.touch(text)?;
        self.tools.event("Page.loadEventFired").map(drop)
    }

    /// Clicks it, and waits for nothing: the browser may refuse.
    ///
    /// # Errors
    ///
    /// When there is none with this text.
    pub fn touch(&mut self, text: &str) -> io::Result<()> {
        let text = quoted(text);
        self.click(&format!("//button[normalize-space()={text}] | //a[normalize-space()={text}]"))
    }

    /// Waits until the page shows this text.
    ///
    /// # Errors
    ///
    /// When it never does; the message is what it shows.
    pub fn sees(&mut self, text: &str) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.text()?;
            if shown.contains(text) {
                return Ok(());
            }
            if Instant::now() > end {
                let at = self.address()?;
                return Err(io::Error::other(format!("{at} does not show {text:?}:\n{shown}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// All text of the page.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn text(&mut self) -> io::Result<String> {
        // A page that is about to go takes its elements with it.
        let mut read = || {
            let root = self.tools.call("DOM.getDocument", json!({ "depth": -1 }))?;
            io::Result::Ok(root["root"].clone())
        };
        let root = read().or_else(|_| read())?;
        let mut text = String::new();
        gather(&root, &mut text);
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// What an expression is on the page: `document.activeElement.textContent`.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn evaluate(&mut self, expression: &str) -> io::Result<Value> {
        let made = self
            .tools
            .call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }))?;
        Ok(made["result"]["value"].clone())
    }

    /// The address of the page.
    ///
    /// # Errors
    ///
    /// When the browser does not answer.
    pub fn address(&mut self) -> io::Result<String> {
        let root = self.tools.call("DOM.getDocument", json!({ "depth": 0 }))?;
        Ok(root["root"]["documentURL"].as_str().unwrap_or_default().to_owned())
    }

    /// Keeps a picture of the whole page, in this file.
    ///
    /// # Errors
    ///
    /// When the browser makes none.
    pub fn picture(&mut self, file: &Path) -> io::Result<()> {
        let made = self.tools.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }))?;
        let data = made["data"].as_str().and_then(decode);
        std::fs::write(file, data.ok_or_else(|| io::Error::other("no picture"))?)
    }

    fn click(&mut self, path: &str) -> io::Result<()> {
        self.tools.call("DOM.getDocument", json!({ "depth": 0 }))?;
        let found = self.tools.call("DOM.performSearch", json!({ "query": path }))?;
        if found["resultCount"] == 0 {
            let (at, shown) = (self.address()?, self.text()?);
            return Err(io::Error::other(format!("{at} has no {path}:\n{shown}")));
        }
        let first = json!({ "searchId": found["searchId"], "fromIndex": 0, "toIndex": 1 });
        let node = self.tools.call("DOM.getSearchResults", first)?["nodeIds"][0].take();
        self.tools.call("DOM.scrollIntoViewIfNeeded", json!({ "nodeId": node }))?;
        let quads = self.tools.call("DOM.getContentQuads", json!({ "nodeId": node }))?;
        let corner = |at: usize| quads["quads"][0][at].as_f64().unwrap_or_default();
        let (x, y) = (f64::midpoint(corner(0), corner(4)), f64::midpoint(corner(1), corner(5)));
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.tools.call("Input.dispatchMouseEvent", click)?;
        }
        Ok(())
    }
}

/// The text below a node, but for what no page shows.
fn gather(node: &Value, text: &mut String) {
    match node["nodeName"].as_str() {
        Some("HEAD" | "SCRIPT" | "STYLE") => return,
        Some("#text") => text.push_str(node["nodeValue"].as_str().unwrap_or_default()),
        _ => {}
    }
    for child in node["children"].as_array().into_iter().flatten() {
        gather(child, text);
    }
    if node["nodeType"] == 1 {
        text.push(' ');
    }
}

/// As a string of XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}

/// Bytes from base64 (RFC 4648, 4).
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::with_capacity(text.len() / 4 * 3));
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, count) = ((bits << 6) | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}
