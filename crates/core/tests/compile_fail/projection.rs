use mainstay_core::Projection;

struct User {
    id: i64,
    name: String,
    password: String,
}

#[derive(Projection)]
#[projection(of = User)]
struct Misspelt {
    id: i64,
    nmae: String,
}

#[derive(Projection)]
#[projection(of = User)]
struct Mistyped {
    id: String,
}

#[derive(Projection)]
struct OfNothing {
    id: i64,
}

#[derive(Projection)]
#[projection(of = User)]
struct Contradictory {
    #[projection(from = name, with = first)]
    id: i64,
}

#[derive(Projection)]
#[projection(of = User)]
struct NotNested {
    #[projection(nested)]
    name: String,
}

#[derive(Projection)]
#[projection(of = User)]
enum Choice {
    One,
}

fn main() {}
