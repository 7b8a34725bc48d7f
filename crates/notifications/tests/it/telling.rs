//! Who is told what, by which way.

use mainstay_core::Error;
use mainstay_notifications::mailbox::Show;
use mainstay_notifications::{Notification, Recipient};
use serde::{Deserialize, Serialize};

use crate::shop::{Sent, Shop, ann, bob, on_each};

#[tokio::test]
async fn goes_by_every_way_when_it_is_committed() {
    on_each(async |shop, _| {
        let mut page = shop.notifications.of(&ann()).live().await.unwrap();
        let mut other = shop.notifications.of(&bob()).live().await.unwrap();
        shop.tell(&ann(), &Sent { order: 1 }).await.unwrap();
        shop.tell(&bob(), &Sent { order: 2 }).await.unwrap();
        let shown = shop.notifications.of(&ann()).list(Show::All, None, 10).await.unwrap();
        let [notice] = &shown[..] else { panic!("{shown:?}") };
        assert_eq!((notice.name.as_str(), notice.read_at), ("order.sent", None));
        assert_eq!(notice.read_as::<Sent>().unwrap(), Some(Sent { order: 1 }));
        let heard = page.next().await.unwrap();
        assert_eq!(&heard, notice);
        assert_eq!(other.next().await.unwrap().read_as::<Sent>().unwrap(), Some(Sent { order: 2 }));
        assert_eq!(shop.mails_to("ann@example.org").await, ["Order 1 is on its way"]);
        assert_eq!(shop.mails_to("bob@example.org").await, ["Bestellung 2 ist unterwegs"]);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_of_what_is_rolled_back() {
    on_each(async |shop, _| {
        let mut page = shop.notifications.of(&ann()).live().await.unwrap();
        let undone = shop.db.transaction(async |tx| {
            shop.notifications.send(&ann(), &Sent { order: 1 }, tx).await?;
            Err::<(), _>(Error::internal("on second thoughts"))
        });
        undone.await.unwrap_err();
        shop.tell(&ann(), &Sent { order: 2 }).await.unwrap();
        assert_eq!(page.next().await.unwrap().read_as::<Sent>().unwrap(), Some(Sent { order: 2 }));
        assert_eq!(shop.notifications.of(&ann()).unread_count().await.unwrap(), 1);
        assert_eq!(shop.mails_to("ann@example.org").await, ["Order 2 is on its way"]);
    })
    .await;
}

#[tokio::test]
async fn many_are_told_at_once_each_as_they_prefer() {
    on_each(async |shop, _| {
        let all: Vec<Recipient> = (0..1_203).map(|id| Recipient::new(format!("customer/{id}"))).collect();
        let last = shop.notifications.of(&all[1_202]);
        last.prefer("order.sent", mainstay_notifications::Via::Database, false).await.unwrap();
        let tell =
            async |tx: &mainstay_db::Tx| shop.notifications.send_all(&all, &Sent { order: 3 }, tx).await;
        shop.db.transaction(tell).await.unwrap();
        let mut told = 0;
        for one in &all {
            told += shop.notifications.of(one).unread_count().await.unwrap();
        }
        assert_eq!(told, 1_202);
        assert_eq!(last.unread_count().await.unwrap(), 0);
        assert_eq!(shop.app.run_jobs().await, 0, "nobody has an address");
    })
    .await;
}

#[tokio::test]
async fn one_that_is_named_twice_is_told_once() {
    on_each(async |shop, _| {
        let tell = async |tx: &mainstay_db::Tx| {
            shop.notifications.send_all(&[ann(), bob(), ann()], &Sent { order: 4 }, tx).await
        };
        shop.db.transaction(tell).await.unwrap();
        assert_eq!(shop.notifications.of(&ann()).unread_count().await.unwrap(), 1);
        assert_eq!(shop.mails_to("ann@example.org").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_notification_may_have_no_mail_and_a_recipient_no_address() {
    on_each(async |shop, _| {
        shop.tell(&ann(), &Sent { order: 7 }).await.unwrap();
        shop.tell(&Recipient::new("customer/3"), &Sent { order: 8 }).await.unwrap();
        assert!(shop.mails_to("ann@example.org").await.is_empty());
        assert_eq!(shop.notifications.of(&ann()).unread_count().await.unwrap(), 1);
        assert!(shop.app.mails().await.is_empty());
    })
    .await;
}

/// One that no application contributes.
#[derive(Serialize, Deserialize)]
struct Stray;

impl Notification for Stray {
    const NAME: &'static str = "stray";
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_and_says_why() {
    let app = mainstay_test::TestApp::start(crate::shop::shop()).await;
    let shop = Shop::of(&app).await;
    let fault = shop.tell(&ann(), &Stray).await.unwrap_err().report();
    assert!(fault.contains("does not tell `stray`") && fault.contains(".notification::<"), "{fault}");
    for key in ["", &"x".repeat(256)] {
        let fault = shop.tell(&Recipient::new(key), &Sent { order: 1 }).await.unwrap_err();
        assert_eq!(fault.machine_code(), "notification_recipient");
    }
    app.stop().await;
}
