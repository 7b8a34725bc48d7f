//! Where a container of Azure is.

use std::fmt;

use crate::files::cloud::address::{self, Address, Form, NotABucket};

const FORM: Form = Form {
    scheme: "az://",
    example: "az://container/folder?account=shop",
    credentials: "`files.account_key`",
    name: "container: it has from 3 to 63 small letters, digits and single `-`",
    is_name,
};

/// The address of a container of Azure Blob Storage: `az://container/folder?account=shop`. It has no secret in it.
///
/// | setting | |
/// |---|---|
/// | `account` | the storage account that has the container |
/// | `endpoint` | where the server is, if it is not `https://shop.blob.core.windows.net` |
///
/// ```
/// use mainstay_store::files::Container;
///
/// let container: Container = "az://files/production?account=shop".parse()?;
/// assert_eq!(container.place(), "az://files/production?account=shop");
/// # Ok::<(), mainstay_store::files::NotABucket>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub(super) name: String,
    pub(super) folder: Option<String>,
    pub(super) account: String,
    pub(super) endpoint: String,
}

impl Container {
    /// Where it is, without other settings than the account.
    pub fn place(&self) -> String {
        let place = address::place(FORM.scheme, &self.name, self.folder.as_deref());
        format!("{place}?account={}", self.account)
    }

    /// Whether what is kept there goes over a network in the clear.
    pub fn is_exposed(&self) -> bool {
        address::is_exposed(Some(&self.endpoint))
    }
}

impl std::str::FromStr for Container {
    type Err = NotABucket;

    fn from_str(text: &str) -> Result<Self, NotABucket> {
        let Address { name, folder, settings } = Address::parse(text, &FORM)?;
        let (mut account, mut endpoint) = (None, None);
        for (setting, value) in settings {
            match &*setting {
                "account" => account = Some(value).filter(|value| is_account(value)),
                "endpoint" => endpoint = Some(address::endpoint(&value)?),
                _ => return Err(NotABucket::UnknownSetting(setting, "`account` and `endpoint`")),
            }
        }
        let why = "it is the storage account, such as shop: from 3 to 24 small letters and digits";
        let account = account.ok_or(NotABucket::Setting("account", why))?;
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"));
        Ok(Self { name, folder, account, endpoint })
    }
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
fn is_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_what_they_leave_out() {
        let container: Container = "az://files?account=shop".parse().unwrap();
        assert_eq!(
            (container.folder.as_deref(), &*container.endpoint),
            (None, "https://shop.blob.core.windows.net")
        );
        assert!(!container.is_exposed());
        let own = "az://files/a/b/?account=shop&endpoint=http://storage.internal:9000/shop/";
        let container: Container = own.parse().unwrap();
        assert_eq!(container.folder.as_deref(), Some("a/b"));
        assert_eq!(container.endpoint, "http://storage.internal:9000/shop");
        assert!(container.is_exposed());
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "az:",
            "az://",
            "az://files",
            "az://files?account=",
            "az://files?account=Shop",
            "az://files?account=a/b",
            "az://Files?account=shop",
            "az://fi?account=shop",
            "az://fi--les?account=shop",
            "az://files_?account=shop",
            "az://files@shop.blob.core.windows.net/a",
            "az://files/../a?account=shop",
            "az://files?account=shop&key=secret",
            "az://files?account=shop&endpoint=storage:9000",
        ] {
            assert!(text.parse::<Container>().is_err(), "{text}");
        }
    }
}
