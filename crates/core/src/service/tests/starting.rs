use super::*;

#[tokio::test(start_paused = true)]
async fn starts_the_next_child_only_when_the_one_before_is_ready() {
    let diary = Diary::default();
    let notes = diary.clone();
    let slow = Child::new("slow", move |running: Running| {
        let notes = notes.clone();
        async move {
            notes.note("+slow");
            pass(10 * SECOND).await;
            notes.note("slow is ready");
            running.ready();
            running.shutdown().requested().await;
            Ok(())
        }
    });
    let mut supervision = Supervisor::new("app")
        .child(diary.child("first"))
        .child(slow)
        .child(diary.child("last"))
        .launch()
        .unwrap();
    pass(SECOND).await;
    assert_eq!(diary.read(), "+first +slow");
    let status = supervision.status();
    assert_eq!(status.state, State::Starting);
    assert_eq!(status.missing(), ["app"]);
    assert_eq!(
        status.children.iter().map(|child| child.state).collect::<Vec<_>>(),
        [State::Running, State::Starting, State::Starting]
    );
    supervision.ready().await.unwrap();
    assert_eq!(diary.read(), "slow is ready +last");
    assert!(supervision.status().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_cannot_start_ends_the_start_with_its_cause_and_stops_the_others_in_reverse() {
    let diary = Diary::default();
    let listener = Child::new("listener", |_| async {
        Err(std::io::Error::from(std::io::ErrorKind::AddrInUse))?;
        Ok(())
    });
    let began = tokio::time::Instant::now();
    let error = Supervisor::new("app")
        .child(diary.child("a"))
        .child(diary.child("b"))
        .child(listener)
        .child(diary.child("never"))
        .start()
        .await
        .err()
        .unwrap();
    assert_eq!(diary.read(), "+a +b -b -a");
    assert_eq!(error.report(), "starting service `listener`: address in use");
    assert_eq!(error.source_as::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(began.elapsed(), Duration::ZERO, "it was tried again");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_starting_is_a_cause_like_any_other() {
    async fn broken(_: Running) -> Result<()> {
        panic!("no such table: {}", "users")
    }
    let error = Supervisor::new("app").child(Child::new("relay", broken)).start().await.err().unwrap();
    assert_eq!(error.report(), "starting service `relay`: it panicked: no such table: users");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_not_ready_in_time_is_named() {
    let diary = Diary::default();
    let deaf = Child::new("deaf", |_| std::future::pending::<Result<()>>());
    let began = tokio::time::Instant::now();
    let error = Supervisor::new("app").child(diary.child("a")).child(deaf).start().await.err().unwrap();
    assert_eq!(
        error.report(),
        "starting service `deaf`: it was not ready within 30s: it has to call `Running::ready`"
    );
    assert_eq!(diary.read(), "+a -a");
    assert_eq!(began.elapsed(), 35 * SECOND, "30 s to start, 5 s to stop");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_may_finish_need_not_become_ready() {
    let diary = Diary::default();
    let once = Child::new("once", |_| async { Ok(()) }).restart(Restart::Transient);
    let supervision = Supervisor::new("app").child(once).child(diary.child("after")).start().await.unwrap();
    assert_eq!(diary.read(), "+after");
    assert_eq!(state(&supervision, 0), State::Stopped);
    assert!(supervision.status().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_child_that_finishes_before_it_is_ready_has_failed_to_start() {
    let once = Child::new("once", |_| async { Ok(()) });
    let error = Supervisor::new("app").child(once).start().await.err().unwrap();
    assert!(error.report().starts_with("starting service `once`: it ended before it was ready"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_far_down_names_the_way_to_it() {
    let diary = Diary::default();
    let broken = Child::new("broken", |_| async { Err(Error::internal("no schema")) });
    let inner = Supervisor::new("jobs").child(diary.child("queue")).child(broken);
    let error = Supervisor::new("app").child(diary.child("a")).child(inner).start().await.err().unwrap();
    assert_eq!(error.report(), "starting service `jobs`: starting service `jobs/broken`: no schema");
    assert_eq!(diary.read(), "+a +queue -queue -a");
}

#[tokio::test(start_paused = true)]
async fn a_start_can_be_stopped_half_way() {
    let diary = Diary::default();
    let slow = Child::new("slow", |running: Running| async move {
        running.shutdown().requested().await;
        Ok(())
    });
    let mut supervision =
        Supervisor::new("app").child(diary.child("a")).child(slow).child(diary.child("b")).launch().unwrap();
    assert!(tokio::time::timeout(SECOND, supervision.ready()).await.is_err());
    let report = supervision.stop(SECOND).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(diary.read(), "+a -a");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_while_later_ones_start_is_restarted() {
    let slow = Child::new("slow", |running: Running| async move {
        pass(5 * SECOND).await;
        running.ready();
        running.shutdown().requested().await;
        Ok(())
    });
    let supervision = Supervisor::new("app").child(shaky("shaky", 2)).child(slow).start().await.unwrap();
    assert_eq!(supervision.status().children[0].restarts, 2);
    assert!(supervision.status().is_up());
}

#[tokio::test]
async fn refuses_two_children_of_one_name() {
    let diary = Diary::default();
    let inner = Supervisor::new("inner").child(diary.child("twin")).child(diary.child("twin"));
    let error = Supervisor::new("app").child(inner).launch().err().unwrap();
    assert!(error.report().contains("two services of `inner` are called `twin`"), "{error:?}");
    assert_eq!(diary.read(), "");
}

#[tokio::test(start_paused = true)]
async fn dropping_a_supervision_leaves_no_task_behind() {
    let alive = Arc::new(());
    let held = alive.clone();
    let child = Child::new("child", move |running: Running| {
        let held = held.clone();
        async move {
            let _held = held;
            running.ready();
            std::future::pending().await
        }
    });
    let inner = Supervisor::new("inner").child(child);
    let supervision = Supervisor::new("app").child(inner).start().await.unwrap();
    assert_eq!(Arc::strong_count(&alive), 3);
    drop(supervision);
    pass(MILLISECOND).await;
    assert_eq!(Arc::strong_count(&alive), 1);
}
