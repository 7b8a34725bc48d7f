use mainstay_bus::EventsExt;
use mainstay_core::App;

struct NoEvent;

fn main() {
    let _ = App::new().subscribe("one", |_: NoEvent| async { Ok(()) });
}
