use super::*;

fn deaf(name: &str) -> Child {
    Child::new(name, |running: Running| async move {
        running.ready();
        std::future::pending().await
    })
}

#[tokio::test(start_paused = true)]
async fn stops_in_reverse_order_one_after_the_other() {
    let diary = Diary::default();
    let notes = diary.clone();
    let slow = Child::new("slow", move |running: Running| {
        let notes = notes.clone();
        async move {
            running.ready();
            running.shutdown().requested().await;
            notes.note("slow drains");
            pass(3 * SECOND).await;
            notes.note("-slow");
            Ok(())
        }
    });
    let inner = Supervisor::new("inner").child(diary.child("b")).child(slow).child(diary.child("c"));
    let supervision = Supervisor::new("app")
        .child(diary.child("a"))
        .child(inner)
        .child(diary.child("d"))
        .start()
        .await
        .unwrap();
    diary.read();
    let tree = supervision.tree();
    let report = supervision.stop(10 * SECOND).await;
    assert_eq!(diary.read(), "-d -c slow drains -slow -b -a");
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.took, 3 * SECOND);
    assert_eq!(tree.status().state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_ignores_the_request_is_aborted_at_the_deadline_and_named() {
    let diary = Diary::default();
    let inner = Supervisor::new("inner").child(diary.child("b")).child(deaf("deaf")).child(diary.child("c"));
    let supervision = Supervisor::new("app").child(diary.child("a")).child(inner).start().await.unwrap();
    diary.read();
    let report = supervision.stop(4 * SECOND).await;
    assert_eq!(report.aborted, ["inner/deaf"]);
    assert_eq!(report.took, 4 * SECOND);
    assert_eq!(diary.read(), "-c -b -a", "those after it still had their turn");
    assert_eq!(report.to_string(), "stopped in 4.0s; aborted at the deadline: inner/deaf");
}

#[tokio::test(start_paused = true)]
async fn each_child_has_its_grace_even_when_the_time_is_used_up() {
    let writer = Child::new("writer", |running: Running| async move {
        running.ready();
        running.shutdown().requested().await;
        pass(300 * MILLISECOND).await;
        Ok(())
    });
    let supervision =
        Supervisor::new("app").child(writer).child(deaf("x")).child(deaf("y")).start().await.unwrap();
    let report = supervision.stop(2 * SECOND).await;
    assert_eq!(report.aborted, ["y", "x"]);
    assert_eq!(report.took, 2800 * MILLISECOND);
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_a_limit_too() {
    let diary = Diary::default();
    let patient = |name| diary.child(name).start_within(Duration::MAX).stop_within(Duration::MAX);
    let inner = Supervisor::new("inner").child(patient("a")).child(patient("b"));
    let (child, fault) = diary.breakable("c");
    let supervision =
        Supervisor::new("app").strategy(Strategy::OneForAll).child(inner).child(child).start().await.unwrap();
    fault.error.notify_one();
    pass(SECOND).await;
    assert!(supervision.stop(Duration::MAX).await.is_clean());
    assert_eq!(diary.read(), "+a +b +c -b -a +a +b +c -c -b -a");
}

#[tokio::test(start_paused = true)]
async fn tells_a_child_how_long_it_has() {
    let told = Arc::new(Mutex::new(None));
    let tell = told.clone();
    let child = Child::new("child", move |running: Running| {
        let tell = tell.clone();
        async move {
            running.ready();
            running.shutdown().requested().await;
            *tell.lock().unwrap() = running.shutdown().deadline();
            Ok(())
        }
    });
    let inner = Supervisor::new("inner").child(child);
    let supervision = Supervisor::new("app").child(inner).start().await.unwrap();
    let deadline = tokio::time::Instant::now() + 7 * SECOND;
    supervision.stop(7 * SECOND).await;
    assert_eq!(*told.lock().unwrap(), Some(deadline));
}

#[tokio::test(start_paused = true)]
async fn reports_a_child_that_fails_while_it_stops() {
    let child = Child::new("child", |running: Running| async move {
        running.ready();
        running.shutdown().requested().await;
        Err(Error::internal("could not flush"))
    });
    let supervision = Supervisor::new("app").child(child).start().await.unwrap();
    let report = supervision.stop(SECOND).await;
    assert_eq!(report.failed, [("child".to_owned(), "could not flush".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_for_a_restart_that_is_due_later() {
    let supervision = Supervisor::new("app")
        .backoff(Backoff { initial: 20 * SECOND, ..exact() })
        .child(shaky("shaky", 1))
        .start()
        .await
        .unwrap();
    pass(SECOND).await;
    assert_eq!(state(&supervision, 0), State::BackingOff);
    let tree = supervision.tree();
    let report = supervision.stop(10 * SECOND).await;
    assert_eq!(report.took, Duration::ZERO);
    assert_eq!(tree.status().children[0].state, State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_group_restart_starts_nothing_more() {
    let diary = Diary::default();
    let (child, fault) = diary.breakable("a");
    let slow = Child::new("slow", |running: Running| async move {
        running.ready();
        running.shutdown().requested().await;
        pass(3 * SECOND).await;
        Ok(())
    });
    let supervision = Supervisor::new("app")
        .strategy(Strategy::OneForAll)
        .child(child)
        .child(slow)
        .child(diary.child("b"))
        .start()
        .await
        .unwrap();
    diary.read();
    fault.error.notify_one();
    pass(SECOND).await;
    assert_eq!(diary.read(), "-b");
    let report = supervision.stop(SECOND).await;
    assert_eq!(report.aborted, ["slow"], "the nearer deadline holds for one that was already stopping");
    assert_eq!(diary.read(), "");
}

#[test]
fn leaves_behind_a_child_that_blocks_its_thread() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let report = runtime.block_on(async {
        let child = Child::new("blocking", move |running: Running| {
            let blocked = blocked.clone();
            async move {
                running.ready();
                running.shutdown().requested().await;
                blocked.lock().unwrap().recv().unwrap();
                Ok(())
            }
        });
        let supervision =
            Supervisor::new("app").child(Diary::default().child("a")).child(child).start().await.unwrap();
        supervision.stop(50 * MILLISECOND).await
    });
    release.send(()).unwrap();
    assert_eq!(report.abandoned, ["blocking"], "{report}");
    assert!(report.aborted.is_empty());
}
