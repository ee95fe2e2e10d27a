//! What happens when this process can no longer keep its promises: said once, told once, never undone.
//! Does not exit by itself: whoever composed the process does.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

/// Called once with the reason, from any thread; must not block.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// The one place failures are reported to.
#[derive(Default)]
pub(crate) struct FailureHook {
    has_failed: AtomicBool,
    reason: OnceLock<String>,
    hook: OnceLock<OnFailure>,
    was_told: AtomicBool,
}

impl FailureHook {
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    pub(crate) fn fail(&self, reason: &str) {
        tracing::error!(reason, "the backend has failed: nothing is accepted any more");
        let _ = self.reason.set(reason.to_owned());
        self.has_failed.store(true, Ordering::SeqCst);
        self.tell();
    }

    /// Sets who is told; at once when it has failed already.
    pub(crate) fn set(&self, hook: OnFailure) {
        let _ = self.hook.set(hook);
        self.tell();
    }

    fn tell(&self) {
        if let (Some(hook), Some(reason)) = (self.hook.get(), self.reason.get())
            && !self.was_told.swap(true, Ordering::SeqCst)
        {
            hook(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicU32};

    use super::*;

    #[test]
    fn a_failure_is_told_once_whether_the_hook_came_before_or_after() {
        let told = Arc::new(AtomicU32::new(0));
        let failure = FailureHook::default();
        failure.fail("first");
        let counter = Arc::clone(&told);
        failure.set(Box::new(move |reason| {
            assert_eq!(reason, "first");
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        failure.fail("second");
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }
}
