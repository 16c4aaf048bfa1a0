//! The member, the Pages, and what is counted.

use serde_json::{Value, json};

use super::form::{finder, list, parameters};
use super::{LinkedIn, MEMBER, OTHER_PAGE, PAGE, denied, elements, error};
use crate::{Answer, Request};

const KINDS: [&str; 6] = [
    "IMPRESSION",
    "MEMBERS_REACHED",
    "RESHARE",
    "REACTION",
    "COMMENT",
    "POST_SAVE",
];

impl LinkedIn {
    pub(super) fn userinfo(&self) -> Result<Answer, Answer> {
        self.granted("openid")?;
        let sub = MEMBER.trim_start_matches("urn:li:person:");
        Ok(Answer::json(
            200,
            &json!({ "sub": sub, "name": "Leyla Həsənova", "locale": "az_AZ" }),
        ))
    }

    pub(super) fn me(&self) -> Result<Answer, Answer> {
        self.granted("r_basicprofile")?;
        let id = MEMBER.trim_start_matches("urn:li:person:");
        Ok(Answer::json(
            200,
            &json!({ "id": id, "localizedFirstName": "Leyla", "localizedLastName": "Həsənova" }),
        ))
    }

    pub(super) fn acls(&self, request: &Request) -> Result<Answer, Answer> {
        self.granted("rw_organization_admin")?;
        finder(request)?;
        parameters(
            request,
            &[("q", "roleAssignee")],
            &["role", "state", "start", "count"],
        )?;
        let role = |page: &str, role: &str, state: &str| json!({ "organization": page, "roleAssignee": MEMBER, "role": role, "state": state });
        Ok(elements(
            &[
                role(PAGE, "RECRUITING_POSTER", "APPROVED"),
                role(PAGE, "ADMINISTRATOR", "APPROVED"),
                role(OTHER_PAGE, "ANALYST", "APPROVED"),
                role("urn:li:organization:778", "ADMINISTRATOR", "REQUESTED"),
            ],
            request,
        ))
    }

    pub(super) fn organization(&self, id: &str) -> Result<Answer, Answer> {
        self.granted("rw_organization_admin")?;
        let (name, vanity) = match format!("urn:li:organization:{id}").as_str() {
            PAGE => ("Armudu Çay Evi", "armudu"),
            OTHER_PAGE => ("Başqa", "basqa"),
            _ => return Err(denied()),
        };
        Ok(Answer::json(
            200,
            &json!({ "id": 1, "localizedName": name, "vanityName": vanity }),
        ))
    }

    pub(super) fn network(&self, request: &Request, urn: &str) -> Result<Answer, Answer> {
        parameters(request, &[("edgeType", "COMPANY_FOLLOWED_BY_MEMBER")], &[])?;
        self.may(false, urn)?;
        Ok(Answer::json(
            200,
            &json!({ "firstDegreeSize": self.followers }),
        ))
    }

    pub(super) fn member_followers(&self, request: &Request) -> Result<Answer, Answer> {
        finder(request)?;
        parameters(request, &[("q", "me")], &[])?;
        self.granted("r_member_profileAnalytics")?;
        Ok(elements(
            &[json!({ "memberFollowersCount": self.followers })],
            request,
        ))
    }

    pub(super) fn shares(&self, request: &Request) -> Result<Answer, Answer> {
        finder(request)?;
        let wanted = [
            ("q", "organizationalEntity"),
            ("organizationalEntity", PAGE),
        ];
        parameters(request, &wanted, &["shares", "ugcPosts", "timeIntervals"])?;
        self.granted("rw_organization_admin")?;
        let mut told = Vec::new();
        let (shares, posts) = (list(request, "shares")?, list(request, "ugcPosts")?);
        if shares.is_empty() && posts.is_empty() {
            let sum = |name: &str| -> i64 {
                self.statistics
                    .values()
                    .filter_map(|one| one.get(name)?.as_i64())
                    .sum()
            };
            told.push(json!({
                "organizationalEntity": PAGE,
                "totalShareStatistics": { "impressionCount": sum("impressionCount"), "engagement": 0.1 },
            }));
        }
        for (name, urns) in [("share", shares), ("ugcPost", posts)] {
            for urn in urns {
                if !urn.starts_with(&format!("urn:li:{name}:")) {
                    return Err(error(
                        400,
                        "PARAM_INVALID",
                        0,
                        &format!("{urn} is no {name}"),
                    ));
                }
                if let Some(statistics) = self.statistics.get(&urn) {
                    told.push(json!({
                        "organizationalEntity": PAGE, name: urn, "totalShareStatistics": statistics,
                    }));
                }
            }
        }
        Ok(Answer::json(200, &json!({ "elements": told })))
    }

    pub(super) fn member_analytics(&self, request: &Request) -> Result<Answer, Answer> {
        finder(request)?;
        let wanted = [
            ("q", "entity"),
            ("entity", ""),
            ("queryType", ""),
            ("aggregation", "TOTAL"),
        ];
        parameters(request, &wanted, &["dateRange"])?;
        let query = request.query();
        let kind = &query["queryType"];
        if !KINDS.contains(&kind.as_str()) {
            return Err(error(400, "PARAM_INVALID", 0, &format!("queryType {kind}")));
        }
        self.granted("r_member_postAnalytics")?;
        let entity = &query["entity"];
        let raw = request.url.query().unwrap_or_default();
        let urn = entity
            .strip_prefix("(share:")
            .or_else(|| entity.strip_prefix("(ugc:"))
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|urn| entity.starts_with("(share:") == urn.starts_with("urn:li:share:"))
            .filter(|_| raw.contains("entity=(share:urn%3A") || raw.contains("entity=(ugc:urn%3A"));
        let Some(urn) = urn else {
            return Err(error(400, "PARAM_INVALID", 0, &format!("entity {entity}")));
        };
        if !self.posts.iter().any(|post| post.urn == urn) {
            return Err(error(404, "NOT_FOUND", 0, "no such post"));
        }
        let count = self.member_numbers.get(&(urn.to_owned(), kind.clone()));
        let told: Vec<Value> = count
            .map(|count| json!({ "count": count }))
            .into_iter()
            .collect();
        Ok(Answer::json(200, &json!({ "elements": told })))
    }
}
