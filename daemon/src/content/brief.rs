//! What a generator is asked.

use serde::Serialize;

use crate::config::{Brand, Campaign, Config, GeneratorConfig, Pillar, PillarKind};
use crate::model::{PastPost, Timestamp, Topic};

/// The tone of a brand that names none, and says something else of its voice.
const TONE: &str = "friendly";

#[derive(Clone, Debug)]
pub struct Brief {
    pub generator: GeneratorConfig,
    pub languages: Vec<String>,
    pub time_zone: chrono_tz::Tz,
    pub now: Timestamp,
    pub hashtags: Vec<String>,
    /// Texts that were published lately, newest first.
    pub recent: Vec<String>,
    /// Drafts; 0: it is merely asked what it has.
    pub wanted: u32,
    pub slot: Option<Timestamp>,
    pub pillar: Option<PillarBrief>,
    pub campaign: Option<CampaignBrief>,
    pub voice: Option<VoiceBrief>,
    /// The accounts that the draft is for.
    pub accounts: Vec<String>,
    /// Why the draft before was rejected.
    pub feedback: Option<String>,
    /// What went out on the accounts, newest first; where the generator wants it.
    pub history: Vec<PastPost>,
    /// What the brand's other generators found, the best first.
    pub topics: Vec<Topic>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PillarBrief {
    pub name: String,
    pub promotional: bool,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignBrief {
    pub name: String,
    pub goal: String,
    pub link: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VoiceBrief {
    pub tone: String,
    pub examples: Vec<String>,
    pub taboos: Vec<String>,
    pub audience: Option<String>,
    pub call_to_action: Option<String>,
}

impl VoiceBrief {
    fn of(brand: &Brand) -> Option<Self> {
        let strategy = &brand.strategy;
        let tone = &strategy.voice.tone;
        let voice = VoiceBrief {
            tone: tone.clone().unwrap_or_else(|| TONE.to_owned()),
            examples: strategy.voice.examples.clone(),
            taboos: strategy.voice.taboos.clone(),
            audience: strategy.audience.clone(),
            call_to_action: strategy.call_to_action.clone(),
        };
        let silent = tone.is_none()
            && voice.examples.is_empty()
            && voice.taboos.is_empty()
            && voice.audience.is_none()
            && voice.call_to_action.is_none();
        (!silent).then_some(voice)
    }
}

impl From<&Pillar> for PillarBrief {
    fn from(pillar: &Pillar) -> Self {
        PillarBrief {
            name: pillar.name.clone(),
            promotional: pillar.kind == PillarKind::Promo,
            description: pillar.description.clone(),
        }
    }
}

impl From<&Campaign> for CampaignBrief {
    fn from(campaign: &Campaign) -> Self {
        CampaignBrief {
            name: campaign.name.clone(),
            goal: campaign.goal.word().to_owned(),
            link: campaign.link.as_ref().map(ToString::to_string),
        }
    }
}

impl Brief {
    /// The question what a generator has.
    pub(super) fn whatever(config: &Config, generator: &GeneratorConfig, now: Timestamp) -> Self {
        let brand = config.brands.get(&generator.brand);
        Brief {
            generator: generator.clone(),
            languages: brand.map_or_else(Vec::new, |brand| brand.languages.clone()),
            time_zone: brand.map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone),
            now,
            hashtags: brand.map_or_else(Vec::new, |brand| brand.hashtags.clone()),
            recent: Vec::new(),
            wanted: 0,
            slot: None,
            pillar: None,
            campaign: None,
            voice: brand.and_then(VoiceBrief::of),
            accounts: generator.accounts.clone(),
            feedback: None,
            history: Vec::new(),
            topics: Vec::new(),
        }
    }

    /// What is worth remembering of it, JSON: what the configuration and the store have is
    /// left out.
    pub(super) fn remembered(&self) -> String {
        serde_json::json!({
            "generator": self.generator.name,
            "asked": self.now,
            "slot": self.slot,
            "pillar": self.pillar,
            "campaign": self.campaign,
            "voice": self.voice,
            "accounts": self.accounts,
            "languages": self.languages,
            "hashtags": self.hashtags,
            "feedback": self.feedback,
            "topics": self.topics.iter().map(|topic| &topic.name).collect::<Vec<_>>(),
        })
        .to_string()
    }
}
