use super::*;

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_child_does_not_touch_another() {
    let diary = Diary::default();
    let (child, fault) = diary.breakable("a");
    let supervision = Supervisor::new("app").child(child).child(diary.child("b")).start().await.unwrap();
    assert_eq!(diary.read(), "+a +b");
    fault.panic.notify_one();
    pass(SECOND).await;
    assert_eq!(diary.read(), "+a");
    let status = supervision.status();
    assert!(status.is_up());
    assert_eq!(status.children[0].restarts, 1);
    assert_eq!(status.children[0].last_error.as_deref(), Some("it panicked: a is upset"));
    assert_eq!(status.children[1].restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn one_for_all_stops_all_in_reverse_and_starts_all_in_order() {
    let diary = Diary::default();
    let (child, fault) = diary.breakable("b");
    let supervision = Supervisor::new("app")
        .strategy(Strategy::OneForAll)
        .child(diary.child("a"))
        .child(child)
        .child(diary.child("c"))
        .start()
        .await
        .unwrap();
    diary.read();
    fault.error.notify_one();
    pass(SECOND).await;
    assert_eq!(diary.read(), "-c -a +a +b +c");
    assert!(supervision.status().is_up());
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_restarts_the_failed_child_and_those_after_it() {
    let diary = Diary::default();
    let (child, fault) = diary.breakable("b");
    let supervision = Supervisor::new("app")
        .strategy(Strategy::RestForOne)
        .child(diary.child("a"))
        .child(child)
        .child(diary.child("c"))
        .child(diary.child("d"))
        .start()
        .await
        .unwrap();
    diary.read();
    fault.error.notify_one();
    pass(SECOND).await;
    assert_eq!(diary.read(), "-d -c +b +c +d");
    assert!(supervision.status().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_group_restart_leaves_out_temporary_children_and_repeats_transient_ones() {
    let diary = Diary::default();
    let (child, fault) = diary.breakable("a");
    let (transient, done) = diary.breakable("transient");
    let supervision = Supervisor::new("app")
        .strategy(Strategy::OneForAll)
        .child(child)
        .child(transient.restart(Restart::Transient))
        .child(diary.child("temporary").restart(Restart::Temporary))
        .start()
        .await
        .unwrap();
    done.finish.notify_one();
    pass(SECOND).await;
    diary.read();
    fault.error.notify_one();
    pass(SECOND).await;
    assert_eq!(diary.read(), "-temporary +a +transient");
    assert_eq!(state(&supervision, 2), State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn restarts_by_the_kind_of_child_and_the_kind_of_end() {
    async fn starts(restart: Restart, end: impl Fn(&Fault) -> &Notify) -> (u64, State) {
        let (child, fault) = Diary::default().breakable("child");
        let supervision = Supervisor::new("app").child(child.restart(restart)).start().await.unwrap();
        end(&fault).notify_one();
        pass(SECOND).await;
        let status = &supervision.status().children[0];
        (status.restarts, status.state)
    }
    assert_eq!(starts(Restart::Permanent, |fault| &fault.finish).await, (1, State::Running));
    assert_eq!(starts(Restart::Permanent, |fault| &fault.error).await, (1, State::Running));
    assert_eq!(starts(Restart::Transient, |fault| &fault.finish).await, (0, State::Stopped));
    assert_eq!(starts(Restart::Transient, |fault| &fault.error).await, (1, State::Running));
    assert_eq!(starts(Restart::Transient, |fault| &fault.panic).await, (1, State::Running));
    assert_eq!(starts(Restart::Temporary, |fault| &fault.finish).await, (0, State::Stopped));
    assert_eq!(starts(Restart::Temporary, |fault| &fault.error).await, (0, State::Failed));
    assert_eq!(starts(Restart::Temporary, |fault| &fault.panic).await, (0, State::Failed));
}

#[tokio::test(start_paused = true)]
async fn waits_longer_after_each_failure_in_a_row() {
    let began = tokio::time::Instant::now();
    let supervision = Supervisor::new("app")
        .backoff(exact())
        .intensity(Intensity { restarts: 100, within: SECOND })
        .child(shaky("shaky", 4))
        .start()
        .await
        .unwrap();
    // Each run takes a millisecond: the failures are at 1, 102, 303 and 704 ms, the last restart at 1504 ms.
    for (until, restarts, expected) in [
        (100, 0, State::BackingOff),
        (104, 1, State::BackingOff),
        (305, 2, State::BackingOff),
        (706, 3, State::BackingOff),
        (1503, 3, State::BackingOff),
        (1506, 4, State::Running),
    ] {
        tokio::time::sleep_until(began + Duration::from_millis(until)).await;
        let status = &supervision.status().children[0];
        assert_eq!((status.restarts, status.state), (restarts, expected), "after {until} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_healthy_run_makes_the_wait_short_again() {
    let (child, fault) = Diary::default().breakable("child");
    let supervision = Supervisor::new("app").backoff(exact()).child(child).start().await.unwrap();
    for _ in 0..4 {
        fault.error.notify_one();
        pass(2 * SECOND).await;
    }
    fault.error.notify_one();
    pass(SECOND).await;
    assert_eq!(state(&supervision, 0), State::BackingOff, "the fifth wait is 1.6 s");
    pass(100 * SECOND).await;
    fault.error.notify_one();
    pass(99 * MILLISECOND).await;
    assert_eq!(state(&supervision, 0), State::BackingOff);
    pass(2 * MILLISECOND).await;
    assert_eq!(state(&supervision, 0), State::Running);
}

#[tokio::test(start_paused = true)]
async fn gives_up_when_a_child_fails_too_often_and_says_why() {
    let diary = Diary::default();
    let mut supervision = Supervisor::new("app")
        .intensity(Intensity { restarts: 3, within: 10 * SECOND })
        .child(diary.child("a"))
        .child(shaky("shaky", usize::MAX))
        .child(diary.child("b"))
        .start()
        .await
        .unwrap();
    let error = supervision.failed().await;
    assert_eq!(
        error.report(),
        "supervisor `app` gave up: service `shaky` failed again, after 3 restarts within 10s: not yet"
    );
    assert_eq!(diary.read(), "+a +b -b -a");
    let status = supervision.status();
    assert_eq!((status.state, status.children[1].state), (State::Failed, State::Failed));
    assert_eq!(status.children[1].restarts, 3);
    assert!(supervision.stop(SECOND).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn bears_failures_that_are_far_enough_apart() {
    let (child, fault) = Diary::default().breakable("child");
    let mut supervision = Supervisor::new("app")
        .backoff(Backoff::none())
        .intensity(Intensity { restarts: 1, within: 10 * SECOND })
        .child(child)
        .start()
        .await
        .unwrap();
    for _ in 0..20 {
        fault.error.notify_one();
        assert!(tokio::time::timeout(11 * SECOND, supervision.failed()).await.is_err());
    }
    fault.error.notify_one();
    pass(5 * SECOND).await;
    fault.error.notify_one();
    supervision.failed().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_climbs_through_nested_supervisors() {
    let diary = Diary::default();
    let intensity = Intensity { restarts: 1, within: 60 * SECOND };
    let inner = Supervisor::new("inner").intensity(intensity).child(shaky("shaky", usize::MAX));
    let middle = Supervisor::new("middle").intensity(intensity).child(inner);
    let mut supervision = Supervisor::new("app")
        .intensity(intensity)
        .child(diary.child("bystander"))
        .child(middle)
        .start()
        .await
        .unwrap();
    let error = supervision.failed().await;
    let report = error.report();
    assert!(report.starts_with("supervisor `app` gave up: service `middle` failed again"), "{report}");
    assert!(
        report.ends_with("`middle/inner/shaky` failed again, after 1 restarts within 60s: not yet"),
        "{report}"
    );
    assert_eq!(diary.read(), "+bystander -bystander");
    // Two starts of the leaf for each of two of `inner`, for each of two of `middle`, for each of two of `app`'s.
    let status = supervision.status();
    assert_eq!(status.children[1].children[0].children[0].restarts, 7);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_fails_is_mended_by_the_one_above() {
    let intensity = Intensity { restarts: 1, within: 60 * SECOND };
    let inner = Supervisor::new("inner").intensity(intensity).child(shaky("shaky", 3));
    let supervision = Supervisor::new("app").child(inner).start().await.unwrap();
    pass(10 * SECOND).await;
    let status = supervision.status();
    assert!(status.is_up(), "{status}");
    assert_eq!(status.children[0].restarts, 1);
    assert_eq!(status.children[0].children[0].restarts, 3);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_is_tried_again() {
    let attempts = Arc::new(Mutex::new(0));
    let counted = attempts.clone();
    let child = Child::new("reconnecting", move |running: Running| {
        let attempt = {
            let mut attempts = counted.lock().unwrap();
            *attempts += 1;
            *attempts
        };
        async move {
            if (2..5).contains(&attempt) {
                return Err(Error::internal("still down"));
            }
            running.ready();
            if attempt == 1 {
                return Err(Error::internal("connection lost"));
            }
            running.shutdown().requested().await;
            Ok(())
        }
    });
    let supervision = Supervisor::new("app").child(child).start().await.unwrap();
    pass(5 * SECOND).await;
    assert_eq!(*attempts.lock().unwrap(), 5);
    assert!(supervision.status().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_takes_too_long_is_stopped_and_tried_again() {
    let attempts = Arc::new(Mutex::new(0));
    let counted = attempts.clone();
    let child = Child::new("slow", move |running: Running| {
        let counted = counted.clone();
        async move {
            let attempt = {
                let mut attempts = counted.lock().unwrap();
                *attempts += 1;
                *attempts
            };
            if attempt == 2 {
                running.shutdown().requested().await;
                return Ok(());
            }
            running.ready();
            if attempt == 1 {
                pass(MILLISECOND).await;
                return Err(Error::internal("lost"));
            }
            running.shutdown().requested().await;
            Ok(())
        }
    });
    let supervision = Supervisor::new("app").child(child.start_within(10 * SECOND)).start().await.unwrap();
    pass(9 * SECOND).await;
    assert_eq!(state(&supervision, 0), State::Starting);
    pass(2 * SECOND).await;
    let status = supervision.status();
    assert!(status.is_up(), "{status}");
    assert_eq!(status.children[0].restarts, 2);
    assert!(status.children[0].last_error.as_deref().unwrap().starts_with("it was not ready within 10s"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_restart_does_not_hold_up_another() {
    let starts = Arc::new(Mutex::new(0));
    let slow = Child::new("slow", move |running: Running| {
        let starts = starts.clone();
        async move {
            let again = {
                let mut starts = starts.lock().unwrap();
                *starts += 1;
                *starts > 1
            };
            if again {
                pass(20 * SECOND).await;
            }
            running.ready();
            if !again {
                pass(MILLISECOND).await;
                return Err(Error::internal("once"));
            }
            running.shutdown().requested().await;
            Ok(())
        }
    });
    let (quick, fault) = Diary::default().breakable("quick");
    let supervision = Supervisor::new("app").child(slow).child(quick).start().await.unwrap();
    pass(SECOND).await;
    fault.panic.notify_one();
    pass(SECOND).await;
    assert_eq!(state(&supervision, 0), State::Starting);
    assert_eq!(state(&supervision, 1), State::Running);
    assert_eq!(supervision.status().missing(), ["slow"]);
}
