//! Jobs that take a few polls: they get on by being read, not by time, so that a test of waiting is the same
//! on every machine.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::numbered::Numbered;

/// The jobs of a sandbox.
#[derive(Debug)]
pub(super) struct Jobs(Mutex<Numbered<Job>>);

/// What a job is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// That many reads it waits for a machine.
    pending: u64,
    /// That many reads after these it runs.
    running: u64,
    end: End,
    reads: u64,
    /// Whether it was ended from outside.
    finished: bool,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Successful,
    Faulted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Ended(End),
}

/// What became of the wish to end a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Done,
    EndedBefore,
    NoSuchJob,
}

impl Default for Jobs {
    fn default() -> Self {
        Self(Mutex::new(Numbered::new("JOB")))
    }
}

impl Jobs {
    /// Starts one and gives its id.
    pub(super) fn start(&self, pending: u64, running: u64, end: End) -> String {
        self.all().add(Job { pending, running, end, reads: 0, finished: false })
    }

    /// Reads a job, which gets on by it, and tells whether its state changed.
    pub(super) fn read(&self, id: &str) -> Option<(Value, bool)> {
        let mut jobs = self.all();
        let job = jobs.get_mut(id)?;
        let before = job.state();
        job.reads = job.reads.saturating_add(1);
        Some((job.describe(id), job.state() != before))
    }

    /// Ends a job that did not end by itself.
    pub(super) fn finish(&self, id: &str, end: End) -> Finish {
        let mut jobs = self.all();
        match jobs.get_mut(id) {
            None => Finish::NoSuchJob,
            Some(job) if matches!(job.state(), State::Ended(_)) => Finish::EndedBefore,
            Some(job) => {
                (job.finished, job.end) = (true, end);
                Finish::Done
            }
        }
    }

    /// The ids of the jobs that are kept.
    pub(super) fn ids(&self) -> Vec<String> {
        self.all().iter().map(|(id, _)| id).collect()
    }

    fn all(&self) -> MutexGuard<'_, Numbered<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    /// The end of a name, `Successful` where it is not `Faulted`: the schemas let no other pass.
    pub(super) fn named(name: &str) -> Self {
        if name == "Faulted" { Self::Faulted } else { Self::Successful }
    }
}

impl Job {
    fn state(&self) -> State {
        match self.reads {
            _ if self.finished => State::Ended(self.end),
            // Before it is read the first time it has no machine yet, however short it waits.
            reads if reads == 0 || reads <= self.pending => State::Pending,
            reads if reads <= self.pending.saturating_add(self.running) => State::Running,
            _ => State::Ended(self.end),
        }
    }

    fn describe(&self, id: &str) -> Value {
        let described = |state: &str| json!({"id": id, "state": state, "reads": self.reads});
        let with = |state: &str, key: &str, value: Value| {
            let mut job = described(state);
            if let Some(members) = job.as_object_mut() {
                members.insert(key.to_owned(), value);
            }
            job
        };
        match self.state() {
            State::Pending => described("Pending"),
            State::Running => described("Running"),
            State::Ended(End::Successful) => {
                with("Successful", "outputs", json!({"out_Status": "Successful"}))
            }
            State::Ended(End::Faulted) => {
                with("Faulted", "error", fault("Orders.JobFaulted", "The job faulted."))
            }
        }
    }
}

/// The error of a job that faulted, as Orchestrator describes it.
pub(super) fn fault(code: &str, detail: &str) -> Value {
    json!({
        "Code": code,
        "Title": "The process faulted",
        "Detail": detail,
        "Category": "User",
        "Status": "Faulted",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(jobs: &Jobs, id: &str, reads: usize) -> Vec<(String, bool)> {
        let read =
            |_| jobs.read(id).map(|(job, changed)| (job["state"].as_str().unwrap().to_owned(), changed));
        (0..reads).map(|read_number| read(read_number).unwrap()).collect()
    }

    #[test]
    fn a_job_gets_on_by_being_read() {
        let jobs = Jobs::default();
        let id = jobs.start(1, 2, End::Faulted);
        let expected = [
            ("Pending", false),
            ("Running", true),
            ("Running", false),
            ("Faulted", true),
            ("Faulted", false),
        ];
        assert_eq!(states(&jobs, &id, 5), expected.map(|(state, changed)| (state.to_owned(), changed)));
        let at_once = jobs.start(0, 0, End::Successful);
        assert_eq!(states(&jobs, &at_once, 1), [("Successful".to_owned(), true)]);
        assert_eq!(jobs.read("JOB-1"), None);
    }

    #[test]
    fn a_job_is_ended_once() {
        let jobs = Jobs::default();
        let id = jobs.start(0, 10, End::Successful);
        assert_eq!(states(&jobs, &id, 1), [("Running".to_owned(), true)]);
        assert_eq!(jobs.finish(&id, End::Faulted), Finish::Done);
        assert_eq!(states(&jobs, &id, 1), [("Faulted".to_owned(), false)]);
        assert_eq!(jobs.finish(&id, End::Successful), Finish::EndedBefore);
        assert_eq!(jobs.finish("JOB-7", End::Successful), Finish::NoSuchJob);
    }
}
