use mainstay_db::{Migrations, migrations};

fn main() {
    let _: Migrations = migrations!("invoices");
    let _: Migrations = migrations!("../elsewhere");
}
