//! The files of a draft as one account's platform gets them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{self, Config};
use crate::media::{Keep, Prepared, Preparer, Recipe, Trouble};
use crate::model::{Draft, Fault, MediaItem, Problem, Severity};
use crate::plugin::manifest::Manifest;

/// What an account's files are made ready for.
#[derive(Clone)]
pub(super) struct Preparing {
    preparer: Preparer,
    recipe: Recipe,
    keep: Keep,
    plugin: String,
}

/// A draft, and what stands against its files.
pub(super) struct Ready {
    /// Files that can't go out stand in it as they were.
    pub draft: Draft,
    pub problems: Vec<Problem>,
    /// Why it can't go out at all.
    pub fault: Option<Fault>,
}

impl Preparing {
    pub(super) fn new(
        preparer: &Preparer,
        config: &watch::Receiver<Arc<Config>>,
        account: &config::Account,
        manifest: &Manifest,
    ) -> Self {
        let media = &config.borrow().media;
        Preparing {
            preparer: preparer.clone(),
            recipe: Recipe {
                image: manifest.limits.image.clone(),
                video: manifest.limits.video.clone(),
                crop: account.crop,
            },
            keep: Keep {
                most: media.cache,
                // For as long as a platform may fetch it.
                spared: media.valid,
            },
            plugin: manifest.name.clone(),
        }
    }

    /// Never fails as a whole: what is wrong with one file is told beside the others.
    pub(super) async fn ready(&self, draft: Draft) -> Ready {
        let recipe = self.recipe_for(&draft);
        let mut ready = Ready {
            draft,
            problems: Vec::new(),
            fault: None,
        };
        let draft = &mut ready.draft;
        let media = draft.media.iter_mut().enumerate();
        let mut items: Vec<(String, &mut MediaItem)> = media
            .map(|(index, item)| (format!("media[{index}]"), item))
            .collect();
        for (part, thread) in draft.thread.iter_mut().enumerate() {
            let media = thread.media.iter_mut().enumerate();
            items.extend(
                media.map(|(index, item)| (format!("thread[{part}].media[{index}]"), item)),
            );
        }
        let link = draft.link.as_mut();
        let thumbnail = link.and_then(|link| link.thumbnail.as_mut());
        items.extend(thumbnail.map(|item| ("link.thumbnail".to_owned(), item)));
        for (place, item) in items {
            let name = item.path.rsplit('/').next().unwrap_or_default().to_owned();
            match self.preparer.prepare(item, &recipe, self.keep).await {
                Ok(Prepared {
                    item: prepared,
                    problems,
                }) => {
                    *item = prepared;
                    let problems = problems.into_iter().map(|(severity, text)| Problem {
                        severity,
                        place: place.clone(),
                        message: format!("{name}: {text}"),
                    });
                    ready.problems.extend(problems);
                }
                Err(trouble) => {
                    let message = format!("{name}: {trouble}");
                    let fault = match trouble {
                        Trouble::Io(_) => Fault::Transient(message.clone()),
                        _ => Fault::Invalid(message.clone()),
                    };
                    // What passes by itself waits for what does not.
                    if !matches!(ready.fault, Some(Fault::Invalid(_))) {
                        ready.fault = Some(fault);
                    }
                    ready.problems.push(Problem {
                        severity: Severity::Error,
                        place,
                        message,
                    });
                }
            }
        }
        ready
    }

    /// An option of the post may let files be as they are.
    fn recipe_for(&self, draft: &Draft) -> Recipe {
        let options = draft.options.get(&self.plugin);
        let set = |name: &Option<String>| {
            let option = name.as_ref().zip(options);
            option.is_some_and(|(name, options)| options[name.as_str()] == true)
        };
        let mut recipe = self.recipe.clone();
        recipe.image = recipe.image.filter(|limits| !set(&limits.unless));
        recipe.video = recipe.video.filter(|limits| !set(&limits.unless));
        recipe
    }
}
