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
