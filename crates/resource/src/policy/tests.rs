use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};
use mainstay_db::{Dialect, embedded, model};

use super::*;

/// A note.
#[model]
pub(crate) struct Note {
    pub id: i64,
    pub owner: String,
    pub text: String,
}

#[embedded]
pub(crate) struct Place {
    pub street: String,
    pub city: String,
}

/// Somebody with an address.
#[model]
pub(crate) struct Customer {
    pub id: i64,
    #[embedded]
    pub billing: Place,
    #[embedded]
    pub shipping: Option<Place>,
}

struct Own;

impl Policy<Note> for Own {
    fn rows(&self, _: &Principal, action: Action) -> Rows<Note> {
        if action == Action::View { Rows::all() } else { Rows::<Note>::when(|note| note.owner.eq("ann")) }
    }

    fn check(&self, _: &Principal, _: Action, after: &Note) -> bool {
        after.owner == "ann"
    }

    fn fields(&self, _: &Principal, action: Action) -> FieldSet<Note> {
        if action == Action::View {
            FieldSet::all()
        } else {
            FieldSet::<Note>::only(|note| (note.text, note.id))
        }
    }
}

fn policies(app: App) -> Policies {
    Policies::new(app.profile(Profile::Test).assemble(Sources::isolated()).contributions.clone())
}

#[test]
fn gives_nobody_access_where_there_is_no_policy() {
    let policy = policies(App::new()).of::<Note>();
    let who = Principal::anonymous();
    for action in [Action::View, Action::Create, Action::Update, Action::Delete] {
        assert!(matches!(policy.rows(&who, action), Rows::None), "{action}");
        assert!(!policy.fields(&who, action).contains("text"), "{action}");
        let note = Note { id: 1, owner: "ann".into(), text: String::new() };
        assert!(!policy.check(&who, action, &note), "{action}");
    }
}

#[test]
fn puts_its_rows_into_the_query() {
    let policy = policies(App::new().policy(Own)).of::<Note>();
    let who = Principal::anonymous();
    let sql = |action| policy.rows(&who, action).limit(Note::query()).to_sql(Dialect::Sqlite);
    assert!(!sql(Action::View).contains("WHERE"), "{}", sql(Action::View));
    assert!(sql(Action::Update).contains("\"owner\" = "), "{}", sql(Action::Update));
    let none = Rows::<Note>::none().limit(Note::query()).to_sql(Dialect::Sqlite);
    assert_ne!(none, Note::query().to_sql(Dialect::Sqlite));
}

#[test]
fn tells_which_fields_may_be_written() {
    let policy = policies(App::new().policy(Own)).of::<Note>();
    let fields = policy.fields(&Principal::anonymous(), Action::Update);
    assert!(fields.contains("text") && !fields.contains("owner"), "{fields:?}");
    let fields = FieldSet::<Note>::all_but(|note| note.owner);
    assert!(fields.contains("text") && !fields.contains("owner"), "{fields:?}");
    let fields = FieldSet::<Customer>::only(|customer| (customer.shipping, customer.billing.city));
    let contained = ["shipping_street", "shipping_city", "billing_city", "billing_street", "id"]
        .map(|column| fields.contains(column));
    assert_eq!(contained, [true, true, true, false, false]);
}

mod ready_made {
    //! Policies of one line.

    use mainstay_db::BelongsTo;

    use super::*;

    #[model]
    pub(crate) struct Person {
        pub id: i64,
        pub name: String,
    }

    #[model]
    pub(crate) struct Essay {
        pub id: i64,
        pub title: String,
        pub status: String,
        #[belongs_to]
        pub author: BelongsTo<Person>,
        pub reviewer: String,
    }

    fn essay(author: i64, reviewer: &str) -> Essay {
        let mut essay = Essay {
            id: 1,
            title: "One".into(),
            status: "new".into(),
            author: BelongsTo::new(&Essay::META.relations[0], mainstay_db::Key::new(author)),
            reviewer: reviewer.into(),
        };
        essay.id = 1;
        essay
    }

    fn owned() -> Owned<Essay> {
        Owned::<Essay>::by(|essay| essay.author)
    }

    fn rows<P: Policy<Essay>>(policy: &P, who: &Principal, action: Action) -> String {
        ShownPolicy::of::<Essay>(Arc::new(Held(policy.rows(who, action), policy.fields(who, action))))
            .show(who, action, Dialect::Sqlite)
            .rows
            .to_string()
    }

    /// What a policy has said, once more.
    struct Held(Rows<Essay>, FieldSet<Essay>);

    impl Policy<Essay> for Held {
        fn rows(&self, _: &Principal, _: Action) -> Rows<Essay> {
            match &self.0 {
                Rows::None => Rows::None,
                Rows::All => Rows::All,
                Rows::Where(condition) => Rows::Where(condition.clone()),
            }
        }

        fn check(&self, _: &Principal, _: Action, _: &Essay) -> bool {
            true
        }

        fn fields(&self, _: &Principal, _: Action) -> FieldSet<Essay> {
            self.1.clone()
        }
    }

    #[test]
    fn a_permission_opens_what_it_is_for() {
        let who = Principal::user("1").with_permission("essays.view").with_permission("essays.change");
        let seen = |action| rows(&ByPermission, &who, action);
        assert_eq!(Action::ALL.map(seen), ["all", "none", "all", "none"]);
        assert!(Policy::<Essay>::check(&ByPermission, &who, Action::Update, &essay(2, "")));
        assert!(!Policy::<Essay>::check(&ByPermission, &who, Action::Delete, &essay(2, "")));
        assert_eq!(Policy::<Essay>::fields(&ByPermission, &who, Action::Create).to_string(), "none");
        assert_eq!(rows(&ByPermission, &Principal::anonymous(), Action::View), "none");
        assert_eq!(
            rows(&ByPermission, &Principal::user("1").with_permission("essays.*"), Action::Delete),
            "all"
        );
    }

    #[test]
    fn what_belongs_to_somebody_belongs_to_nobody_else() {
        let ann = Principal::user("7").with_claim("account", "Person");
        assert!(rows(&owned(), &ann, Action::View).contains("author_id"));
        assert!(owned().check(&ann, Action::Update, &essay(7, "")));
        assert!(!owned().check(&ann, Action::Update, &essay(8, "")), "it cannot be given away");
        let strangers = [
            Principal::anonymous(),
            Principal::user("x"),
            Principal::user(""),
            // One of another model, with the same id.
            Principal::user("7").with_claim("account", "Clerk"),
        ];
        for who in strangers {
            assert_eq!(rows(&owned(), &who, Action::View), "none", "{who:?}");
            assert_eq!(rows(&owned(), &who, Action::Create), "none", "{who:?}");
            assert!(!owned().check(&who, Action::Create, &essay(7, "")), "{who:?}");
        }
        let by_text = Owned::<Essay>::by(|essay| essay.reviewer);
        assert!(by_text.check(&Principal::user("bob"), Action::View, &essay(1, "bob")));
        assert!(!by_text.check(&Principal::user("bob"), Action::View, &essay(1, "Bob")));
    }

    /// Whoever may publish sets the status of everything, and nothing else.
    struct Publishing;

    impl Policy<Essay> for Publishing {
        fn rows(&self, who: &Principal, _: Action) -> Rows<Essay> {
            if who.may("essays.publish") { Rows::all() } else { Rows::none() }
        }

        fn check(&self, who: &Principal, _: Action, _: &Essay) -> bool {
            who.may("essays.publish")
        }

        fn fields(&self, _: &Principal, _: Action) -> FieldSet<Essay> {
            FieldSet::<Essay>::only(|essay| essay.status)
        }
    }

    #[test]
    fn of_two_policies_rows_add_up_and_fields_never_reach_rows_of_others() {
        let either = Either(Publishing, owned());
        let author = Principal::user("7");
        assert!(rows(&either, &author, Action::Update).starts_with("where"));
        assert_eq!(either.fields(&author, Action::Update).to_string(), "all");
        let publisher = Principal::user("7").with_permission("essays.publish");
        assert_eq!(rows(&either, &publisher, Action::Update), "all");
        assert_eq!(either.fields(&publisher, Action::Update).to_string(), "status", "not titles of others");
        assert!(either.check(&publisher, Action::Update, &essay(8, "")));
        assert!(!either.check(&author, Action::Update, &essay(8, "")));
        assert_eq!(rows(&either, &Principal::anonymous(), Action::View), "none");
        assert_eq!(
            either.fields(&publisher, Action::Create).to_string(),
            "status",
            "not in the name of others"
        );
        assert_eq!(either.fields(&author, Action::Create).to_string(), "all");
        assert_eq!(rows(&owned(), &Principal::token("7"), Action::View), "none", "its id is no account's");

        let both = Both(Publishing, owned());
        assert!(rows(&both, &publisher, Action::Update).starts_with("where"));
        assert_eq!(rows(&both, &author, Action::Update), "none");
        assert_eq!(both.fields(&publisher, Action::Update).to_string(), "status");
        assert!(!both.check(&publisher, Action::Update, &essay(8, "")));
        let readers = Either(ReadOnly, owned());
        assert_eq!(rows(&readers, &Principal::anonymous(), Action::View), "all");
        assert_eq!(rows(&readers, &Principal::anonymous(), Action::Update), "none");
    }

    #[test]
    fn field_sets_meet_and_join() {
        let titles = || FieldSet::<Essay>::only(|essay| essay.title);
        let no_status = || FieldSet::<Essay>::all_but(|essay| essay.status);
        let text = |fields: FieldSet<Essay>| fields.to_string();
        assert_eq!(text(titles().and(no_status())), "title");
        assert_eq!(text(titles().or(no_status())), "all but status");
        assert_eq!(text(FieldSet::<Essay>::only(|essay| essay.status).or(no_status())), "all");
        assert_eq!(text(FieldSet::<Essay>::only(|essay| essay.status).and(no_status())), "none");
        assert_eq!(text(titles().or(FieldSet::<Essay>::only(|essay| essay.status))), "status, title");
        assert_eq!(text(no_status().and(FieldSet::<Essay>::all_but(|e| e.title))), "all but status, title");
        assert_eq!(text(no_status().or(FieldSet::<Essay>::all_but(|e| e.title))), "all");
    }

    #[test]
    fn policies_are_shown_with_their_conditions() {
        let shown = policies(App::new().policy(Either(ReadOnly, owned()))).shown();
        let ann = Principal::user("7");
        let of = |action| shown[0].show(&ann, action, Dialect::Postgres);
        assert_eq!(of(Action::View).rows, ShownRows::All);
        let ShownRows::Where(condition) = of(Action::Update).rows else { panic!("{:?}", of(Action::Update)) };
        assert!(condition.contains("\"author_id\" = $1"), "{condition}");
        assert_eq!(of(Action::Update).fields, "all");
    }
}
