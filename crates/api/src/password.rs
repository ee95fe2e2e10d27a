//! Passwords: Argon2id, hashed and verified on blocking threads, a few at a time.
//! Invariant: memory and waiting are bounded, and a login for a name nobody has costs what every login costs (D6, D7).

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use chat::ports::Randomness;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::limits::{PASSWORD_HASHES_AT_ONCE, PASSWORD_HASHES_WAITING};

/// How passwords are hashed. The default is OWASP's recommendation for Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordOptions {
    /// Memory of one hash, KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes at the same time; memory in use is this times `memory_kib`.
    pub at_once: usize,
    /// Hashes that may wait for their turn.
    pub waiting_max: usize,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            at_once: PASSWORD_HASHES_AT_ONCE,
            waiting_max: PASSWORD_HASHES_WAITING,
        }
    }
}

/// Why a password could not be hashed or verified.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Too many are waiting already. Retryable.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The parameters are outside what Argon2 allows, or a stored hash cannot be read. Not retryable.
    #[error("argon2: {0}")]
    Broken(String),
}

/// What a login attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password. `rehashed` is a hash with the parameters of now when the stored one had others.
    Right {
        /// To be stored instead.
        rehashed: Option<String>,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// Hashes and verifies. Cheap to clone; clones share their bounds.
#[derive(Clone)]
pub struct Passwords {
    shared: Arc<Shared>,
}

struct Shared {
    params: Params,
    permits: Arc<Semaphore>,
    /// Hashing and waiting together.
    pending: AtomicUsize,
    pending_max: usize,
    /// Verified against when there is no account.
    decoy: OnceLock<String>,
    computed: AtomicU64,
}

/// Counts one caller for as long as it waits or hashes, also when its request is given up.
struct Pending(Arc<Shared>);

impl Passwords {
    /// # Errors
    /// `Broken` when Argon2 does not allow these parameters.
    pub fn new(options: PasswordOptions) -> Result<Passwords, PasswordError> {
        let params = Params::new(options.memory_kib, options.passes, options.lanes, None).map_err(broken)?;
        let at_once = options.at_once.max(1);
        Ok(Passwords {
            shared: Arc::new(Shared {
                params,
                permits: Arc::new(Semaphore::new(at_once)),
                pending: AtomicUsize::new(0),
                pending_max: at_once.saturating_add(options.waiting_max),
                decoy: OnceLock::new(),
                computed: AtomicU64::new(0),
            }),
        })
    }

    /// Hashes computed so far, verifications included: for metrics.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.shared.computed.load(Ordering::Relaxed)
    }

    /// A PHC string of a new password.
    ///
    /// # Errors
    /// `Busy` when too many are waiting.
    pub async fn hash(&self, password: &str, randomness: &dyn Randomness) -> Result<String, PasswordError> {
        let (password, salt) = (password.to_owned(), new_salt(randomness)?);
        self.run(move |shared| shared.hash(&password, &salt)).await
    }

    /// Whether `password` is the one behind `stored`, a PHC string; `None` means that there is no account, which
    /// takes as long and is always wrong.
    ///
    /// # Errors
    /// `Busy` when too many are waiting, `Broken` when `stored` cannot be read.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
        randomness: &dyn Randomness,
    ) -> Result<Verdict, PasswordError> {
        let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
        let salt = new_salt(randomness)?;
        self.run(move |shared| shared.verify(&password, stored.as_deref(), &salt)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let pending = Pending::new(&self.shared)?;
        let permit = self.shared.permits.clone().acquire_owned().await.map_err(broken)?;
        // The permit goes along: a client that hangs up does not make room before the memory is free again.
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&pending.0);
            drop(permit);
            result
        });
        task.await.map_err(broken)?
    }
}

impl Shared {
    fn argon2(&self) -> Argon2<'_> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    fn hash(&self, password: &str, salt: &SaltString) -> Result<String, PasswordError> {
        Ok(self.argon2().hash_password(password.as_bytes(), salt).map_err(broken)?.to_string())
    }

    fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
        salt: &SaltString,
    ) -> Result<Verdict, PasswordError> {
        let decoy = self.decoy(salt)?;
        let text = stored.unwrap_or(decoy);
        let hash = PasswordHash::new(text).map_err(broken)?;
        let matches = self.argon2().verify_password(password.as_bytes(), &hash).is_ok();
        if !matches || stored.is_none() {
            return Ok(Verdict::Wrong);
        }
        let current = self.is_current(&hash);
        let rehashed = if current { None } else { Some(self.hash(password, salt)?) };
        Ok(Verdict::Right { rehashed })
    }

    /// Made at the first login of any kind, so that it never tells a known name from an unknown one.
    fn decoy(&self, salt: &SaltString) -> Result<&str, PasswordError> {
        if let Some(decoy) = self.decoy.get() {
            return Ok(decoy);
        }
        let decoy = self.hash("no account has this password", salt)?;
        Ok(self.decoy.get_or_init(|| decoy))
    }

    fn is_current(&self, hash: &PasswordHash<'_>) -> bool {
        let same_kind = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(0x13);
        let params = Params::try_from(hash).ok();
        same_kind
            && params.is_some_and(|params| {
                (params.m_cost(), params.t_cost(), params.p_cost())
                    == (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
            })
    }
}

impl Pending {
    fn new(shared: &Arc<Shared>) -> Result<Pending, PasswordError> {
        let pending = Pending(shared.clone());
        let before = shared.pending.fetch_add(1, Ordering::Relaxed);
        if before >= shared.pending_max { Err(PasswordError::Busy) } else { Ok(pending) }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

fn new_salt(randomness: &dyn Randomness) -> Result<SaltString, PasswordError> {
    let mut bytes = [0_u8; 16];
    randomness.fill(&mut bytes);
    SaltString::encode_b64(&bytes).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(AtomicUsize);
    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            bytes.fill(u8::try_from(n % 251).unwrap());
        }
    }

    fn randomness() -> Counting {
        Counting(AtomicUsize::new(0))
    }

    fn passwords(memory_kib: u32) -> Passwords {
        Passwords::new(PasswordOptions { memory_kib, passes: 1, lanes: 1, at_once: 1, waiting_max: 1 })
            .unwrap()
    }

    #[tokio::test]
    async fn a_password_verifies_and_only_it_does() {
        let (passwords, randomness) = (passwords(64), randomness());
        let hash = passwords.hash("correct horse", &randomness).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        let verdict = passwords.verify("correct horse", Some(&hash), &randomness).await.unwrap();
        assert_eq!(verdict, Verdict::Right { rehashed: None });
        let verdict = passwords.verify("correct house", Some(&hash), &randomness).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong);
        let verdict = passwords.verify("no account has this password", None, &randomness).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong, "the decoy is no account");
    }

    #[tokio::test]
    async fn changed_parameters_rehash_at_the_next_login() {
        let randomness = randomness();
        let old = passwords(64).hash("correct horse", &randomness).await.unwrap();
        let now = passwords(128);
        let verdict = now.verify("correct horse", Some(&old), &randomness).await.unwrap();
        let Verdict::Right { rehashed: Some(new) } = verdict else { panic!("{verdict:?}") };
        assert!(new.starts_with("$argon2id$v=19$m=128,"), "{new}");
        let verdict = now.verify("correct horse", Some(&new), &randomness).await.unwrap();
        assert_eq!(verdict, Verdict::Right { rehashed: None });
    }

    #[tokio::test]
    async fn d6_too_many_waiting_are_refused_and_a_given_up_request_frees_its_place() {
        let (passwords, randomness) = (passwords(64), randomness());
        let permit = passwords.shared.permits.clone().acquire_owned().await.unwrap();
        let mut one = Box::pin(passwords.hash("a", &randomness));
        let mut two = Box::pin(passwords.hash("b", &randomness));
        assert!(futures_poll(one.as_mut()).await.is_none());
        assert!(futures_poll(two.as_mut()).await.is_none());
        assert!(matches!(passwords.hash("c", &randomness).await, Err(PasswordError::Busy)));
        drop(one);
        drop(permit);
        assert!(two.await.is_ok());
        assert_eq!(passwords.shared.pending.load(Ordering::Relaxed), 0);
    }

    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
