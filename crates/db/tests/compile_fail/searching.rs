//! Searches of what has no words, and of models that are not searched.
use mainstay_db::{BelongsTo, HasMany, embedded, model};

#[model]
#[search(title, author)]
pub struct Relations {
    pub id: i64,
    pub title: String,
    #[belongs_to]
    pub author: BelongsTo<Author>,
}

#[model]
#[search(title, pages)]
pub struct Numbers {
    pub id: i64,
    pub title: String,
    pub pages: i32,
}

#[embedded]
pub struct Place {
    pub city: String,
}

#[model]
#[search(title, place.city)]
pub struct Inside {
    pub id: i64,
    pub title: String,
    #[embedded]
    pub place: Place,
}

#[model]
#[search(title, missing)]
pub struct Missing {
    pub id: i64,
    pub title: String,
}

#[model]
#[search(title, title)]
pub struct Twice {
    pub id: i64,
    pub title: String,
}

#[model]
#[search(title, tongue = "english")]
pub struct Tongue {
    pub id: i64,
    pub title: String,
}

#[model]
#[search()]
pub struct Nothing {
    pub id: i64,
}

#[model]
#[search(title)]
#[search(body)]
pub struct Ways {
    pub id: i64,
    pub title: String,
    pub body: String,
}

#[model]
pub struct Field {
    pub id: i64,
    #[search]
    pub title: String,
}

#[model]
pub struct Author {
    pub id: i64,
    pub name: String,
    #[has_many]
    pub relations: HasMany<Book>,
}

#[model]
pub struct Book {
    pub id: i64,
    pub title: String,
    #[belongs_to]
    pub author: BelongsTo<Author>,
}

fn main() {
    let _ = Book::query().search("words");
    let _ = Book::filter(|b| b.author.matches("words"));
}
