//! What `policies show` says.

use mainstay_auth::policies::lines;
use mainstay_core::config::Sources;
use mainstay_core::principal::Principal;
use mainstay_db::Dialect;
use mainstay_resource::{ByPermission, Either, Owned, Policies, PoliciesExt};

use crate::roles::{Person, app};

#[test]
fn says_of_every_action_who_may_do_it_with_which_rows() {
    let app = app().policy(Either(ByPermission, Owned::<Person>::by(|person| person.id)));
    let policies = Policies::new(app.assemble(Sources::isolated()).contributions.clone()).shown();
    let [people] = &*policies else { panic!("{policies:?}") };
    let said = |who: &Principal| lines(people, "x", who, Dialect::Postgres);
    let nobody = said(&Principal::anonymous());
    assert_eq!(nobody.len(), 4);
    assert!(nobody.iter().all(|line| line.ends_with(" none")), "{nobody:?}");
    let editor = Principal::user("7").with_permission("persons.view").with_permission("persons.change");
    let editor = said(&editor);
    assert!(editor[0].contains("view    all; fields: all"), "{editor:?}");
    assert!(editor[2].contains("change  all; fields: all"), "{editor:?}");
    assert!(editor[3].contains("delete  where") && editor[3].contains("\"id\" = $1"), "{editor:?}");
}
