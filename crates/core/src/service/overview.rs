//! The services of the running application, for whoever wants to look.

use std::sync::OnceLock;

use super::{Status, Tree};

/// What every service of the application does. Injectable; empty until the services start.
#[derive(Default)]
pub struct Overview(OnceLock<Tree>);

impl Overview {
    /// The tree of services, the application's supervisor at its root; none until they start.
    pub fn status(&self) -> Option<Status> {
        self.0.get().map(Tree::status)
    }

    pub(crate) fn show(&self, tree: Tree) {
        // An application starts its services once; another tree would be a second application's.
        let _ = self.0.set(tree);
    }
}
