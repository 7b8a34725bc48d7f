//! Work that comes again and again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Shutdown;
use super::shutdown::after;

/// The rounds of a service that does something from time to time: a sweep, a look at what others have changed. From
/// [`Running::every`](super::Running::every).
#[derive(Clone)]
pub struct Rounds {
    shutdown: Shutdown,
    period: Duration,
    next: Instant,
}

/// Nothing is done more often: a period of zero would keep a thread busy.
const SHORTEST: Duration = Duration::from_millis(1);

impl Rounds {
    pub(super) fn new(shutdown: Shutdown, period: Duration) -> Self {
        let period = period.max(SHORTEST);
        Self { shutdown, period, next: after(Instant::now(), period) }
    }

    /// Waits for the next round: `true` when it is time, `false` once the service is to stop, however late a round is.
    ///
    /// The period is counted from the beginning of a round. One that takes longer than that is followed by the next at once, and
    /// those that it has missed are not made up for. Cancel safe: a wait that is given up, as in `select!`, has lost nothing.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.shutdown.requested() => false,
            () = sleep_until(self.next) => {
                self.next = after(Instant::now(), self.period);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Running;
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    fn running() -> (super::super::Trigger, Running) {
        let (trigger, shutdown) = Shutdown::channel();
        (trigger, Running::unsupervised(shutdown))
    }

    #[tokio::test(start_paused = true)]
    async fn begins_after_a_whole_period_and_comes_again() {
        let (_trigger, running) = running();
        let began = Instant::now();
        let mut rounds = running.every(PERIOD);
        for number in 1..=3 {
            assert!(rounds.next().await);
            // Tokio's timer has a grain of a millisecond.
            let late = began.elapsed() - PERIOD * number;
            assert!(late < Duration::from_millis(10), "{late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_make_up_for_what_a_long_round_has_missed() {
        let (_trigger, running) = running();
        let mut rounds = running.every(PERIOD);
        assert!(rounds.next().await);
        tokio::time::sleep(PERIOD * 5).await;
        let began = Instant::now();
        assert!(rounds.next().await);
        assert!(began.elapsed() < PERIOD / 2, "the next one comes at once");
        assert!(rounds.next().await);
        assert!(began.elapsed() >= PERIOD, "and the one after it a period later");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_the_service_is_to_stop_also_when_a_round_is_due() {
        let (trigger, running) = running();
        let mut rounds = running.every(PERIOD);
        let waits = tokio::spawn(async move { (rounds.next().await, rounds) });
        tokio::time::sleep(PERIOD / 2).await;
        trigger.request(None);
        let (came, mut rounds) = waits.await.unwrap();
        assert!(!came);
        tokio::time::sleep(PERIOD * 2).await;
        assert!(!rounds.next().await);
    }

    #[tokio::test(start_paused = true)]
    async fn loses_no_round_when_a_wait_is_given_up() {
        let (_trigger, running) = running();
        let began = Instant::now();
        let mut rounds = running.every(PERIOD);
        for _ in 0..5 {
            assert!(tokio::time::timeout(PERIOD / 10, rounds.next()).await.is_err());
        }
        assert!(rounds.next().await);
        assert!(began.elapsed() < PERIOD + Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_shortest_and_the_longest_period() {
        let (_trigger, running) = running();
        assert!(running.every(Duration::ZERO).next().await);
        let mut never = running.every(Duration::MAX);
        assert!(tokio::time::timeout(PERIOD, never.next()).await.is_err());
    }
}
