//! The scheduler: one task for each selected case, places before slots before the clock; fail-fast and
//! interruption; events to their consumers in the order in which they happened.

use std::collections::{BTreeSet, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::runtime::Runtime;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::secrets::learn_secrets;
use super::slots::{Slot, Slots};
use super::{Config, Consumer, Finished, Interrupt, case};
use crate::auth::Redactor;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{CaseEnded, Event, Happening, Kind, Place, RunEnded, RunStarted, Verdict};
use crate::plan::{Case, Plan, Scenario};
use crate::servers::Servers;
use crate::source::Site;

/// How many events may wait for their consumers before the run waits for them.
const WAITING_EVENTS: usize = 1024;

/// How long the runtime's own threads may take to end.
const RUNTIME_END: Duration = Duration::from_millis(500);

/// A run of selected cases.
pub struct Run {
    shared: Arc<Shared>,
    selected: Vec<usize>,
    known: HashSet<usize>,
    filtered_out: usize,
    begun: OnceLock<Begun>,
    consumers: Mutex<Vec<Box<dyn Consumer>>>,
}

/// What a run has once it is started.
struct Begun {
    runtime: Mutex<Option<Runtime>>,
    tasks: TaskTracker,
    reporter: Mutex<Option<std::thread::JoinHandle<Vec<String>>>>,
}

/// What every case of a run shares.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) config: Config,
    pub(super) servers: Servers,
    pub(super) outputs: super::implied::Outputs,
    /// Cancelled by an interruption: what runs is to end.
    pub(super) interrupted: CancellationToken,
    /// Cancelled by an interruption or fail-fast: nothing new is to start.
    stopped: CancellationToken,
    why: OnceLock<String>,
    slots: Arc<Slots>,
    board: Board,
    counts: Counts,
    /// What cases could not use.
    pub(super) unusable: Mutex<BTreeSet<super::diagnose::Pair>>,
    events: Arc<Events>,
}

#[derive(Default)]
struct Counts {
    passed: AtomicUsize,
    failed: AtomicUsize,
    ignored: AtomicUsize,
    not_run: AtomicUsize,
}

/// The way of events to their consumers.
pub(super) struct Events {
    redactor: Redactor,
    started: Instant,
    sender: Mutex<Option<mpsc::SyncSender<Event>>>,
    /// Whether anybody reads them: without a consumer, exchanges are not copied into events.
    read: AtomicBool,
}

impl Events {
    pub(super) fn read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn send(&self, kind: Kind) -> Event {
        let event = self.redactor.seal(Happening { at: self.started.elapsed(), kind });
        if self.read() {
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(sender) = sender {
                // The reporter only goes away after the last event.
                let _ = sender.send(event.clone());
            }
        }
        event
    }
}

impl Run {
    /// A run of the cases at `selected` (indexes into the plan's cases), in that order. Nothing is started.
    ///
    /// # Errors
    /// Where a secret is too short to be masked, or stands in a name that will be shown.
    pub fn new(
        plan: Arc<Plan>,
        selected: Vec<usize>,
        filtered_out: usize,
        config: Config,
        consumers: Vec<Box<dyn Consumer>>,
    ) -> Result<Arc<Self>, Vec<Diagnostic>> {
        let problems = learn_secrets(&plan, &selected, &config.environment, &config.redactor);
        if !problems.is_empty() {
            return Err(problems);
        }
        let events = Arc::new(Events {
            redactor: config.redactor.clone(),
            started: Instant::now(),
            sender: Mutex::new(None),
            read: AtomicBool::new(!consumers.is_empty()),
        });
        let listed = {
            let events = Arc::clone(&events);
            move |server: &str, identity: &str, exchange: &crate::exchange::Exchange| {
                if events.read() {
                    events.send(Kind::ToolsListed(crate::event::ToolsListed {
                        server: server.to_owned(),
                        identity: identity.to_owned(),
                        exchange: exchange.document().clone(),
                    }));
                }
            }
        };
        let servers =
            Servers::new(&plan.suite, config.environment.clone(), config.redactor.clone(), Arc::new(listed));
        let interrupted = CancellationToken::new();
        let shared = Arc::new(Shared {
            slots: Slots::new(config.threads),
            stopped: interrupted.child_token(),
            interrupted,
            why: OnceLock::new(),
            board: Board::default(),
            counts: Counts::default(),
            unusable: Mutex::default(),
            outputs: super::implied::Outputs::default(),
            plan,
            config,
            servers,
            events,
        });
        Ok(Arc::new(Self {
            shared,
            known: selected.iter().copied().collect(),
            selected,
            filtered_out,
            begun: OnceLock::new(),
            consumers: Mutex::new(consumers),
        }))
    }

    /// Waits until a case is over and returns its event, a [`Kind::CaseEnded`]. The first call starts the run.
    /// `index` is that of the plan's cases; one that was not selected has no event.
    #[must_use]
    pub fn wait(&self, index: usize) -> Option<Arc<Event>> {
        self.begun.get_or_init(|| self.begin());
        self.known.contains(&index).then(|| self.shared.board.take(index))
    }

    /// Ends the run early: running cases fail as interrupted and clean up (at most 8 s), those not started are
    /// not run.
    pub fn interrupt(&self, why: Interrupt) {
        let _ = self.shared.why.set(why.as_str().to_owned());
        self.shared.interrupted.cancel();
    }

    /// Whether [`Self::interrupt`] was called.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.shared.interrupted.is_cancelled()
    }

    /// Waits until everything is over, sessions closed and reports written. None where it was never started.
    #[must_use]
    pub fn finish(&self) -> Option<Finished> {
        let begun = self.begun.get()?;
        let runtime = begun.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        begun.tasks.close();
        runtime.block_on(begun.tasks.wait());
        let diagnoses = match self.interrupted() {
            true => Vec::new(),
            false => runtime.block_on(self.shared.diagnose()),
        };
        let counts = &self.shared.counts;
        let ended = self.shared.events.send(Kind::RunEnded(RunEnded {
            passed: counts.passed.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            ignored: counts.ignored.load(Ordering::Relaxed),
            not_run: counts.not_run.load(Ordering::Relaxed),
            interrupted: self.interrupted(),
        }));
        runtime.shutdown_timeout(RUNTIME_END);
        self.shared.events.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reporter = begun.reporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        let problems = reporter.and_then(|thread| thread.join().ok()).unwrap_or_default();
        Some(Finished { ended, diagnoses, problems })
    }

    fn begin(&self) -> Begun {
        let reporter = self.start_reporter();
        let tasks = TaskTracker::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        self.shared.events.send(Kind::RunStarted(RunStarted {
            run_id: self.shared.config.run_id.clone(),
            seed: self.shared.config.seed,
            selected: self.selected.len(),
            filtered_out: self.filtered_out,
        }));
        match &runtime {
            Ok(runtime) => {
                let shared = &self.shared;
                if shared.config.threads <= 1 {
                    // One at a time is in order; tasks would race for the slot.
                    let (shared, selected) = (Arc::clone(shared), self.selected.clone());
                    let all = async move {
                        for index in selected {
                            Arc::clone(&shared).turn(index).await;
                        }
                    };
                    tasks.spawn_on(all, runtime.handle());
                } else {
                    for index in self.selected.iter().copied() {
                        tasks.spawn_on(Arc::clone(shared).turn(index), runtime.handle());
                    }
                }
            }
            Err(error) => {
                let reason = format!("no threads could be started: {error}");
                self.selected.iter().for_each(|index| self.shared.not_run(*index, &reason));
            }
        }
        Begun { runtime: Mutex::new(runtime.ok()), tasks, reporter: Mutex::new(reporter) }
    }

    /// Consumers get a thread of their own: a slow disk is not billed to a case.
    fn start_reporter(&self) -> Option<std::thread::JoinHandle<Vec<String>>> {
        let consumers = std::mem::take(&mut *self.consumers.lock().unwrap_or_else(PoisonError::into_inner));
        if consumers.is_empty() {
            return None;
        }
        let (sender, receiver) = mpsc::sync_channel(WAITING_EVENTS);
        *self.shared.events.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        std::thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || report(consumers, &receiver))
            .ok()
    }
}

/// Hands every event to every consumer. One that failed gets no more; its error is returned.
fn report(mut consumers: Vec<Box<dyn Consumer>>, events: &mpsc::Receiver<Event>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut tell = |consumer: &dyn Consumer, error: &std::io::Error| {
        problems.push(format!("{} could not be written: {error}", consumer.name()));
    };
    for event in events {
        consumers.retain_mut(|consumer| match consumer.event(&event) {
            Ok(()) => true,
            Err(error) => {
                tell(consumer.as_ref(), &error);
                false
            }
        });
    }
    for mut consumer in consumers {
        if let Err(error) = consumer.finish() {
            tell(consumer.as_ref(), &error);
        }
    }
    problems
}

impl Shared {
    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// Why the run ends early.
    pub(super) fn why(&self) -> &str {
        self.why.get().map_or("the run was stopped", String::as_str)
    }

    /// One case from its place in the queue to its end.
    async fn turn(self: Arc<Self>, index: usize) {
        let plan = Arc::clone(&self.plan);
        let Some((case, scenario)) =
            plan.cases.get(index).and_then(|case| Some((case, Arc::clone(plan.scenario(case)?))))
        else {
            return;
        };
        if let Some(reason) = scenario.skip.as_ref().filter(|_| !self.config.run_skipped) {
            self.end(index, unrun(case, &scenario, Verdict::Ignored(reason.clone())));
            return;
        }
        let places = tokio::select! {
            biased;
            () = self.stopped.cancelled() => None,
            places = self.places(case, &scenario) => Some(places),
        };
        let Some(_places) = places.filter(|_| !self.stopped.is_cancelled()) else {
            self.not_run(index, self.why());
            return;
        };
        self.events.send(Kind::CaseStarted { case: Arc::clone(&case.name) });
        // A case that waits for its turn is small: what it needs to run is made only now.
        let running = AssertUnwindSafe(Box::pin(case::run(&self, case, &scenario))).catch_unwind();
        let ended = running.await.unwrap_or_else(|_| panicked(case, &scenario));
        if ended.verdict == Verdict::Failed && self.config.fail_fast {
            let _ = self.why.set(format!("`{}` failed, and --fail-fast is set", case.name));
            self.stopped.cancel();
        }
        self.end(index, ended);
    }

    /// Places on every server that the case names, then a slot. All cases take them in the order of the servers'
    /// names, so that no two can wait for each other.
    async fn places(&self, case: &Case, scenario: &Scenario) -> (Vec<OwnedSemaphorePermit>, Slot) {
        let limits: Vec<_> = {
            // A row that cannot be read fails its case once that runs. It is not kept: all cases wait here.
            let row = scenario.rows.as_ref().zip(case.row).and_then(|(rows, index)| rows.value(index).ok());
            let names = scenario.servers(row.as_ref());
            names.into_iter().filter_map(|name| self.servers.get(&name)?.places.clone()).collect()
        };
        let mut held = Vec::new();
        for semaphore in limits {
            // The semaphores are never closed.
            held.extend(semaphore.acquire_owned().await.ok());
        }
        let slot = self.slots.take(!held.is_empty()).await;
        (held, slot)
    }

    fn not_run(&self, index: usize, reason: &str) {
        let Some(case) = self.plan.cases.get(index) else { return };
        let Some(scenario) = self.plan.scenario(case) else { return };
        self.end(index, unrun(case, scenario, Verdict::NotRun(format!("not run: {reason}"))));
    }

    fn end(&self, index: usize, mut ended: CaseEnded) {
        let count = match ended.verdict {
            Verdict::Passed => &self.counts.passed,
            Verdict::Failed => &self.counts.failed,
            Verdict::Ignored(_) | Verdict::Unmet(_) | Verdict::KnownBug(_) => &self.counts.ignored,
            Verdict::NotRun(_) => &self.counts.not_run,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.remember(&ended);
        ended.rerun = format!("{} {}", self.config.rerun, ended.case);
        let event = self.events.send(Kind::CaseEnded(ended));
        self.board.put(index, Arc::new(event));
    }
}

fn unrun(case: &Case, scenario: &Scenario, verdict: Verdict) -> CaseEnded {
    CaseEnded {
        case: Arc::clone(&case.name),
        title: scenario.title.clone(),
        place: place(&scenario.site),
        verdict,
        duration: Duration::ZERO,
        findings: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        rerun: String::new(),
    }
}

/// The end of a case that hit a bug: without one its trial would wait for ever.
fn panicked(case: &Case, scenario: &Scenario) -> CaseEnded {
    let problem =
        Diagnostic::error(Code::Interrupted, scenario.site.clone(), "the runner panicked in this case")
            .help("this is a bug of callsheet: please report it");
    CaseEnded { problems: vec![problem], ..unrun(case, scenario, Verdict::Failed) }
}

pub(super) fn place(site: &Site) -> Place {
    Place { path: site.file.path().to_owned(), position: site.position() }
}
