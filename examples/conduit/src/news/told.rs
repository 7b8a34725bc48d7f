//! What people are told, and how they are reached.

use mainstay::prelude::*;
use mainstay::view::Context;
use serde::{Deserialize, Serialize};

use crate::users::User;

impl Notifiable for User {
    fn recipient(&self) -> Recipient {
        let known = Recipient::new(format!("user/{}", self.id)).named(&self.username);
        if self.wants_mails { known.mail((self.username.as_str(), self.email.as_str())) } else { known }
    }
}

/// Somebody follows them.
#[derive(Debug, Serialize, Deserialize)]
pub struct FollowsYou {
    /// Who.
    pub follower: String,
}

impl Notification for FollowsYou {
    const NAME: &'static str = "user.followed";
    const VIA: &'static [Via] = &Via::ALL;

    fn mail(&self, to: &Recipient) -> Option<Mail> {
        mail(to, "mails/followed", context! { follower => &self.follower })
    }
}

/// Somebody whom they follow has published an article.
#[derive(Debug, Serialize, Deserialize)]
pub struct HasPublished {
    /// Who.
    pub author: String,
    /// What the article is called.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Where it is.
    pub slug: String,
}

impl Notification for HasPublished {
    const NAME: &'static str = "article.published";
    const VIA: &'static [Via] = &Via::ALL;

    fn mail(&self, to: &Recipient) -> Option<Mail> {
        let context = context! {
            author => &self.author,
            title => &self.title,
            description => &self.description,
            slug => &self.slug,
        };
        mail(to, "mails/published", context)
    }
}

/// A mail to somebody, of such a view.
pub(super) fn mail(to: &Recipient, view: &str, context: Context) -> Option<Mail> {
    Some(Mail::to(to.address()?).view(view, context.with("username", to.name())))
}
