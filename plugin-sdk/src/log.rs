//! The daemon's log: `log::info!("{count} items")`, with fields `log::warn!(url = url;
//! "passed over")`.

pub use crate::bindings::host::jarchi::plugin::log::Level;
pub use crate::{debug, error, info, trace, warn};

/// One line of the log.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    crate::host::log_write(level, message, fields);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($key:ident = $value:expr),+ ; $($message:tt)+) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($($message)+),
            &[$((::std::stringify!($key).to_owned(), ::std::string::ToString::to_string(&$value))),+],
        )
    };
    ($level:ident, $($message:tt)+) => {
        $crate::log::write($crate::log::Level::$level, &::std::format!($($message)+), &[])
    };
}

/// Logs what only an author wants to know.
#[macro_export]
macro_rules! trace { ($($message:tt)+) => { $crate::__log!(Trace, $($message)+) }; }
/// Logs what helps to find a fault.
#[macro_export]
macro_rules! debug { ($($message:tt)+) => { $crate::__log!(Debug, $($message)+) }; }
/// Logs what an operator may want to know.
#[macro_export]
macro_rules! info { ($($message:tt)+) => { $crate::__log!(Info, $($message)+) }; }
/// Logs what an operator should look at.
#[macro_export]
macro_rules! warn { ($($message:tt)+) => { $crate::__log!(Warn, $($message)+) }; }
/// Logs what went wrong.
#[macro_export]
macro_rules! error { ($($message:tt)+) => { $crate::__log!(Error, $($message)+) }; }
