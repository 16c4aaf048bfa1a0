//! What happens at the door of every call.

/// A panic ends the call with a trap, which names the place but not the words: they go
/// into the log first.
pub(crate) fn enter() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|panic| {
                crate::log::write(crate::log::Level::Error, &panic.to_string(), &[]);
            }));
        });
    }
}
