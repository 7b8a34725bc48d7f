//! Our layer over `tracing_subscriber::registry()`.

use std::cell::Cell;
use std::io::IsTerminal;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::config::{LogConfig, LogFormat};
use super::fields::{Hidden, SpanFields};
use super::json::Json;
use super::levels::Levels;
use super::line::{EventFields, Format};
use super::pretty::Pretty;
use super::sink::{Captured, Sink, Stderr};
use crate::Profile;
use crate::clock::{Clock, SystemClock};

/// Writes events, each with the fields of the spans around it.
///
/// [`init`](super::init) installs it. To have more layers beside it, install it yourself, before the application starts:
///
/// ```
/// use mainstay_core::Profile;
/// use mainstay_core::logging::{LogConfig, LogLayer};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let layer = LogLayer::new(&LogConfig::default(), &Profile::Development);
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # let _ = subscriber;
/// ```
pub struct LogLayer {
    levels: Levels,
    format: Style,
    sink: Box<dyn Sink>,
    clock: Arc<dyn Clock>,
}

enum Style {
    Pretty(Pretty),
    Json(Json),
}

impl LogLayer {
    /// A layer that writes to standard error; in the test profile in such a way that the test harness captures it.
    pub fn new(config: &LogConfig, profile: &Profile) -> Self {
        let (sink, colour): (Box<dyn Sink>, _) = match profile {
            Profile::Test => (Box::new(Captured), false),
            _ => (Box::new(Stderr), std::io::stderr().is_terminal() && colour_is_wanted()),
        };
        let hidden = Hidden::new(&config.redact);
        let format = match config.format.resolve(profile) {
            LogFormat::Json => Style::Json(Json { hidden }),
            LogFormat::Auto | LogFormat::Pretty => Style::Pretty(Pretty { colour, hidden }),
        };
        Self { levels: Levels::new(config.level, &config.levels), format, sink, clock: Arc::new(SystemClock) }
    }

    #[cfg(test)]
    pub(super) fn to(mut self, sink: impl Sink, clock: impl Clock) -> Self {
        self.sink = Box::new(sink);
        self.clock = Arc::new(clock);
        self
    }

    #[cfg(test)]
    pub(super) fn in_colour(mut self) -> Self {
        self.format = Style::Pretty(Pretty { colour: true, hidden: Hidden::default() });
        self
    }

    /// The handle that changes the levels.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    fn write<S: for<'a> LookupSpan<'a>>(&self, event: &Event<'_>, scope: Option<Scope<'_, S>>) {
        thread_local! {
            /// Taken while in use, so that an event within a `Debug` that is being written finds an empty one.
            static BUFFERS: Cell<Option<(String, EventFields)>> = const { Cell::new(None) };
        }
        let (mut line, mut fields) = BUFFERS.take().unwrap_or_default();
        line.clear();
        let now = self.clock.now();
        match &self.format {
            Style::Pretty(format) => compose(format, &mut line, &mut fields, now, event, scope),
            Style::Json(format) => compose(format, &mut line, &mut fields, now, event, scope),
        }
        self.sink.write(&line);
        // One huge line must not keep its memory for ever.
        if line.capacity() <= 16 * 1024 {
            BUFFERS.set(Some((line, fields)));
        }
    }
}

fn compose<F: Format, S: for<'a> LookupSpan<'a>>(
    format: &F,
    line: &mut String,
    fields: &mut EventFields,
    now: std::time::SystemTime,
    event: &Event<'_>,
    scope: Option<Scope<'_, S>>,
) {
    fields.read(format, event);
    format.start(line, now, event.metadata(), &fields.message);
    format.fields(line, &fields.rest);
    if let Some(scope) = scope {
        for (index, span) in scope.from_root().enumerate() {
            let extensions = span.extensions();
            format.span(line, index, span.name(), extensions.get::<SpanFields>());
        }
    }
    format.end(line);
}

fn colour_is_wanted() -> bool {
    // https://no-color.org
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.levels.allow(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.levels.allow(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.most())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.is_empty() {
            return;
        }
        if let Some(span) = context.span(id) {
            let mut fields = SpanFields::new();
            attributes.record(&mut fields);
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<SpanFields>() {
                Some(fields) => values.record(fields),
                None => {
                    let mut fields = SpanFields::new();
                    values.record(&mut fields);
                    extensions.insert(fields);
                }
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.write(event, context.event_scope(event));
    }
}
