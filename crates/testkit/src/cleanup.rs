//! Asynchronous work from a destructor: what a test made on an engine is removed with the value that
//! stands for it.

use std::error::Error;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};

/// Why something was not removed.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Runs `work` to its end, wherever a value is dropped: within a runtime or not. What fails is
/// logged only, since a later run removes what was left.
pub(crate) fn run<Fut>(what: &'static str, work: impl FnOnce() -> Fut + Send + 'static)
where
    Fut: Future<Output = Result<(), Failure>>,
{
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    });
    // A worker thread that waits must not keep the receivers of other tests from answering.
    let many = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    let ended = if Handle::try_current().is_ok_and(many) {
        tokio::task::block_in_place(|| thread.join())
    } else {
        thread.join()
    };
    if let Ok(Err(error)) = ended {
        tracing::warn!(what, %error, "not removed");
    }
}
