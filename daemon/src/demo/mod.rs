//! `jarchi demo`: a brand, a server to publish to, and the daemon between them.

pub mod standin;
