//! The command `worker`.

use std::time::Instant;

use clap::{Arg, ArgAction};
use mainstay_core::command::Command;
use mainstay_core::lifecycle::{Services, run_until_signal};

use crate::worker::Duty;

/// `worker [--queue NAME]…`
pub(crate) fn worker() -> Command {
    let queue = Arg::new("queue")
        .long("queue")
        .value_name("NAME")
        .action(ArgAction::Append)
        .help("Run jobs of this queue alone; may be repeated");
    Command::new("worker", "Runs background jobs, and serves nobody.", |call| async move {
        let began = Instant::now();
        let queues = call.arguments.get_many::<String>("queue").into_iter().flatten().cloned().collect();
        call.resolver().get::<Duty>().await?.take(queues);
        run_until_signal(&call.assembly, Services::Background, began).await
    })
    .argument(queue)
}
