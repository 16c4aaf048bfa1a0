//! LinkedIn's versioned REST API with one member, one Page, their posts, comments and
//! advertisements.
//!
//! LinkedIn publishes no machine-readable specification, so this stand-in judges by
//! itself, after the documentation on Microsoft Learn: a header, a field or a value that
//! is not documented is refused, and nothing is taken silently. What the documentation
//! leaves open (the words of some refusals, whether a duplicate's URN is a ghost) follows
//! reports of developers.

mod ads;
mod form;
mod media;
mod people;
mod posts;
mod social;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{Answer, Platform, Request};
pub use ads::{Campaign, Creative};
pub use media::File;
pub use posts::{Post, shown};
pub use social::Comment;

pub const TOKEN: &str = "AQX-access-1";
pub const MEMBER: &str = "urn:li:person:m3mB3r_-1";
pub const PAGE: &str = "urn:li:organization:5515715";
/// A Page on which the member only analyses.
pub const OTHER_PAGE: &str = "urn:li:organization:777";
pub const AD_ACCOUNT: &str = "512358882";
/// The oldest version that is not ended, and the newest.
pub const VERSIONS: (&str, &str) = ("202512", "202611");

/// The platform.
#[derive(Debug)]
pub struct LinkedIn {
    pub token: String,
    /// Where files are uploaded to.
    pub site: String,
    /// Why the token is refused, once it is: a service code and its words.
    pub dead_token: Option<(i64, &'static str)>,
    /// What the app was granted.
    pub scopes: BTreeSet<&'static str>,
    pub posts: Vec<Post>,
    /// URNs that duplicates are refused with, by their words, of posts that are gone.
    pub ghosts: BTreeMap<String, String>,
    pub files: BTreeMap<String, File>,
    pub comments: Vec<Comment>,
    /// Actor and what is liked.
    pub reactions: Vec<(String, String)>,
    /// Looks at a file before it is ready.
    pub processing: u32,
    /// The file can't be processed.
    pub breaks: bool,
    /// Posts with new files are refused this often.
    pub unready_posts: u32,
    /// The day's calls are used up.
    pub limited: bool,
    pub followers: i64,
    /// By post: the statistics that LinkedIn counted.
    pub statistics: BTreeMap<String, Value>,
    /// By post and kind of number, for members.
    pub member_numbers: BTreeMap<(String, String), i64>,
    pub groups: BTreeMap<u64, Value>,
    pub campaigns: BTreeMap<u64, Campaign>,
    pub creatives: BTreeMap<u64, Creative>,
    /// The addresses of uploads have ended, once.
    pub expire_uploads: bool,
    next: u64,
}

impl Default for LinkedIn {
    fn default() -> Self {
        LinkedIn::new()
    }
}

impl LinkedIn {
    /// A member and a Page with every permission there is.
    pub fn new() -> Self {
        LinkedIn {
            token: TOKEN.into(),
            site: "https://www.linkedin.com".into(),
            dead_token: None,
            scopes: BTreeSet::from([
                "openid",
                "profile",
                "w_member_social",
                "r_member_social",
                "w_organization_social",
                "r_organization_social",
                "rw_organization_admin",
                "r_member_postAnalytics",
                "r_member_profileAnalytics",
                "rw_ads",
                "r_ads_reporting",
            ]),
            posts: vec![],
            ghosts: BTreeMap::new(),
            files: BTreeMap::new(),
            comments: vec![],
            reactions: vec![],
            processing: 0,
            breaks: false,
            unready_posts: 0,
            limited: false,
            followers: 1234,
            statistics: BTreeMap::new(),
            member_numbers: BTreeMap::new(),
            groups: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            creatives: BTreeMap::new(),
            expire_uploads: false,
            next: 7_100_000_000_000_000_000,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The scope that reads, or writes, in the name of an author.
    fn may(&self, write: bool, author: &str) -> Result<(), Answer> {
        let page = author.starts_with("urn:li:organization:");
        let scope = match (write, page) {
            (true, true) => "w_organization_social",
            (true, false) => "w_member_social",
            (false, true) => "r_organization_social",
            (false, false) => "r_member_social",
        };
        if !self.scopes.contains(scope) || ![MEMBER, PAGE].contains(&author) {
            return Err(denied());
        }
        Ok(())
    }

    fn granted(&self, scope: &str) -> Result<(), Answer> {
        match self.scopes.contains(scope) {
            true => Ok(()),
            false => Err(denied()),
        }
    }

    fn headers(&self, request: &Request) -> Result<(), Answer> {
        let token = request.bearer();
        if token.is_none() {
            return Err(error(
                401,
                "EMPTY_ACCESS_TOKEN",
                65_604,
                "Empty oauth2 access token",
            ));
        }
        if token != Some(self.token.as_str()) {
            return Err(error(
                401,
                "INVALID_ACCESS_TOKEN",
                65_600,
                "Invalid access token",
            ));
        }
        if let Some((code, words)) = self.dead_token {
            return Err(error(401, "EXPIRED_ACCESS_TOKEN", code, words));
        }
        if self.limited {
            let words = "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this resource is reached.";
            return Err(error(429, "TOO_MANY_REQUESTS", 101, words));
        }
        if request.path().starts_with("/v2/") {
            return Ok(());
        }
        let version = request.header("linkedin-version").unwrap_or_default();
        if version.is_empty() {
            return Err(error(
                400,
                "VERSION_MISSING",
                0,
                "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
            ));
        }
        if version < VERSIONS.0 || version > VERSIONS.1 {
            let words = format!("Requested version {version} is not active");
            return Err(error(426, "NONEXISTENT_VERSION", 0, &words));
        }
        if request.header("x-restli-protocol-version") != Some("2.0.0") {
            return Err(error(
                400,
                "ILLEGAL_ARGUMENT",
                0,
                "X-RestLi-Protocol-Version must be 2.0.0",
            ));
        }
        if !request.body.is_empty() && request.content_type() != "application/json" {
            return Err(error(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                0,
                "Content-Type must be application/json",
            ));
        }
        Ok(())
    }

    fn routed(&mut self, request: &Request, now: u64) -> Result<Answer, Answer> {
        self.headers(request)?;
        let path = request.path().to_owned();
        let parts: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(form::decoded)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let tunnel = request.header("x-restli-method");
        match (method, parts.as_slice()) {
            ("GET", ["v2", "userinfo"]) => self.userinfo(),
            ("GET", ["rest", "me"]) => self.me(),
            ("GET", ["rest", "organizationAcls"]) => self.acls(request),
            ("GET", ["rest", "organizations", id]) => self.organization(id),
            ("GET", ["rest", "networkSizes", urn]) => self.network(request, urn),
            ("GET", ["rest", "memberFollowersCount"]) => self.member_followers(request),
            ("GET", ["rest", "organizationalEntityShareStatistics"]) => self.shares(request),
            ("GET", ["rest", "memberCreatorPostAnalytics"]) => self.member_analytics(request),
            ("GET", ["rest", "socialMetadata", urn]) => self.metadata(urn),
            ("GET", ["rest", "posts"]) => self.list_posts(request),
            ("POST", ["rest", "posts"]) => self.create_post(request, now),
            ("GET", ["rest", "posts", urn]) => self.get_post(urn),
            ("DELETE", ["rest", "posts", urn]) if tunnel == Some("DELETE") => self.delete_post(urn),
            ("POST", ["rest", room @ ("images" | "videos" | "documents")]) => {
                self.media_action(request, room, now)
            }
            ("GET", ["rest", "images" | "videos" | "documents", urn]) => self.media_status(urn),
            ("GET", ["rest", "socialActions", urn, "comments"]) => self.list_comments(request, urn),
            ("POST", ["rest", "socialActions", urn, "comments"]) => {
                self.create_comment(request, urn, now)
            }
            ("DELETE", ["rest", "socialActions", urn, "comments", id]) => {
                self.delete_comment(request, urn, id)
            }
            ("POST", ["rest", "reactions"]) => self.react(request),
            ("GET", ["rest", "adTargetingEntities"]) => self.typeahead(request),
            ("GET", ["rest", "adAnalytics"]) => self.ad_numbers(request),
            (_, ["rest", "adAccounts", account, rest @ ..]) => {
                self.granted("rw_ads")?;
                if *account != AD_ACCOUNT {
                    return Err(error(
                        403,
                        "ACCESS_DENIED",
                        100,
                        "Not enough permissions to access the ad account",
                    ));
                }
                self.advertise(request, rest, now)
            }
            _ => Err(error(
                404,
                "RESOURCE_NOT_FOUND",
                0,
                &format!("No virtual resource found for {method} {path}"),
            )),
        }
    }
}

impl Platform for LinkedIn {
    fn answer(&mut self, request: &Request, now: u64) -> Answer {
        if request.path().starts_with("/dms-uploads/") {
            return self.upload(request).unwrap_or_else(|refusal| refusal);
        }
        self.routed(request, now).unwrap_or_else(|refusal| refusal)
    }
}

/// A refusal in LinkedIn's form.
fn error(status: u16, code: &str, service: i64, message: &str) -> Answer {
    let mut body = json!({ "status": status, "code": code, "message": message });
    if service != 0 {
        body["serviceErrorCode"] = json!(service);
    }
    Answer::json(status, &body)
}

fn denied() -> Answer {
    error(
        403,
        "ACCESS_DENIED",
        100,
        "Not enough permissions to access this resource",
    )
}

fn elements(all: &[Value], request: &Request) -> Answer {
    let query = request.query();
    let number = |name: &str, default: usize| {
        query
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (start, count) = (number("start", 0), number("count", 10));
    if count > 100 {
        return error(400, "ILLEGAL_ARGUMENT", 0, "count must be at most 100");
    }
    let page: Vec<&Value> = all.iter().skip(start).take(count).collect();
    Answer::json(
        200,
        &json!({
            "elements": page,
            "paging": { "start": start, "count": count, "links": [], "total": all.len() },
        }),
    )
}
