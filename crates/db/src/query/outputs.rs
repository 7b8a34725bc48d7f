//! What a query returns beside rows, made ready for SQL.
//!
//! - A value from a to-one relation is a subquery, unless the relation can be joined: then it is a column like others.
//! - What is grouped or sorted by and also returned is named by its place: engines compare what is written, and two places
//!   of one value look different to them.

use super::select::{Output, Select};
use super::shape::Shape;
use crate::driver::Dialect;
use crate::expression::{Node, RelatedTerm, Scope, Term};
use crate::meta::RelationKind;

impl Select {
    /// Makes the select ready to be rendered. What does not fit is found when it is.
    pub(super) fn prepare(&mut self, dialect: Dialect) {
        self.filter.extend(self.rule());
        self.join_terms();
        if !matches!(self.output, Output::Values | Output::CountValues) {
            return;
        }
        if self.distinct || !self.group.is_empty() {
            self.name_outputs(dialect);
        }
        if let Some(fault) = self.ungrouped() {
            self.filter.push(Node::Null(Term::Fault(fault)));
        }
    }

    fn join_terms(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.iter_mut().for_each(|order| self.join_term(&mut order.term));
        self.order = order;
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.iter_mut().for_each(|term| self.join_term(term));
        self.outputs = outputs;
        let mut group = std::mem::take(&mut self.group);
        group.iter_mut().for_each(|term| self.join_term(term));
        self.group = group;
    }

    fn join_term(&mut self, term: &mut Term) {
        match term {
            Term::Call(call) => call.arguments.iter_mut().for_each(|argument| self.join_term(argument)),
            Term::Json(json) => self.join_term(&mut json.document),
            Term::Choose(choose) => {
                self.join_term(&mut choose.otherwise);
                choose.branches.iter_mut().for_each(|(_, then)| self.join_term(then));
            }
            Term::Related(inside) if can_join(inside) => {
                let scope = self.reach(inside.related.outer, inside.related.relation);
                let mut output = std::mem::replace(&mut inside.output, Term::Slot(0));
                output.rescope(inside.related.inner, scope);
                self.join_term(&mut output);
                *term = output;
            }
            _ => {}
        }
    }

    fn name_outputs(&mut self, dialect: Dialect) {
        let meta = self.meta;
        let print = |term: &Term| {
            let mut shape = Shape::new(b'=', meta, dialect);
            shape.term(&mut term.clone());
            (shape.key, shape.values)
        };
        let outputs: Vec<_> = self.outputs.iter().map(print).collect();
        let place = |term: &Term| {
            let wanted = print(term);
            outputs.iter().position(|output| *output == wanted)
        };
        let group: Vec<_> = self.group.iter().map(place).collect();
        let order: Vec<_> = self.order.iter().map(|order| place(&order.term)).collect();
        for (term, place) in self.group.iter_mut().zip(group) {
            if let Some(place) = place {
                *term = Term::Output(place);
            }
        }
        for (order, place) in self.order.iter_mut().zip(order) {
            if let Some(place) = place {
                order.term = Term::Output(place);
            }
        }
    }

    /// Some engines return any row's value for what is neither grouped by nor an aggregate. None is to.
    fn ungrouped(&self) -> Option<String> {
        if self.group.is_empty() && !self.outputs.iter().any(Term::has_aggregate) {
            return None;
        }
        let key_is_grouped = !self.meta.key.is_empty()
            && self.meta.key_fields().all(|key| {
                self.group.iter().any(|term| match self.resolved(term) {
                    Term::Column(column) => column.scope == Scope::ROOT && column.column == key.column,
                    _ => false,
                })
            });
        let is_named = |place: usize| {
            self.group.iter().any(|term| matches!(term, Term::Output(named) if *named == place))
        };
        let stray = |(place, output): &(usize, &Term)| {
            !output.has_aggregate() && !is_named(*place) && !key_is_grouped
        };
        self.outputs.iter().enumerate().find(stray).map(|(place, _)| {
            format!(
                "the query for `{}` selects a value (number {}) that is neither in `group_by` nor reckoned of the rows \
                 of a group: add it to `group_by`",
                self.meta.name,
                place + 1
            )
        })
    }

    fn resolved<'a>(&'a self, term: &'a Term) -> &'a Term {
        match term {
            Term::Output(place) => self.outputs.get(*place).unwrap_or(term),
            term => term,
        }
    }
}

/// A join returns what the subquery would, unless there is no row and something is made of that.
fn can_join(inside: &RelatedTerm) -> bool {
    let related = &inside.related;
    let RelationKind::BelongsTo { .. } = related.relation.kind else { return false };
    let may_be_empty = related.relation.may_be_empty();
    let is_plain = match &inside.output {
        Term::Column(_) => true,
        Term::Related(further) => can_join(further),
        _ => false,
    };
    related.body.is_none() && related.outer.is_joinable() && (is_plain || !may_be_empty)
}
