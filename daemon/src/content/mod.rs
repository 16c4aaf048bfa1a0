//! Briefs to drafts to posts: what generators and people give becomes posts with a
//! delivery for each account.

mod accept;
mod approval;
mod brief;
mod fill;
mod generate;
mod intake;
mod said;
mod slots;
mod told;
mod utm;
mod variant;
mod warn;

pub use accept::{AcceptError, Accepted, Due, NewPost, accept, check};
pub(crate) use accept::{accept_in, targets};
pub(crate) use approval::write_edit;
pub use approval::{Edit, Edited, Revised, check_edit, edit, is_refused};
pub use brief::{Brief, CampaignBrief, PillarBrief, VoiceBrief};
pub use fill::{Filled, fill};
pub(crate) use fill::{is_wanted, want};
pub use generate::{
    Batch, Generated, Generating, GeneratorDraft, GeneratorDue, Generators, Report, run as generate,
};
pub use said::{Said, numbered, said};
pub use slots::{SlotError, resolve_local};
pub(crate) use slots::{local_moment, slots_of};
pub use variant::{Room, variant};
pub use warn::{links, neighbours};
