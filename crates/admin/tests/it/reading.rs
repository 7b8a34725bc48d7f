//! What the pages show.

use std::time::Duration;

use mainstay_jobs::{Batch, Chain, JobId};
use serde_json::{Value, json};

use crate::office::{Office, Send, Shows, failing, send};

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

#[tokio::test]
async fn the_overview_shows_queues_rates_and_what_is_dead() {
    let office = Office::open().await;
    office.dead(2).await;
    office.enqueue(send("ann@example.com")).await;
    office.run().await;
    office.enqueue(send("bob@example.com")).await;
    office.clock.advance(Duration::from_secs(90));
    let operator = office.operator().await;
    let page = operator.get("/jobs").send().await;
    page.assert_status(200).assert_header("cache-control", "no-store");
    for text in [
        "<th scope=\"row\">mails</th>",
        "href=\"/jobs/list?state=dead\"><strong>2</strong> dead",
        "href=\"/jobs/list?state=ready&amp;queue=mails\">1</a>",
        "<td>1 min</td>",
        "1 completed and 2 failed, at most 3 in a minute",
        "<path class=\"series completed\" d=\"M",
        "<button type=\"submit\">Pause <span class=\"sr\">the queue mails</span></button>",
        "<td>1</td><td>2</td><td>2</td>",
    ] {
        page.shows(text);
    }
    // What the script asks for: the same, without what is around it.
    let part = operator.get("/jobs?fragment=live").send().await;
    part.assert_status(200).shows("<th scope=\"row\">mails</th>");
    assert!(!part.text().contains("<html") && !part.text().contains("id=\"live\""));
    for span in ["day", "week", "year"] {
        operator.get(&format!("/jobs?span={span}")).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn what_jobs_say_is_text_and_never_a_part_of_the_page() {
    let office = Office::open().await;
    let job = Send { to: EVIL.into(), api_key: EVIL.into(), error: Some(EVIL.into()) };
    let id = office.enqueue(job).await;
    Batch::new(EVIL).job(failing(EVIL)).enqueue(&office.db).await.unwrap();
    office.run().await;
    office.jobs.pause(EVIL).await.unwrap();
    let operator = office.operator().await;
    let query = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    for path in [
        String::new(),
        "/list?state=dead".into(),
        format!("/list?queue={query}&kind={query}"),
        format!("/list?state=dead&kind={query}"),
        "/batches".into(),
        format!("/{id}"),
        format!("?span={query}"),
    ] {
        let page = operator.get(&format!("/jobs{path}")).send().await;
        page.assert_status(200);
        let text = page.text();
        assert!(!text.contains("<script>alert") && !text.contains("<img"), "{path}: {text}");
    }
    operator.get(&format!("/jobs/list?state={query}")).send().await.assert_status(400);
}

#[tokio::test]
async fn a_job_is_shown_with_its_arguments_failures_and_neighbours_and_without_secrets() {
    let office = Office::open().await;
    Chain::of(failing("the first error\nwith a trace"))
        .then(send("ann@example.com"))
        .enqueue(&office.db)
        .await
        .unwrap();
    office.run().await;
    let operator = office.operator().await;
    let page = operator.get("/jobs/1").send().await;
    page.assert_status(200);
    for text in [
        "<title>Job 1: Send</title>",
        "<span class=\"badge dead\">dead</span>",
        "the first error
with a trace",
    ] {
        page.shows(text);
    }
    page.shows("********").shows("1 of 1").shows("href=\"/jobs/2\"");
    assert!(!page.text().contains("hunter2"));
    operator.get("/jobs/2").send().await.shows("href=\"/jobs/1\"").shows("following");
    let list = operator.get("/jobs/list?state=dead").send().await;
    list.shows("the first error");
    assert!(!list.text().contains("with a trace"), "a list has the first line");

    let json: Value =
        operator.clone().with_header("accept", "application/json").get("/jobs/1").send().await.json();
    assert_eq!(
        json["args"],
        json!({ "to": "nobody", "api_key": "********", "error": "the first error\nwith a trace" })
    );
    assert_eq!(
        (&json["state"], &json["failures"][0]["attempt"], &json["followers"]),
        (&json!("dead"), &json!(1), &json!([2]))
    );
}

#[tokio::test]
async fn arguments_that_are_huge_are_cut_or_not_shown() {
    let office = Office::open().await;
    let long = office.enqueue(send(&"x".repeat(100_000))).await;
    let huge = office.enqueue(send(&"x".repeat(2 << 20))).await;
    let operator = office.operator().await;
    let page = operator.get(&format!("/jobs/{long}")).send().await;
    page.shows("bytes more are not shown");
    assert!(page.bytes().len() < 40_000, "{}", page.bytes().len());
    let page = operator.get(&format!("/jobs/{huge}")).send().await;
    page.shows("too many to be shown");
    assert!(page.bytes().len() < 40_000, "{}", page.bytes().len());
    assert!(operator.get("/jobs/list?state=ready").send().await.bytes().len() < 40_000);
}

#[tokio::test]
async fn what_is_not_there_is_told_so() {
    let office = Office::open().await;
    let operator = office.operator().await;
    for id in ["1", "0", "-1", "abc", "99999999999999999999", "1%2f2"] {
        operator.get(&format!("/jobs/{id}")).send().await.assert_status(404);
    }
    for action in ["retry", "cancel", "delete"] {
        operator.post(&format!("/jobs/12/{action}")).send().await.assert_status(404);
    }
    for query in ["state=none", "batch=x", "after=x", "after=1.x"] {
        operator.get(&format!("/jobs/list?{query}")).send().await.assert_status(400);
    }
    for query in ["", "state=&queue=&kind=&batch=&after=", "kind=Unknown", "queue=unknown", "batch=77"] {
        operator.get(&format!("/jobs/list?{query}")).send().await.shows("There are none");
    }
}

#[tokio::test]
async fn a_list_goes_on_at_the_next_page() {
    let office = Office::open().await;
    let ids: Vec<JobId> = office.dead(120).await;
    let operator = office.operator().await;
    let mut path = "/list?state=dead&kind=Send".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let page = operator.get(&format!("/jobs{path}")).send().await;
        let text = page.plain();
        let rows = text.split("<th scope=\"row\"><a href=\"/jobs/").skip(1);
        seen.extend(rows.map(|row| row.split('"').next().unwrap().parse::<i64>().unwrap()));
        let next = text.split("Next page").next().unwrap().rsplit("href=\"/jobs").next().unwrap().to_owned();
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    let mut wanted: Vec<i64> = ids.into_iter().map(|id| id.0).collect();
    seen.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn batches_and_workers_are_shown_to_people_and_programs() {
    let office = Office::open().await;
    Batch::new("newsletter")
        .jobs([send("a"), send("b")])
        .job(failing("no"))
        .enqueue(&office.db)
        .await
        .unwrap();
    let operator = office.operator().await;
    operator.get("/jobs/batches").send().await.shows("newsletter").shows("0 of 3");
    office.run().await;
    let page = operator.get("/jobs/batches").send().await;
    page.shows("3 of 3").shows("href=\"/jobs/list?state=dead&amp;batch=1\"");
    operator.get("/jobs/list?state=dead&batch=1").send().await.shows("Only those of batch 1");
    operator.get("/jobs/workers").send().await.shows("No process runs jobs.");
    let program = operator.clone().with_header("accept", "application/json");
    let batches: Value = program.get("/jobs/batches").send().await.json();
    assert_eq!((&batches[0]["name"], &batches[0]["failed"]), (&json!("newsletter"), &json!(1)));
    let overview: Value = program.get("/jobs").send().await.json();
    assert_eq!(overview["counts"]["dead"], 1);
    assert_eq!(overview["steps"].as_array().unwrap().len(), 60);
    assert_eq!(overview["kinds"][0]["ended"]["completed"], 2);
    let list: Value = program.get("/jobs/list?state=completed").send().await.json();
    assert_eq!((list["jobs"].as_array().unwrap().len(), &list["next"]), (2, &Value::Null));
}
