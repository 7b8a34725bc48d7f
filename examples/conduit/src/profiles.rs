//! Profiles: what others see of a user, and following.

use mainstay::db::from_row::Yields;
use mainstay::db::query::Project;
use mainstay::db::{Expr, Predicate, case};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::news::Followed;
use crate::users::User;
use crate::users::scopes::{READ_ARTICLES, WRITE_FAVORITES};

/// What others see of a user.
#[derive(Clone, Debug, FromRow, Serialize, JsonSchema)]
pub struct Profile {
    /// The name that is shown.
    pub username: String,
    /// What they say of themselves.
    pub bio: String,
    /// The address of a picture.
    pub image: String,
    /// Whether the reader follows them.
    pub following: bool,
}

impl Profile {
    /// The profile of a user, for somebody who follows them or not.
    pub fn new(user: User, following: bool) -> Self {
        Self { username: user.username, bio: user.bio, image: user.image, following }
    }

    /// What a reader sees of a user, as a query selects it.
    pub fn columns(
        user: <User as Model>::Fields,
        reader: Reader,
    ) -> impl Project<User, Row = Self> + Yields<Self> {
        ProfileColumns {
            username: user.username,
            bio: user.bio,
            image: user.image,
            following: reader.follows(user),
        }
    }
}

/// One profile.
#[derive(Debug, Serialize, JsonSchema)]
struct SingleProfile {
    profile: Profile,
}

/// Whoever reads: their number, if they are signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader(Option<i64>);

impl Reader {
    /// Whoever sends the request.
    pub fn of(signed_in: Option<SignedIn<User>>) -> Self {
        Self(signed_in.map(|user| user.id))
    }

    /// Whether a user is this one. A stranger is none.
    pub fn is(self, user: <User as Model>::Fields) -> Predicate<User> {
        self.0.map_or_else(Predicate::never, |id| user.id.eq(id))
    }

    /// Whether this one follows a user.
    pub fn follows(self, user: <User as Model>::Fields) -> Expr<User, bool> {
        case(user.followers.any(|follower| self.is(follower)), true).otherwise(false)
    }
}

/// Shows a profile.
#[get("/api/profiles/{username}", tag = "Profile")]
#[errors(NotFound)]
async fn show(
    Path(username): Path<String>,
    reader: Option<SignedIn<User>>,
    db: Inject<Db>,
) -> Result<Json<SingleProfile>> {
    let reader = Reader::of(reader);
    let profile = User::filter(|user| user.username.eq(username))
        .select(|user| Profile::columns(user, reader))
        .first_or_404(&db)
        .await?;
    Ok(Json(SingleProfile { profile }))
}

/// Puts somebody's articles into one's feed.
#[post("/api/profiles/{username}/follow", tag = "Profile")]
#[errors(NotFound, UnprocessableEntity("follows_oneself", "It is one's own profile."))]
async fn follow(
    Path(username): Path<String>,
    SignedIn(mut reader): SignedIn<User>,
    db: Inject<Db>,
) -> Result<Json<SingleProfile>> {
    let user = User::filter(|user| user.username.eq(username)).first_or_404(&db).await?;
    if user.id == reader.id {
        let error = Error::new(StatusCode::UNPROCESSABLE_ENTITY, "Nobody follows themselves.");
        return Err(error.code("follows_oneself"));
    }
    db.transaction(async |tx| {
        let is_new = !reader.follows.keys(tx).await?.contains(&user.key());
        reader.follows.add([&user], tx).await?;
        if is_new {
            Followed { author: user.id, follower: reader.id }.publish(tx).await?;
        }
        Ok(())
    })
    .await?;
    Ok(Json(SingleProfile { profile: Profile::new(user, true) }))
}

/// Takes somebody's articles out of one's feed.
#[delete("/api/profiles/{username}/follow", tag = "Profile")]
#[errors(NotFound)]
async fn unfollow(
    Path(username): Path<String>,
    SignedIn(mut reader): SignedIn<User>,
    db: Inject<Db>,
) -> Result<Json<SingleProfile>> {
    let user = User::filter(|user| user.username.eq(username)).first_or_404(&db).await?;
    reader.follows.remove([&user], &db).await?;
    Ok(Json(SingleProfile { profile: Profile::new(user, false) }))
}

/// Profiles.
pub fn module() -> Module {
    Module::new("profiles")
        .routes(routes![show].middleware(RequireScope::new(READ_ARTICLES)))
        .routes(routes![follow, unfollow].middleware(RequireScope::new(WRITE_FAVORITES)))
}
