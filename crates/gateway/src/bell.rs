//! Wakes one task of the same thread, however often it is rung before the task runs.
//! Invariant: a ring between two waits is never lost.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Poll, Waker},
};

/// A bell that one task waits for.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Bell {
    /// Lets the waiting task, or the next wait, go on.
    pub(crate) fn ring(&self) {
        if !self.rung.replace(true)
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
    }

    /// Returns at the next ring, or at once after one that nobody has waited for.
    pub(crate) async fn rung(&self) {
        poll_fn(|cx| {
            if self.rung.take() {
                return Poll::Ready(());
            }
            *self.waiting.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
