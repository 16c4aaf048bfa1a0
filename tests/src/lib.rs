//! What the end-to-end tests share: the servers that they run against.

pub mod pds;
