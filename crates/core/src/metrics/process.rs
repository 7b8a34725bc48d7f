//! What the operating system knows of this process, under the
//! [usual names](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
//!
//! Read from `/proc` (proc(5)), which is memory: no read here waits for a disk.

use std::fs;

use super::Scrape;

/// Ticks of the processor clock a second. The kernel shows programs 100 on every architecture that Rust's standard
/// library runs on, whatever it uses itself.
const TICKS: f64 = 100.0;

/// Adds what can be read; what cannot is left out.
pub(super) fn collect(scrape: &mut Scrape) {
    if let Some(usage) = read("/proc/self/stat").and_then(|stat| Usage::parse(&stat)) {
        let help = "User and system time spent, in seconds.";
        scrape.counter("process_cpu_seconds_total", help, &[], usage.processor_ticks as f64 / TICKS);
        scrape.gauge("process_threads", "Operating system threads.", &[], usage.threads as f64);
        scrape.gauge("process_virtual_memory_bytes", "Virtual memory.", &[], usage.virtual_bytes as f64);
        if let Some(boot) = read("/proc/stat").and_then(|stat| boot_time(&stat)) {
            let started = boot as f64 + usage.start_ticks as f64 / TICKS;
            scrape.gauge("process_start_time_seconds", "Start, in Unix time.", &[], started);
        }
    }
    if let Some(bytes) = read("/proc/self/status").and_then(|status| resident_bytes(&status)) {
        scrape.gauge("process_resident_memory_bytes", "Memory in use.", &[], bytes as f64);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // Less the one through which they are listed.
        let open = files.count().saturating_sub(1);
        scrape.gauge("process_open_fds", "Open file descriptors.", &[], open as f64);
    }
    if let Some(limit) = read("/proc/self/limits").and_then(|limits| max_files(&limits)) {
        scrape.gauge("process_max_fds", "How many file descriptors may be open.", &[], limit);
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// From `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Usage {
    processor_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
}

impl Usage {
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in brackets, which may itself hold spaces and brackets.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // Numbered as in proc(5), where the one after the name is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            processor_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
        })
    }
}

/// From `/proc/stat`.
fn boot_time(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// From `/proc/<pid>/status`, which unlike `statm` does not count in pages of unknown size.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// From `/proc/<pid>/limits`: the soft limit.
fn max_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        limit => limit.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_behind_a_program_name_with_brackets() {
        let stat = "4242 (tricky) name)) S 1 4242 4242 0 -1 4194560 918 0 3 0 70 5 0 0 20 0 9 0 8815 \
                    262144000 2048 18446744073709551615 1 1 0";
        let expected =
            Usage { processor_ticks: 75, threads: 9, start_ticks: 8815, virtual_bytes: 262_144_000 };
        assert_eq!(Usage::parse(stat), Some(expected));
        assert_eq!(Usage::parse("4242 (cut off) S 1"), None);
    }

    #[test]
    fn reads_the_other_files() {
        assert_eq!(boot_time("cpu  1 2 3\nbtime 1769000000\nprocesses 9\n"), Some(1_769_000_000));
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        let limits =
            "Limit Soft Limit Hard Limit Units\nMax open files            1024                 4096  files\n";
        assert_eq!(max_files(limits), Some(1024.0));
        assert_eq!(max_files(&limits.replace("1024", "unlimited")), Some(f64::INFINITY));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn tells_of_this_process() {
        let metrics = crate::metrics::Metrics::new();
        metrics.watch_process();
        let page = metrics.render();
        let value = |name: &str| -> f64 {
            let line = page.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("no {name} in {page}")).rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!((1e6..1e10).contains(&value("process_resident_memory_bytes")));
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") > value("process_open_fds"));
        assert!(value("process_threads") >= 1.0);
        assert!(value("process_cpu_seconds_total") >= 0.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - value("process_start_time_seconds");
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
