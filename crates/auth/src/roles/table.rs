//! The tables. A role is known by its name and not by a key, so that one that is written in code needs no row.

use mainstay_db::model;

/// A role that somebody has made while the application runs.
#[model(table = "mainstay_roles")]
pub(super) struct StoredRole {
    #[field(primary_key, max_length = 100)]
    pub name: String,
    #[field(max_length = 255)]
    pub description: String,
    /// Sorted, with spaces between.
    pub permissions: String,
}

/// Who has a role: an account by its identity, or a group.
#[model(table = "mainstay_role_holders")]
pub(super) struct StoredHolder {
    #[field(primary_key, max_length = 100)]
    pub role: String,
    #[field(primary_key, index, max_length = 255)]
    pub holder: String,
}

/// A group, by what it is called as the holder of a role.
#[model(table = "mainstay_groups")]
pub(super) struct StoredGroup {
    #[field(primary_key, max_length = 255)]
    pub holder: String,
    #[field(max_length = 255)]
    pub description: String,
}

/// Who belongs to a group.
#[model(table = "mainstay_group_members")]
pub(super) struct StoredMember {
    #[field(primary_key, max_length = 255)]
    pub holder: String,
    #[field(primary_key, index, max_length = 255)]
    pub account: String,
}
