//! What can be read.

use serde_json::{Value, json};

use super::{Comment, Instagram, Media, NAME, PAGE, USER, missing, no, written};
use crate::{Answer, Request};

impl Instagram {
    pub(super) fn find(&self, id: &str) -> Option<&Media> {
        self.media
            .iter()
            .find(|media| media.id == id && !media.deleted)
    }

    fn told(media: &Media) -> Value {
        let mut told = json!({
            "id": media.id,
            "permalink": format!("https://www.instagram.com/p/{}/", media.id),
            "timestamp": written(media.at),
            "media_product_type": media.product,
            "like_count": 12,
            "comments_count": media.comments.len(),
        });
        if let Some(caption) = media.body.get("caption") {
            told["caption"] = caption.clone();
        }
        told
    }

    pub(super) fn one(&self, id: &str) -> Answer {
        self.find(id)
            .map_or_else(missing, |media| Answer::json(200, &Self::told(media)))
    }

    pub(super) fn list(&self, stories: bool) -> Answer {
        let fits = |media: &&Media| (media.product == "STORY") == stories && !media.deleted;
        let data: Vec<Value> = self.media.iter().filter(fits).map(Self::told).collect();
        Answer::json(200, &json!({ "data": data }))
    }

    pub(super) fn accounts() -> Answer {
        Answer::json(
            200,
            &json!({ "data": [
                { "id": PAGE, "name": "Tea House",
                  "instagram_business_account": { "id": USER, "username": NAME } },
                { "id": "103", "name": "Another" },
            ] }),
        )
    }

    pub(super) fn profile(&self) -> Answer {
        let mut told = json!({
            "id": USER, "username": NAME, "followers_count": 321, "follows_count": 7,
            "media_count": self.media.len(),
        });
        if !self.facebook {
            told["account_type"] = json!(self.account_type);
        }
        Answer::json(200, &told)
    }

    pub(super) fn insights(&self, request: &Request) -> Answer {
        let query = request.query();
        let names = query["metric"].split(',');
        let mut data = Vec::new();
        for name in names {
            let Some((_, value)) = self.metrics.iter().find(|(known, _)| *known == name) else {
                let words = format!("(#100) metric[0]: {name} is not supported for this media");
                return no(400, 100, 0, &words);
            };
            data.push(match query.get("metric_type") {
                Some(_) => {
                    json!({ "name": name, "period": "day", "total_value": { "value": value } })
                }
                None => {
                    json!({ "name": name, "period": "lifetime", "values": [{ "value": value }] })
                }
            });
        }
        Answer::json(200, &json!({ "data": data }))
    }

    fn of(comment: &Comment) -> Value {
        json!({
            "id": comment.id, "text": comment.text, "username": comment.by,
            "from": { "id": format!("id-{}", comment.by), "username": comment.by },
            "timestamp": written(comment.at),
        })
    }

    fn below(media: &Media, parent: &str) -> Vec<Value> {
        let fits = |comment: &&Comment| comment.parent.as_deref() == Some(parent);
        media.comments.iter().filter(fits).map(Self::of).collect()
    }

    pub(super) fn comments(&self, id: &str) -> Answer {
        let Some(media) = self.find(id) else {
            return missing();
        };
        let top = media
            .comments
            .iter()
            .filter(|comment| comment.parent.is_none());
        let told = top.map(|comment| {
            let mut told = Self::of(comment);
            let below = Self::below(media, &comment.id);
            if !below.is_empty() {
                told["replies"] = json!({ "data": below });
            }
            told
        });
        // Newest first.
        let data: Vec<Value> = told.rev().collect();
        Answer::json(200, &json!({ "data": data }))
    }

    pub(super) fn replies(&self, id: &str) -> Answer {
        let data: Vec<Value> = self
            .media
            .iter()
            .flat_map(|media| Self::below(media, id))
            .collect();
        Answer::json(200, &json!({ "data": data }))
    }

    pub(super) fn conversations(&self, request: &Request) -> Answer {
        assert_eq!(request.query()["platform"], "instagram");
        let mut with: Vec<&str> = self.directs.iter().map(|one| one.with.as_str()).collect();
        with.sort_unstable();
        with.dedup();
        let data: Vec<Value> = with
            .into_iter()
            .map(|with| {
                let messages = self.directs.iter().rev().filter(|one| one.with == with);
                let messages: Vec<Value> = messages
                    .take(20)
                    .map(|one| {
                        let from = match one.ours {
                            true => json!({ "id": "ours", "username": NAME }),
                            false => json!({ "id": with, "username": with }),
                        };
                        json!({ "id": one.id, "created_time": written(one.at), "from": from,
                                "message": one.text })
                    })
                    .collect();
                json!({ "id": format!("c-{with}"), "messages": { "data": messages } })
            })
            .collect();
        Answer::json(200, &json!({ "data": data }))
    }
}
