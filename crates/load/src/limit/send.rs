//! The limit of fan-out: one thread that writes a ready frame to many loopback sockets, another that reads and counts.
//! No queue, no lock, no protocol: what is left is the kernel.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::{
    error::{Context as _, LoadError, Result},
    limits::{READ_BYTES, READY_EVENTS},
    measure::thread_cpu_ns,
    report::{Figure, Limit},
};

/// Bytes of one frame: an event with a body of 100 bytes.
const FRAME_BYTES: usize = 480;
/// Frames that leave in one write at most.
const BURSTS: [usize; 2] = [1, 32];

/// Runs it with `sockets` receivers, `window` for each number of frames in a write.
///
/// # Errors
/// When there are no more files.
pub fn run(sockets: usize, window: Duration) -> Result<Limit> {
    let mut limit = Limit {
        name: "send".into(),
        what: format!(
            "one thread: write a ready frame of {FRAME_BYTES} bytes to each of {sockets} loopback sockets, wait until all are read, repeat"
        ),
        figures: Vec::new(),
    };
    for burst in BURSTS {
        let (per_second, cpu_s) = measure(sockets, burst, window)?;
        let mut figure = |name: String, value: f64, unit: &str| {
            limit.figures.push(Figure { name, value, unit: unit.into() });
        };
        figure(format!("{burst} per write: deliveries per second"), per_second, "1/s");
        figure(format!("{burst} per write: sender CPU per million deliveries"), cpu_s, "CPU-s");
    }
    Ok(limit)
}

struct Receivers {
    epoll: OwnedFd,
    streams: Vec<TcpStream>,
    /// Wakes the sender when everything sent so far was read.
    done: OwnedFd,
    sent_bytes: AtomicU64,
    stop: AtomicBool,
}

fn measure(sockets: usize, burst: usize, window: Duration) -> Result<(f64, f64)> {
    let (mut senders, receivers) = connect(sockets)?;
    let frames = vec![0x20_u8; FRAME_BYTES * burst];
    thread::scope(|scope| {
        let reader = scope.spawn(|| receivers.run());
        let sent = send(&mut senders, &receivers, &frames, window);
        receivers.stop.store(true, Relaxed);
        // Closing the senders wakes the reader for the last time.
        drop(senders);
        reader.join().unwrap_or_else(|_| Err(LoadError::Protocol("the reader panicked".into())))?;
        let (rounds, elapsed, cpu_ns) = sent?;
        let deliveries = (rounds * burst * sockets) as f64;
        Ok((deliveries / elapsed.as_secs_f64(), cpu_ns as f64 / 1e9 / (deliveries / 1e6)))
    })
}

fn connect(sockets: usize) -> Result<(Vec<TcpStream>, Receivers)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
    let address = listener.local_addr().context("listening")?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("making an epoll")?;
    let (mut senders, mut streams) = (Vec::new(), Vec::new());
    for number in 0..sockets {
        let stream = TcpStream::connect(address).context("connecting")?;
        stream.set_nonblocking(true).context("connecting")?;
        epoll::add(&epoll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)
            .context("watching a socket")?;
        let (sender, _) = listener.accept().context("accepting")?;
        sender.set_nodelay(true).context("accepting")?;
        streams.push(stream);
        senders.push(sender);
    }
    let done = eventfd(0, EventfdFlags::CLOEXEC).context("making an eventfd")?;
    Ok((
        senders,
        Receivers { epoll, streams, done, sent_bytes: AtomicU64::new(0), stop: AtomicBool::new(false) },
    ))
}

fn send(
    senders: &mut [TcpStream],
    receivers: &Receivers,
    frames: &[u8],
    window: Duration,
) -> Result<(usize, Duration, u64)> {
    let round_bytes = (senders.len() * frames.len()) as u64;
    let cpu_before = thread_cpu_ns().unwrap_or(0);
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < window {
        receivers.sent_bytes.fetch_add(round_bytes, Relaxed);
        for sender in senders.iter_mut() {
            sender.write_all(frames).context("sending")?;
        }
        let mut count = [0_u8; 8];
        rustix::io::read(&receivers.done, &mut count).context("waiting for the receivers")?;
        rounds += 1;
    }
    Ok((rounds, began.elapsed(), thread_cpu_ns().unwrap_or(0).saturating_sub(cpu_before)))
}

impl Receivers {
    fn run(&self) -> Result<()> {
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(READY_EVENTS);
        let mut buffer = vec![0_u8; READ_BYTES];
        let mut received = 0_u64;
        while !self.stop.load(Relaxed) {
            ready.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), None)
                .context("waiting for sockets")?;
            for event in &ready {
                let stream =
                    usize::try_from(event.data.u64()).ok().and_then(|number| self.streams.get(number));
                if let Some(Ok(length)) = stream.map(|mut stream| stream.read(&mut buffer)) {
                    received += length as u64;
                }
            }
            // The sender adds a whole round before it sends: the sums are equal only when the round is through.
            if received > 0 && received == self.sent_bytes.load(Relaxed) {
                received = 0;
                self.sent_bytes.store(0, Relaxed);
                rustix::io::write(&self.done, &1_u64.to_ne_bytes()).context("waking the sender")?;
            }
        }
        Ok(())
    }
}
