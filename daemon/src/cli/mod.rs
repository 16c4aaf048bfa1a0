//! The command line: it parses, calls and prints; no rule of the product lives here.

pub mod check;
pub mod init;
pub mod report;
pub mod schema;
