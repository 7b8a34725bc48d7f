//! What somebody was told, and has read.

use std::time::Duration;

use mainstay_db::Uuid;
use mainstay_notifications::Notice;
use mainstay_notifications::mailbox::Show;

use crate::shop::{Sent, SignedIn, ann, bob, on_each};

fn orders(shown: &[Notice]) -> Vec<i64> {
    shown.iter().map(|notice| notice.read_as::<Sent>().unwrap().unwrap().order).collect()
}

#[tokio::test]
async fn is_listed_page_by_page_and_marked_as_read() {
    on_each(async |shop, clock| {
        for order in 10..15 {
            shop.tell(&ann(), &Sent { order }).await.unwrap();
        }
        let mine = shop.notifications.of(&ann());
        let first = mine.list(Show::All, None, 3).await.unwrap();
        assert_eq!(orders(&first), [14, 13, 12]);
        assert_eq!(orders(&mine.list(Show::All, first[2].id, 3).await.unwrap()), [11, 10]);

        clock.advance(Duration::from_secs(60));
        let read = first[1].id.unwrap();
        mine.read(read).await.unwrap();
        clock.advance(Duration::from_secs(60));
        mine.read(read).await.unwrap();
        let again = mine.list(Show::All, None, 9).await.unwrap();
        assert_eq!(again[1].read_at.unwrap() - again[1].created_at, chrono::TimeDelta::minutes(1));
        assert_eq!(orders(&mine.list(Show::Unread, None, 9).await.unwrap()), [14, 12, 11, 10]);
        assert_eq!(mine.unread_count().await.unwrap(), 4);
        mine.delete(read).await.unwrap();
        assert_eq!(mine.read_all().await.unwrap(), 4);
        assert_eq!((mine.unread_count().await.unwrap(), mine.read_all().await.unwrap()), (0, 0));
        assert_eq!(mine.list(Show::All, None, 9).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn nobody_reaches_what_another_one_was_told() {
    on_each(async |shop, _| {
        shop.tell(&ann(), &Sent { order: 1 }).await.unwrap();
        let (anns, bobs) = (shop.notifications.of(&ann()), shop.notifications.of(&bob()));
        let id = anns.list(Show::All, None, 1).await.unwrap()[0].id.unwrap();
        assert_eq!(bobs.read(id).await.unwrap_err().status(), 404);
        assert_eq!(bobs.delete(id).await.unwrap_err().status(), 404);
        assert_eq!(bobs.read_all().await.unwrap(), 0);
        assert!(bobs.list(Show::All, None, 9).await.unwrap().is_empty());
        assert_eq!(anns.unread_count().await.unwrap(), 1);
        assert_eq!(anns.read(Uuid::nil()).await.unwrap_err().status(), 404);
    })
    .await;
}

#[tokio::test]
async fn another_kind_and_another_shape_are_told_from_this_one() {
    on_each(async |shop, _| {
        shop.tell(&ann(), &Sent { order: 1 }).await.unwrap();
        let mut notice = shop.notifications.of(&ann()).list(Show::All, None, 1).await.unwrap().remove(0);
        assert!(notice.read_as::<SignedIn>().unwrap().is_none());
        notice.data = serde_json::json!({ "order": "one" });
        assert_eq!(notice.read_as::<Sent>().unwrap_err().machine_code(), "notification_unreadable");
    })
    .await;
}
