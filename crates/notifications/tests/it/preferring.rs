//! What somebody wants to be told, and by which way.

use mainstay_notifications::Via;

use crate::shop::{Sent, SignedIn, ann, bob, on_each};

#[tokio::test]
async fn what_is_switched_off_is_not_told_that_way_and_to_others_it_is() {
    on_each(async |shop, _| {
        let anns = shop.notifications.of(&ann());
        anns.prefer("order.sent", Via::Mail, false).await.unwrap();
        anns.prefer("order.sent", Via::Mail, false).await.unwrap();
        for whom in [ann(), bob()] {
            shop.tell(&whom, &Sent { order: 1 }).await.unwrap();
        }
        assert!(shop.mails_to("ann@example.org").await.is_empty());
        assert_eq!(shop.mails_to("bob@example.org").await.len(), 1);
        assert_eq!(anns.unread_count().await.unwrap(), 1, "by other ways it is told");
        anns.prefer("order.sent", Via::Mail, true).await.unwrap();
        shop.tell(&ann(), &Sent { order: 2 }).await.unwrap();
        assert_eq!(shop.mails_to("ann@example.org").await, ["Order 2 is on its way"]);
    })
    .await;
}

#[tokio::test]
async fn some_have_to_be_asked_for_and_some_cannot_be_switched_off() {
    on_each(async |shop, _| {
        let anns = shop.notifications.of(&ann());
        let told = || SignedIn { from: "Paris".into() };
        shop.tell(&ann(), &told()).await.unwrap();
        assert_eq!(anns.unread_count().await.unwrap(), 0, "she has not asked for it");
        anns.prefer("account.signed-in", Via::Database, true).await.unwrap();
        shop.tell(&ann(), &told()).await.unwrap();
        assert_eq!(anns.unread_count().await.unwrap(), 1);
        let fault = anns.prefer("account.signed-in", Via::Mail, false).await.unwrap_err();
        assert_eq!((fault.status().as_u16(), fault.machine_code()), (409, "notification_always"));
        assert_eq!(shop.mails_to("ann@example.org").await, ["A new device", "A new device"]);
    })
    .await;
}

#[tokio::test]
async fn whose_account_goes_is_forgotten_with_all_that_they_have_said() {
    on_each(async |shop, _| {
        for whom in [ann(), bob()] {
            shop.notifications.of(&whom).prefer("order.sent", Via::Mail, false).await.unwrap();
            shop.tell(&whom, &Sent { order: 1 }).await.unwrap();
        }
        let (anns, bobs) = (shop.notifications.of(&ann()), shop.notifications.of(&bob()));
        shop.db.transaction(async |tx| anns.forget(tx).await).await.unwrap();
        let wants_mail = async |whose: &mainstay_notifications::Mailbox<'_>| {
            whose
                .preferences()
                .await
                .unwrap()
                .iter()
                .any(|it| it.name == "order.sent" && it.via == Via::Mail && it.wanted)
        };
        assert_eq!((anns.unread_count().await.unwrap(), bobs.unread_count().await.unwrap()), (0, 1));
        assert!(wants_mail(&anns).await && !wants_mail(&bobs).await);
    })
    .await;
}

#[tokio::test]
async fn what_can_be_chosen_is_listed_and_nothing_else_can_be() {
    on_each(async |shop, _| {
        let anns = shop.notifications.of(&ann());
        anns.prefer("order.sent", Via::Broadcast, false).await.unwrap();
        let lines = anns.preferences().await.unwrap();
        let shown: Vec<_> =
            lines.iter().map(|it| (it.name.as_str(), it.via, it.wanted, it.is_optional)).collect();
        let (sent, signed_in) = ("order.sent", "account.signed-in");
        assert_eq!(
            shown,
            [
                (sent, Via::Database, true, true),
                (sent, Via::Broadcast, false, true),
                (sent, Via::Mail, true, true),
                (signed_in, Via::Database, false, true),
                (signed_in, Via::Mail, true, false),
            ]
        );
        for (name, via) in [("nonsense", Via::Mail), (signed_in, Via::Broadcast)] {
            assert_eq!(anns.prefer(name, via, true).await.unwrap_err().status(), 404, "{name}");
        }
        assert!(shop.notifications.of(&bob()).preferences().await.unwrap()[1].wanted);
    })
    .await;
}
