//! What work costs: wall time, processor time and peak memory of whole process trees, off `/proc`.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at memory: looking is itself work.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What one phase took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Wall time.
    pub time: Duration,
    /// Processor time of penstock, its child processes apart.
    pub penstock_cpu: Duration,
    /// Processor time of penstock's other children: the programs that draw PDFs.
    pub children_cpu: Duration,
    /// Processor time of all of PostgreSQL.
    pub postgres_cpu: Duration,
    /// Peak resident memory of penstock.
    pub penstock_bytes: u64,
    /// Peak memory of the programs that draw PDFs, together.
    pub children_bytes: u64,
    /// Peak memory of all of PostgreSQL.
    pub postgres_bytes: u64,
}

/// A process: who began it, and ticks of processor time.
#[derive(Debug, Clone, Copy)]
struct Process {
    parent: u32,
    own_ticks: u64,
    /// Of children that have ended.
    ended_ticks: u64,
}

/// All processes as they are now.
struct Processes(HashMap<u32, Process>);

impl Processes {
    fn now() -> Result<Self> {
        let mut found = HashMap::new();
        for entry in std::fs::read_dir("/proc").context("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process may end between the listing and the look.
            found.extend(Process::of(pid).map(|process| (pid, process)));
        }
        Ok(Self(found))
    }

    /// A process and all below it, without the tree of `except`.
    fn tree(&self, root: u32, except: Option<u32>) -> Vec<u32> {
        let mut tree = vec![root];
        let mut at = 0;
        while let Some(&parent) = tree.get(at) {
            let below = self.0.iter().filter(|(pid, of)| of.parent == parent && Some(**pid) != except);
            tree.extend(below.map(|(pid, _)| *pid));
            at += 1;
        }
        tree
    }

    /// Processor time of a process and all below it.
    fn cpu(&self, tree: &[u32]) -> Duration {
        let all = tree.iter().filter_map(|pid| self.0.get(pid));
        ticks(all.map(|of| of.own_ticks + of.ended_ticks).sum())
    }
}

impl Process {
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may hold anything.
        let rest: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| rest.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: rest.get(1)?.parse().ok()?,
            own_ticks: number(11)? + number(12)?,
            ended_ticks: number(13)? + number(14)?,
        })
    }
}

/// Hundredths of a second wherever Linux shows clock ticks to programs.
const fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 10)
}

/// A process's status.
fn status(of: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{of}/status")).ok()
}

/// A figure of a status, like `VmHWM:   1234 kB`, in bytes; 0 when it is not there.
fn figure(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

/// Memory of these processes: each one's own, and as much of what they share (files, shared memory) as the one that
/// has most of it. (The kernel's own proportional figure walks page tables: it would be measured as work.)
fn together(pids: &[u32]) -> u64 {
    let all: Vec<String> = pids.iter().filter_map(|pid| status(&pid.to_string())).collect();
    let most = |name| all.iter().map(|of| figure(of, name)).max().unwrap_or(0);
    all.iter().map(|of| figure(of, "RssAnon")).sum::<u64>() + most("RssFile") + most("RssShmem")
}

/// Watches penstock and a PostgreSQL.
pub struct Meter {
    postgres: u32,
}

struct Watch {
    stop: Arc<AtomicBool>,
    postgres: Arc<AtomicU64>,
    children: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Meter {
    /// Of this process and the server with this process id.
    pub fn new(postgres: u32) -> Self {
        Self { postgres }
    }

    /// Processor time so far: of penstock itself, of its other children, of PostgreSQL.
    fn cpu(&self) -> Result<[Duration; 3]> {
        let all = Processes::now()?;
        let own = std::process::id();
        let me = all.0.get(&own).copied();
        let below = all.tree(own, Some(self.postgres));
        let children = all.cpu(below.get(1..).unwrap_or_default());
        Ok([
            ticks(me.map_or(0, |me| me.own_ticks)),
            children + ticks(me.map_or(0, |me| me.ended_ticks)),
            all.cpu(&all.tree(self.postgres, None)),
        ])
    }

    fn watch(&self) -> Result<Watch> {
        let (stop, postgres, children) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (stopped, of_postgres, of_children) = (stop.clone(), postgres.clone(), children.clone());
        let postmaster = self.postgres;
        let look = move || {
            let Ok(all) = Processes::now() else { return };
            let below = all.tree(std::process::id(), Some(postmaster));
            of_children.fetch_max(together(below.get(1..).unwrap_or_default()), Ordering::Relaxed);
            of_postgres.fetch_max(together(&all.tree(postmaster, None)), Ordering::Relaxed);
        };
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                look();
                std::thread::park_timeout(LOOK_AGAIN);
            }
            look();
        })?;
        Ok(Watch { stop, postgres, children, thread })
    }

    /// Does some work and tells what it took.
    pub fn measure<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(Cost, T)> {
        // Makes the kernel forget the peak so far; where that is not allowed, the peak is that of the
        // whole life.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let watch = self.watch()?;
        let before = self.cpu()?;
        let begun = Instant::now();
        let outcome = work();
        let time = begun.elapsed();
        let after = self.cpu()?;
        watch.stop.store(true, Ordering::Relaxed);
        watch.thread.thread().unpark();
        let _ = watch.thread.join();
        let spent = |at: usize| after[at].saturating_sub(before[at]);
        let cost = Cost {
            time,
            penstock_cpu: spent(0),
            children_cpu: spent(1),
            postgres_cpu: spent(2),
            penstock_bytes: figure(&status("self").unwrap_or_default(), "VmHWM"),
            children_bytes: watch.children.load(Ordering::Relaxed),
            postgres_bytes: watch.postgres.load(Ordering::Relaxed),
        };
        Ok((cost, outcome?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory() {
        let meter = Meter::new(1);
        // However little of the processor it gets on a busy machine: it works until it has had so much.
        let enough = Duration::from_millis(20);
        let own = || meter.cpu().unwrap()[0];
        let (cost, sum) = meter
            .measure(|| {
                let begun = own();
                let mut sum = 0_u64;
                while own() < begun + enough {
                    sum = (0..100_000).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
                }
                Ok(sum)
            })
            .unwrap();
        assert!(!cost.time.is_zero() && sum != 1);
        assert!(cost.penstock_cpu >= enough, "{cost:?}");
        assert!(cost.penstock_bytes > 1_000_000, "{cost:?}");
    }
}
