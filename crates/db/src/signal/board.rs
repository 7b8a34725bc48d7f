//! Who waits for what in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::due::{Due, Topic};
use super::post::Post;
use super::{Signals, line};
use crate::driver::Driver;

/// The signals of one database. It keeps the database from nothing: who has a [`Signals`] has no connection.
pub(crate) struct Board {
    bells: Mutex<HashMap<Arc<str>, Bell>>,
    driver: Weak<dyn Driver>,
    /// Where there are others who might hear.
    post: Option<Post>,
    /// Whether the line to others has been asked for.
    line_opened: AtomicBool,
    hears_others: AtomicBool,
}

/// Those who wait for one topic.
struct Bell {
    rope: watch::Sender<()>,
    waiting: usize,
}

impl Board {
    pub(crate) fn new(driver: &Arc<dyn Driver>) -> Arc<Self> {
        Arc::new(Self {
            bells: Mutex::default(),
            driver: Arc::downgrade(driver),
            post: driver.dialect().notification().map(Post::new),
            line_opened: AtomicBool::new(false),
            hears_others: AtomicBool::new(false),
        })
    }

    pub(crate) fn join(self: &Arc<Self>, topic: Arc<str>) -> Signals {
        self.open_line();
        let mut bells = self.bells();
        let bell = bells
            .entry(Arc::clone(&topic))
            .or_insert_with(|| Bell { rope: watch::Sender::new(()), waiting: 0 });
        bell.waiting += 1;
        Signals { board: Arc::clone(self), topic, rung: bell.rope.subscribe() }
    }

    pub(super) fn leave(&self, topic: &str) {
        let mut bells = self.bells();
        if let Some(bell) = bells.get_mut(topic) {
            bell.waiting -= 1;
            if bell.waiting == 0 {
                bells.remove(topic);
            }
        }
    }

    /// Tells a topic, here at once and to others soon.
    pub(crate) fn tell(self: &Arc<Self>, topic: Arc<str>) {
        let mut due = Due::default();
        due.add(topic.into());
        self.tell_all(due);
    }

    pub(crate) fn tell_all(self: &Arc<Self>, due: Due) {
        let topics = due.into_topics();
        {
            let bells = self.bells();
            topics.iter().for_each(|topic| ring(&bells, topic));
        }
        if let Some(post) = &self.post {
            post.add(topics, self);
        }
    }

    /// Others have told these. None: everybody is meant.
    pub(super) fn heard(&self, topics: &[String]) {
        let bells = self.bells();
        if topics.is_empty() {
            return ring(&bells, &Topic::Any);
        }
        for bell in topics.iter().filter_map(|topic| bells.get(&**topic)) {
            bell.rope.send_replace(());
        }
    }

    /// The line is there, or it is lost: in both cases something may have been missed.
    pub(super) fn set_hears_others(&self, hears: bool) {
        if self.hears_others.swap(hears, Ordering::AcqRel) != hears || hears {
            ring(&self.bells(), &Topic::Any);
        }
    }

    pub(super) fn hears_others(&self) -> bool {
        self.hears_others.load(Ordering::Acquire)
    }

    /// Begins to hear others, once, where that is possible. Outside of a runtime, whoever waits first does it.
    pub(super) fn open_line(self: &Arc<Self>) {
        if self.post.is_none() || self.line_opened.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.line_opened.swap(true, Ordering::AcqRel) {
            // It ends with the driver.
            runtime.spawn(line::listen(Arc::downgrade(self)));
        }
    }

    pub(super) fn driver(&self) -> Option<Arc<dyn Driver>> {
        self.driver.upgrade()
    }

    pub(super) fn post(&self) -> Option<&Post> {
        self.post.as_ref()
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<Arc<str>, Bell>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ring(bells: &HashMap<Arc<str>, Bell>, topic: &Topic) {
    match topic {
        Topic::Named(name) => bells.get(name).into_iter().for_each(|bell| {
            bell.rope.send_replace(());
        }),
        Topic::Any => bells.values().for_each(|bell| {
            bell.rope.send_replace(());
        }),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use crate::db::Db;

    #[tokio::test]
    async fn keeps_nothing_for_who_has_gone() {
        let db = Db::open("sqlite::memory:").await.unwrap();
        let (one, other) = (db.signals("orders"), db.signals("orders"));
        drop(one);
        assert_eq!(db.board().bells().len(), 1);
        drop(other);
        db.signal("orders");
        assert!(db.board().bells().is_empty());
    }
}
