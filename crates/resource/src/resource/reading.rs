//! Lists, and single rows.

use mainstay_core::config::did_you_mean;
use mainstay_core::{Fault, Result};
use mainstay_db::Model;
use mainstay_db::meta::RelationKind;
use mainstay_db::named::Named;

use super::{Resource, Seen, allowed, missing};
use crate::include::Included;
use crate::list::{ListRequest, Listing, Part, Position, Shape, not_understood};
use crate::operations::Caller;
use crate::policy::Action;
use crate::record::{Form, Record};

pub(super) async fn list<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    asked: &ListRequest,
) -> Result<Listing> {
    let policy = caller.policies.of::<M>();
    let rows = allowed(policy.rows(caller.who, Action::View), caller.who)?;
    let seen = Seen(policy.fields(caller.who, Action::View));
    let query = rows.limit(resource.rows(&resource.around(caller).await?));
    let (query, faults) = asked.narrow(query, &|field| seen.has(field));
    let included = included(resource, &asked.shape, &seen, faults)?;
    let query = included.iter().fold(query, |query, include| include.load(query, caller));
    let shown = |rows: Vec<M>| shown(rows, caller, asked, (&seen, &included));
    Ok(match &asked.part {
        Part::Page(page) => {
            // Two pages have no row in common only if the order is total.
            let key = M::META.key_fields().filter_map(|field| Named::<M>::find(field.name));
            let query = key.fold(query, |query, field| query.order_by(|_| field.asc()));
            let page = query.paginate(*page, &caller).await?;
            let (number, per_page, pages, total) = (page.page, page.per_page, page.pages, page.total);
            let part = Position::Page { page: number, per_page, pages, total };
            Listing { records: shown(page.items)?, part }
        }
        Part::Cursor(cursor) => {
            let page = query.paginate_by_cursor(cursor.clone(), &caller).await?;
            let part = Position::Cursor { next: page.next, previous: page.previous };
            Listing { records: shown(page.items)?, part }
        }
    })
}

pub(super) async fn get<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    key: &str,
    shape: &Shape,
) -> Result<Record> {
    let policy = caller.policies.of::<M>();
    let rows = allowed(policy.rows(caller.who, Action::View), caller.who)?;
    let seen = Seen(policy.fields(caller.who, Action::View));
    let asked = ListRequest { shape: shape.clone(), ..ListRequest::default() };
    let query = rows.limit(resource.row(key, &resource.around(caller).await?)?);
    let (query, faults) = asked.narrow(query, &|field| seen.has(field));
    let included = included(resource, shape, &seen, faults)?;
    let query = included.iter().fold(query, |query, include| include.load(query, caller));
    let row = query.first_or_404(&caller).await?;
    let shown = shown(vec![row], caller, &asked, (&seen, &included))?.pop();
    shown.ok_or_else(missing::<M>)
}

/// The relations that are asked for, unless there are faults, these or others. One whose key is in a field that may not be seen is as unknown as that.
fn included<'r, M: Model>(
    resource: &'r Resource<M>,
    shape: &Shape,
    seen: &Seen<M>,
    mut faults: Vec<Fault>,
) -> Result<Vec<&'r dyn Included<M>>> {
    let is_seen = |include: &&dyn Included<M>| {
        let relation = M::META.relation(include.name()).map(|relation| relation.kind);
        let Some(RelationKind::BelongsTo { fields, .. }) = relation else { return true };
        fields.iter().all(|index| M::META.fields.get(*index).is_some_and(|field| seen.has(field)))
    };
    let known: Vec<_> = resource.includes.iter().map(|include| &**include).filter(is_seen).collect();
    let mut included: Vec<&dyn Included<M>> = Vec::new();
    for name in &shape.include {
        match known.iter().find(|include| include.name() == name) {
            Some(include) if included.iter().any(|there| there.name() == include.name()) => {}
            Some(include) => included.push(*include),
            None => {
                let hint = did_you_mean(name, known.iter().map(|include| include.name()));
                let message = format!("there is no relation `{name}` to include{hint}");
                faults.push(Fault::new("query:include", "unknown_relation", message));
            }
        }
    }
    if faults.is_empty() { Ok(included) } else { Err(not_understood(faults)) }
}

/// Rows with what is asked for, and what is included.
fn shown<M: Model>(
    rows: Vec<M>,
    caller: Caller<'_>,
    asked: &ListRequest,
    (seen, included): (&Seen<M>, &[&dyn Included<M>]),
) -> Result<Vec<Record>> {
    let form = Form::new(M::META, |field| seen.has(field) && asked.asks_for(M::META, field));
    let writers: Vec<_> = included.iter().map(|include| (include.name(), include.writer(caller))).collect();
    let show = |mut row: M| {
        let mut record = form.record(&row.values())?;
        for (name, write) in &writers {
            record = record.with(name, &write(&mut row)?);
        }
        Ok(record)
    };
    rows.into_iter().map(show).collect()
}
