//! A mail for whoever has lost a refresh token to somebody else.

use mainstay_core::container::Need;
use mainstay_core::{Resolver, Result};
use mainstay_view::context;

use super::Person;
use super::post::Post;
use crate::jwt::{SignIn, TokenTheft};
use crate::pages::FORGOT;

pub(super) fn by_mail<A: Person>() -> TokenTheft<A> {
    TokenTheft::new(tell::<A>).needing(Need::of::<Post>())
}

async fn tell<A: Person>(account: A, device: SignIn, resolver: Resolver) -> Result<()> {
    let post = resolver.get::<Post>().await?;
    let signed_in_at = device.created_at.format("%Y-%m-%d %H:%M UTC").to_string();
    let context = context! { agent => device.agent, address => device.address, signed_in_at, path => FORGOT };
    post.send(account.email(), "auth/mails/token_stolen", context).await
}
