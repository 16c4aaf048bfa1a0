//! What plugins may use.

use crate::model::TimeSpan;

/// What one call of a plugin may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes: linear memories, tables, and what the host holds for the call.
    pub memory: u64,
    /// Time of running guest code.
    pub cpu: TimeSpan,
    /// From the call to its answer, waiting included.
    pub wall: TimeSpan,
    pub http_calls: u32,
    /// Bytes of one HTTP answer.
    pub response: u64,
    /// Bytes of log.
    pub log: u64,
    /// Bytes of kv, keys and values, of one account.
    pub kv: u64,
    /// Bytes that one call of the guest may hand over to the host.
    pub output: u64,
    /// Bytes of the files that one call may make.
    pub media: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 32 << 20,
            cpu: TimeSpan(500),
            wall: TimeSpan::from_mins(2),
            http_calls: 40,
            response: 4 << 20,
            log: 64 << 10,
            kv: 1 << 20,
            output: 8 << 20,
            media: 64 << 20,
        }
    }
}
