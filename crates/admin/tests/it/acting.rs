//! What an operator does, and that it is recorded.

use mainstay_admin::JobDashboardExt;
use mainstay_auth::audit::AuditEntry;
use mainstay_jobs::{JobId, Schedule, SchedulesExt, State, StoredJob};

use crate::office::{Office, Shows, people, send};

async fn recorded(office: &Office) -> Vec<String> {
    let entries = AuditEntry::query().order_by(|entry| entry.position).all(&office.db).await.unwrap();
    entries
        .iter()
        .map(|entry| entry.event.clone())
        .filter(|name| name.starts_with("job") || name.starts_with("queue"))
        .collect()
}

#[tokio::test]
async fn a_dead_job_is_tried_again_and_deleted() {
    let office = Office::open().await;
    let ids = office.dead(2).await;
    let operator = office.operator().await;
    let page = format!("/jobs/{}", ids[0]);
    operator.post(&format!("{page}/retry")).send().await.assert_redirect(&page);
    assert_eq!(office.state(ids[0]).await, State::Ready);
    operator.get(&page).send().await.shows("The job is tried again.");
    office.run().await;
    assert_eq!(office.state(ids[0]).await, State::Dead);
    operator.post(&format!("/jobs/{}/delete", ids[1])).send().await.assert_redirect("/jobs/list?state=dead");
    assert!(office.jobs.get(ids[1]).await.unwrap().is_none());
    operator.get("/jobs/list?state=dead").send().await.shows(&format!("Job {} is deleted.", ids[1]));
    assert_eq!(recorded(&office).await, ["job.retried", "job.deleted"]);
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_and_one_that_is_over_is_not() {
    let office = Office::open().await;
    let id = office.enqueue(send("ann@example.com")).await;
    let operator = office.operator().await;
    operator.post(&format!("/jobs/{id}/cancel")).send().await.assert_redirect(&format!("/jobs/{id}"));
    assert_eq!(office.state(id).await, State::Cancelled);
    operator.post(&format!("/jobs/{id}/cancel")).send().await.assert_status(303);
    operator.get(&format!("/jobs/{id}")).send().await.shows("There was nothing to cancel");
    // As a program is told.
    let program = operator.clone().with_header("accept", "application/json");
    program.post(&format!("/jobs/{id}/cancel")).send().await.assert_problem(409, "job_state");
    let done = office.enqueue(send("bob@example.com")).await;
    office.run().await;
    program.post(&format!("/jobs/{done}/retry")).send().await.assert_problem(409, "job_state");
    operator.post(&format!("/jobs/{done}/retry")).send().await.assert_status(303);
    operator.get(&format!("/jobs/{done}")).send().await.shows("has succeeded");
    program.post(&format!("/jobs/{done}/delete")).send().await.assert_status(200);
}

#[tokio::test]
async fn all_dead_jobs_of_a_kind_are_tried_again_the_many_in_the_background() {
    let office = Office::open().await;
    office.dead(3).await;
    let operator = office.operator().await;
    operator.get("/jobs/list?state=dead").send().await.shows("Try all of these again");
    let none = operator.post("/jobs/retry").form(&[("kind", "Other")]).send().await;
    none.assert_redirect("/jobs/list?state=dead&kind=Other");
    let all = [("kind", "Send"), ("queue", ""), ("batch", "")];
    operator.post("/jobs/retry").form(&all).send().await.assert_redirect("/jobs/list?state=dead&kind=Send");
    let page = operator.get("/jobs/list?state=dead&kind=Send").send().await;
    page.shows("3 jobs are tried again.").shows("There are none.");
    office.run().await;

    office.dead(150).await;
    operator.post("/jobs/retry").form(&all).send().await.assert_status(303);
    let ready = async || {
        StoredJob::filter(|job| job.state.eq(State::Ready) & job.kind.eq("Send"))
            .count(&office.db)
            .await
            .unwrap()
    };
    assert_eq!(ready().await, 100);
    operator.get("/jobs/list").send().await.shows("100 jobs are tried again; a job tries the others again.");
    // Each fails once more, and is not tried again for ever.
    office.run().await;
    let attempts: Vec<i32> =
        StoredJob::filter(|job| job.kind.eq("Send")).select(|job| job.attempt).all(&office.db).await.unwrap();
    assert_eq!((ready().await, attempts.len()), (0, 153));
    let again =
        StoredJob::filter(|job| job.kind.eq("mainstay.retry_dead_jobs")).one(&office.db).await.unwrap();
    assert_eq!((again.state, again.output.as_deref()), (State::Completed, Some("53")));
}

#[tokio::test]
async fn a_queue_is_paused_and_goes_on() {
    let office = Office::open().await;
    let operator = office.operator().await;
    operator.post("/jobs/pause").form(&[("queue", "mails")]).send().await.assert_redirect("/jobs");
    let page = operator.get("/jobs").send().await;
    page.shows("The queue mails is paused.").shows("action=\"/jobs/resume\"");
    let id: JobId = office.enqueue(send("ann@example.com")).await;
    office.run().await;
    assert_eq!(office.state(id).await, State::Ready);
    operator.post("/jobs/resume").form(&[("queue", "mails")]).send().await.assert_redirect("/jobs");
    office.run().await;
    assert_eq!(office.state(id).await, State::Completed);
    operator.post("/jobs/pause").send().await.assert_status(415);
    assert_eq!(recorded(&office).await, ["queue.paused", "queue.resumed"]);
    let entry = AuditEntry::filter(|entry| entry.event.eq("queue.paused")).one(&office.db).await.unwrap();
    assert!(entry.actor.is_some_and(|actor| actor.contains('1')));
    assert!(entry.details.contains("mails"), "{}", entry.details);
}

#[tokio::test]
async fn a_schedule_is_run_now_and_has_a_rest() {
    let daily = Schedule::cron("newsletter", "0 7 * * *", send("everybody"));
    let office = Office::of(people().schedule(daily).job_dashboard()).await;
    let operator = office.operator().await;
    let page = operator.get("/jobs/schedules").send().await;
    page.shows("newsletter").shows("<code>0 7 * * *</code>").shows("in 19 h").shows("<td>never</td>");
    let asked = [("schedule", "newsletter")];
    operator.post("/jobs/schedules/run").form(&asked).send().await.assert_redirect("/jobs/1");
    office.run().await;
    assert_eq!(office.state(JobId(1)).await, State::Completed);
    operator.post("/jobs/schedules/pause").form(&asked).send().await.assert_redirect("/jobs/schedules");
    operator.get("/jobs/schedules").send().await.shows("<span class=\"badge\">paused</span>").shows("Resume");
    operator.post("/jobs/schedules/resume").form(&asked).send().await.assert_redirect("/jobs/schedules");
    assert!(!office.jobs.schedules().await.unwrap()[0].is_paused);
    for action in ["run", "pause", "resume"] {
        let path = format!("/jobs/schedules/{action}");
        operator.post(&path).form(&[("schedule", "none")]).send().await.assert_status(404);
    }
    let recorded =
        AuditEntry::filter(|entry| entry.event.starts_with("schedule.")).count(&office.db).await.unwrap();
    assert_eq!(recorded, 6);
}
