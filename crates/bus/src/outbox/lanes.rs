//! Lanes, and the leases on them.
//!
//! Who has the lease of a lane raises its `beat` every second. Others look at it, and when it has not moved for a while *by their own
//! clock that only runs forward*, they take the lease away. No time of one machine is compared with that of another, so a clock that
//! is wrong, or is set, ends no lease and keeps none.

use chrono::{DateTime, Utc};
use mainstay_core::Result;
use mainstay_db::{Db, FromRow, Uuid, sql};

use super::{DeliveryState, Lane, StoredDelivery};

/// How many lanes a subscriber has: so many processes can work for it at once. It must stay, or a key would change its lane.
pub(crate) const LANES: i64 = 16;

/// Which lane that is, of all subscribers.
pub(crate) fn lane(subscription: i64, number: i64) -> i64 {
    subscription * LANES + number
}

/// Whose lane that is.
pub(crate) fn subscription_of(lane: i64) -> i64 {
    lane.div_euclid(LANES)
}

/// In which lane an event of this key is. Without a key, in any.
pub(crate) fn lane_of(subscription: i64, key: Option<&str>, message: Uuid) -> i64 {
    let hash = match key {
        Some(key) => fnv(key.as_bytes()),
        None => fnv(message.as_bytes()),
    };
    // The upper bits of a product depend on all below them; the lower ones of the hash only on their like.
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    lane(subscription, (mixed % LANES as u64) as i64)
}

/// FNV-1a of 64 bits: the same in every version of the program.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A lease as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Seen {
    pub(crate) id: i64,
    pub(crate) token: i64,
    pub(crate) beat: i64,
}

/// A lease of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) lane: i64,
    pub(crate) token: i64,
}

impl Lease {
    /// Takes the lease of a lane that was seen without an owner. `None`: somebody else was quicker.
    pub(crate) async fn take(seen: &Seen, owner: &str, db: &Db) -> Result<Option<Self>> {
        let (id, before, token) = (seen.id, seen.token, seen.token + 1);
        let owner = owner.to_owned();
        let free = Lane::filter(|it| it.id.eq(id) & it.token.eq(before) & it.owner.is_null());
        let taken = free.update(|it| it.owner(Some(owner)).token(token), db).await?;
        Ok((taken == 1).then_some(Self { lane: id, token }))
    }

    /// Gives it back, if it is still one's own.
    pub(crate) async fn give_back(self, db: &Db) -> Result<()> {
        let own = Lane::filter(|it| it.id.eq(self.lane) & it.token.eq(self.token));
        own.update(|it| it.owner(None), db).await?;
        Ok(())
    }
}

/// Shows that the owner of these leases lives.
pub(crate) async fn beat(owner: &str, held: Vec<i64>, db: &Db) -> Result<()> {
    let own = Lane::filter(|it| it.owner.eq(owner) & it.id.is_in(held));
    own.update_with(|it| it.beat.set(it.beat + 1), db).await?;
    Ok(())
}

/// The leases that somebody has.
pub(crate) async fn taken(db: &Db) -> Result<Vec<Seen>> {
    sql("SELECT id, token, beat FROM mainstay_lanes WHERE owner IS NOT NULL").fetch(db).await
}

/// Takes a lease away whose owner has not moved since it was seen so. What is not due after the first time, or is after the second, was not under
/// way.
pub(crate) async fn take_away(seen: &Seen, due: (DateTime<Utc>, DateTime<Utc>), db: &Db) -> Result<bool> {
    let (id, token, beat) = (seen.id, seen.token, seen.beat);
    let unmoved =
        Lane::filter(|it| it.id.eq(id) & it.token.eq(token) & it.beat.eq(beat) & it.owner.is_not_null());
    let taken = unmoved.update(|it| it.owner(None).token(token + 1), db).await?;
    if taken == 1 {
        suspect(id, due, db).await?;
    }
    Ok(taken == 1)
}

/// Counts an attempt at the delivery that was under way, as far as can be told: the first of the lane that is due. It may be what its process
/// died of, and would be the death of each that comes after.
async fn suspect(lane: i64, (now, far): (DateTime<Utc>, DateTime<Utc>), db: &Db) -> Result<()> {
    let first = StoredDelivery::filter(|it| {
        let is_due = it.due_at.is_null() | it.due_at.le(now) | it.due_at.gt(far);
        it.lane.eq(lane) & it.state.eq(DeliveryState::Waiting) & is_due
    });
    let first = first.order_by(|it| it.id).limit(1).select(|it| (it.id, it.attempts)).first(db).await?;
    if let Some((id, attempts)) = first {
        StoredDelivery::filter(|it| it.id.eq(id) & it.attempts.eq(attempts))
            .update(|it| it.attempts(attempts + 1), db)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_lane_for_ever() {
        // Written down: rows with these numbers are in databases.
        let lanes = ["1", "2", "article/7", ""].map(|key| lane_of(3, Some(key), Uuid::nil()));
        assert_eq!(lanes, [53, 63, 51, 57]);
        assert_eq!(lanes, ["1", "2", "article/7", ""].map(|key| lane_of(3, Some(key), Uuid::max())));
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn what_has_no_key_is_spread_over_all_lanes() {
        let lanes: std::collections::HashSet<i64> =
            (0..500).map(|number| lane_of(0, None, Uuid::from_u128(number << 64 | number))).collect();
        assert_eq!(lanes.len(), LANES as usize);
    }
}
