//! What wakes a worker besides its sockets: a timer finer than a millisecond, and other workers.
//! Invariant: an armed timer that has not fired is not armed again for the same time.

use std::{os::fd::OwnedFd, sync::Arc};

use rustix::{
    event::{EventfdFlags, epoll, eventfd},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};

use crate::{
    clock::NS_PER_S,
    error::{Context as _, Result},
};

/// What epoll calls the timer.
pub(super) const TIMER_TOKEN: u64 = u64::MAX;
/// What epoll calls the waker.
pub(super) const WAKER_TOKEN: u64 = u64::MAX - 1;

/// Wakes one worker from another thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Wakes it. A worker that is awake already notices before its next wait.
    pub fn wake(&self) {
        // The counter cannot overflow: its worker resets it at every wake-up. Nothing else can fail.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

#[derive(Debug)]
pub(super) struct Timer {
    descriptor: OwnedFd,
    waker: Waker,
    armed_ns: Option<u64>,
}

impl Timer {
    pub(super) fn new(epoll: &OwnedFd) -> Result<Timer> {
        let descriptor =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
                .context("making a timer")?;
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).context("making a waker")?;
        epoll::add(epoll, &descriptor, epoll::EventData::new_u64(TIMER_TOKEN), epoll::EventFlags::IN)
            .context("watching the timer")?;
        epoll::add(epoll, &event, epoll::EventData::new_u64(WAKER_TOKEN), epoll::EventFlags::IN)
            .context("watching the waker")?;
        Ok(Timer { descriptor, waker: Waker(Arc::new(event)), armed_ns: None })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn arm(&mut self, at_ns: u64, now_ns: u64) -> Result<()> {
        if self.armed_ns == Some(at_ns) {
            return Ok(());
        }
        let wait_ns = at_ns.saturating_sub(now_ns).max(1);
        let value = Timespec {
            tv_sec: i64::try_from(wait_ns / NS_PER_S).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(wait_ns % NS_PER_S).unwrap_or(0),
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &once).context("setting a timer")?;
        self.armed_ns = Some(at_ns);
        Ok(())
    }

    pub(super) fn fired(&mut self) {
        self.armed_ns = None;
        drain(&self.descriptor);
    }

    pub(super) fn woken(&self) {
        drain(&self.waker.0);
    }
}

/// Resets the counter of a timer or an event; an empty one has nothing to reset.
fn drain(descriptor: &OwnedFd) {
    let mut count = [0_u8; 8];
    let _ = rustix::io::read(descriptor, &mut count);
}
