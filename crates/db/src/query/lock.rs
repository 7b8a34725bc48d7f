//! Locks on the rows that a query reads, which last until the transaction ends.

use super::Query;
use crate::driver::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};
use crate::model::Model;

/// A lock, and what to do about rows that somebody else has locked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    strength: Strength,
    conflict: Conflict,
}

#[derive(Clone, Copy, Debug)]
enum Strength {
    Share,
    Update,
}

#[derive(Clone, Copy, Debug)]
enum Conflict {
    Wait,
    Skip,
    Fail,
}

impl Lock {
    /// A number for each of them, from 1.
    pub(super) fn number(self) -> u8 {
        1 + 3 * self.strength as u8 + self.conflict as u8
    }

    /// What is written behind the query. `table` is the one that it is about: what is only joined to it stays free, and
    /// PostgreSQL could not lock it.
    pub(super) fn sql(self, dialect: Dialect, table: &str) -> String {
        let mut sql = match (dialect, self.strength) {
            (Sqlite, _) => return String::new(),
            (MariaDb, Strength::Update) => " FOR UPDATE".to_owned(),
            (MariaDb, Strength::Share) => " LOCK IN SHARE MODE".to_owned(),
            (Postgres | MySql, Strength::Update) => format!(" FOR UPDATE OF {table}"),
            (Postgres | MySql, Strength::Share) => format!(" FOR SHARE OF {table}"),
        };
        sql.push_str(match self.conflict {
            Conflict::Wait => "",
            Conflict::Skip => " SKIP LOCKED",
            Conflict::Fail => " NOWAIT",
        });
        sql
    }
}

/// Locks need a transaction: they last until it ends. On SQLite they do nothing, because a transaction has the whole database
/// to itself as soon as it is begun.
impl<M: Model> Query<M> {
    /// Locks the rows for a change: nobody else changes, deletes or locks them until the transaction ends.
    pub fn for_update(self) -> Self {
        self.locked(Strength::Update)
    }

    /// Locks the rows as they are: nobody changes or deletes them until the transaction ends.
    pub fn for_share(self) -> Self {
        self.locked(Strength::Share)
    }

    /// Leaves out the rows that somebody else has locked, instead of waiting for them. Locks for a change unless
    /// [`for_share`](Self::for_share) is said.
    pub fn skip_locked(self) -> Self {
        self.conflicting(Conflict::Skip)
    }

    /// Fails at once when somebody else has locked one of the rows. Locks for a change unless
    /// [`for_share`](Self::for_share) is said.
    pub fn no_wait(self) -> Self {
        self.conflicting(Conflict::Fail)
    }

    fn locked(mut self, strength: Strength) -> Self {
        let conflict = self.select.lock.map_or(Conflict::Wait, |lock| lock.conflict);
        self.select.lock = Some(Lock { strength, conflict });
        self
    }

    fn conflicting(mut self, conflict: Conflict) -> Self {
        let strength = self.select.lock.map_or(Strength::Update, |lock| lock.strength);
        self.select.lock = Some(Lock { strength, conflict });
        self
    }
}
