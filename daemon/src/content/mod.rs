//! Briefs to drafts to posts: what generators and people give becomes posts with a
//! delivery for each account.

mod accept;
mod generate;
mod media;
mod slots;

pub use accept::{Accepted, AcceptError, Due, NewPost, accept, check, variant};
pub use generate::{
    Batch, Brief, Generated, GeneratorDraft, GeneratorDue, Generators, Generating, Report, run as generate,
};
pub use media::{MediaError, digest_of, describe};
pub use slots::{SlotError, resolve_local};
