//! `panic`: a panic in a handler becomes an error that knows where it happened.
//!
//! The unwinding carries no place, so a panic hook notes it. The hook is installed once and hands every panic outside
//! of a request on to the hook that was there before.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

use mainstay_core::Error;

/// A panic, as the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("panicked at {file}:{line}: {message}")]
pub(crate) struct Panicked {
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Notes the place of panics from now on.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| if WATCHED.get() { note(info) } else { previous(info) }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let (file, line) =
        info.location().map_or((String::new(), 0), |place| (place.file().to_owned(), place.line()));
    let message = text(info.payload());
    LAST.with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(Panicked { message, file, line });
        }
    });
}

fn text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is no text".to_owned()
    }
}

/// Runs `work`. A panic in it becomes a 500.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Error> {
    let outer = WATCHED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    WATCHED.set(outer);
    result.map_err(|payload| {
        let noted = LAST.with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take()));
        let cause =
            noted.unwrap_or_else(|| Panicked { message: text(&*payload), file: String::new(), line: 0 });
        // The payload's own drop may panic once more; nobody is left to catch that.
        std::mem::forget(payload);
        Error::internal("the handler panicked").caused_by(cause)
    })
}

/// Runs `work`. A panic in it is its error, where it would become one further out.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    catching(work, || WATCHED.get()).await
}

/// Runs `work`. A panic in it is its error.
pub(crate) async fn always_caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    catching(work, || true).await
}

async fn catching<T>(
    work: impl Future<Output = Result<T, Error>>,
    catches: impl Fn() -> bool,
) -> Result<T, Error> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let mut poll = || work.as_mut().poll(context);
        if catches() { catch(poll).unwrap_or_else(|panic| Poll::Ready(Err(panic))) } else { poll() }
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_place() {
        install_hook();
        let error = catch(|| panic!("no {}", "luck")).unwrap_err();
        let cause = error.source_as::<Panicked>().unwrap();
        assert_eq!(cause.message, "no luck");
        assert!(cause.file.ends_with("panic.rs"), "{}", cause.file);
        assert_eq!(catch(|| 7).unwrap(), 7);
    }

    #[test]
    fn a_panic_further_in_is_an_error_only_where_it_would_become_one() {
        async fn fails() -> Result<(), Error> {
            panic!("no luck")
        }
        install_hook();
        let inside = catch(|| caught(fails()).now_or_never()).unwrap();
        let error = inside.unwrap().unwrap_err();
        assert_eq!(error.source_as::<Panicked>().unwrap().message, "no luck");
        assert!(catch_unwind(|| caught(fails()).now_or_never()).is_err());
    }
}
