use mainstay_core::App;

#[mainstay_core::main]
async fn app() -> App {
    App::new()
}
