//! What of a value may be seen from outside.

/// A struct that has some fields of another, and nothing else: what of it leaves the process.
///
/// `#[derive(Projection)]` writes it, and `From<User>` and `From<&User>` with it. Each field comes from the one of the
/// same name; a field that the source does not have is a compiler error at that field. So a secret cannot leave by
/// being added to the source: what is not named in the projection is not in it.
///
/// | Attribute of a field | Where its value comes from |
/// |---|---|
/// | none | the field of the same name |
/// | `#[projection(from = display_name)]` | another field, or one inside of it: `profile.name` |
/// | `#[projection(nested)]` | the same, as a projection of its own: `Author`, `Option<Author>`, `Vec<Author>` |
/// | `#[projection(with = initials)]` | a function of the source: `fn initials(user: &User) -> String` |
///
/// ```
/// use mainstay_core::Projection;
///
/// struct User { id: i64, name: String, password: String }
///
/// #[derive(Projection)]
/// #[projection(of = User)]
/// struct PublicUser {
///     id: i64,
///     name: String,
///     #[projection(with = initial)]
///     initial: Option<char>,
/// }
///
/// fn initial(user: &User) -> Option<char> {
///     user.name.chars().next()
/// }
///
/// let user = User { id: 7, name: "Ann".into(), password: "secret".into() };
/// let public = PublicUser::from(&user);
/// assert_eq!((public.id, public.name.as_str(), public.initial), (7, "Ann", Some('A')));
/// assert_eq!(PublicUser::each([user]).len(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no projection",
    note = "write `#[derive(Projection)]` and `#[projection(of = …)]` above it"
)]
pub trait Projection: Sized {
    /// What it is a projection of.
    type Of;

    /// The projection of a value.
    fn of(source: Self::Of) -> Self;

    /// The projection of a value that stays.
    fn of_ref(source: &Self::Of) -> Self;

    /// The projections of several values.
    fn each(sources: impl IntoIterator<Item = Self::Of>) -> Vec<Self> {
        sources.into_iter().map(Self::of).collect()
    }
}

/// How a projection is made of what a field holds: one of it, an optional one, a list. `#[derive(Projection)]` writes the
/// first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made of a `{S}`",
    note = "a nested field is a projection of what the field of the source holds, within the same `Option` or `Vec`; a \
            relation of a model may not be loaded: take an `Option` of it"
)]
pub trait Nested<S>: Sized {
    /// The projection of a value.
    fn nested(source: S) -> Self;

    /// The projection of a value that stays.
    fn nested_ref(source: &S) -> Self;
}

impl<S, P: Nested<S>> Nested<Option<S>> for Option<P> {
    fn nested(source: Option<S>) -> Self {
        source.map(P::nested)
    }

    fn nested_ref(source: &Option<S>) -> Self {
        source.as_ref().map(P::nested_ref)
    }
}

impl<S, P: Nested<S>> Nested<Vec<S>> for Vec<P> {
    fn nested(source: Vec<S>) -> Self {
        source.into_iter().map(P::nested).collect()
    }

    fn nested_ref(source: &Vec<S>) -> Self {
        source.iter().map(P::nested_ref).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Projection;

    #[derive(Clone)]
    struct User {
        id: i64,
        name: String,
        profile: Profile,
        friends: Vec<User>,
        best: Option<Box<str>>,
        password: String,
    }

    #[derive(Clone)]
    struct Profile {
        city: String,
    }

    #[derive(Debug, PartialEq, Projection)]
    #[projection(of = User)]
    struct Card {
        id: i64,
        #[projection(from = name)]
        title: String,
        #[projection(from = name)]
        again: String,
        #[projection(from = profile.city)]
        city: String,
        #[projection(nested)]
        friends: Vec<Friend>,
        best: Option<Box<str>>,
        #[projection(with = strength)]
        strength: usize,
    }

    #[derive(Debug, PartialEq, Projection)]
    #[projection(of = User)]
    struct Friend {
        name: String,
    }

    fn strength(user: &User) -> usize {
        user.password.len()
    }

    #[test]
    fn takes_what_it_names_and_nothing_else() {
        let profile = Profile { city: "Rome".into() };
        let friend = User {
            id: 2,
            name: "Bob".into(),
            profile: profile.clone(),
            friends: vec![],
            best: None,
            password: "x".into(),
        };
        let user = User {
            id: 1,
            name: "Ann".into(),
            profile,
            friends: vec![friend.clone(), friend],
            best: Some("Bob".into()),
            password: "secret".into(),
        };
        let bob = || Friend { name: "Bob".into() };
        let expected = Card {
            id: 1,
            title: "Ann".into(),
            again: "Ann".into(),
            city: "Rome".into(),
            friends: vec![bob(), bob()],
            best: Some("Bob".into()),
            strength: 6,
        };
        assert_eq!(Card::from(&user), expected);
        assert_eq!(Card::each([user.clone()]), [expected]);
        assert_eq!(Friend::from(user), Friend { name: "Ann".into() });
    }
}
