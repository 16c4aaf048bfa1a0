//! Briefs to drafts to posts: what generators and people give becomes posts with a
//! delivery for each account.

mod accept;
mod generate;
mod slots;
mod warn;

pub use accept::{AcceptError, Accepted, Due, NewPost, accept, check};
pub(crate) use accept::{accept_in, targets};
pub use generate::{
    Batch, Brief, Generated, Generating, GeneratorDraft, GeneratorDue, Generators, Report,
    run as generate,
};
pub use slots::{SlotError, resolve_local};
pub use warn::{links, neighbours};
