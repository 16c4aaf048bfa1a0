//! What the member's token opens: the member, and the Pages that the member may post as.

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::{Account, Error, Problem, Result};
use serde_json::{Value, json};

use crate::api::Api;
use crate::{errors, publish};

/// Roles that may post as a Page ("Organization Access Control").
const POSTING: [&str; 3] = [
    "ADMINISTRATOR",
    "CONTENT_ADMINISTRATOR",
    "DIRECT_SPONSORED_CONTENT_POSTER",
];

/// Pages that are asked for their names: a call has 40 requests.
const NAMED: usize = 30;

/// A member's role on a Page.
struct Role {
    page: String,
    role: String,
    approved: bool,
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// The member's identifier and name; none where the app may not ask. LinkedIn has two
/// interfaces for it, and gives an app the scopes of one.
fn member(api: &Api) -> Result<Option<(String, String)>> {
    let answer = errors::look(api.get("/v2/userinfo"))?;
    if answer.status != 403 {
        let told: Value = errors::judged(answer)?.json()?;
        let id = text(&told, "sub").unwrap_or_default().to_owned();
        let name = text(&told, "name").unwrap_or(&id).to_owned();
        return Ok(Some((id, name)));
    }
    let answer = errors::look(api.get("/rest/me"))?;
    if answer.status == 403 {
        return Ok(None);
    }
    let told: Value = errors::judged(answer)?.json()?;
    let id = text(&told, "id").unwrap_or_default().to_owned();
    let names = ["localizedFirstName", "localizedLastName"];
    let names: Vec<&str> = names
        .into_iter()
        .filter_map(|name| text(&told, name))
        .collect();
    Ok(Some((id, names.join(" "))))
}

/// The member's roles; none where the app may not ask.
fn roles(api: &Api) -> Result<Option<Vec<Role>>> {
    let mut roles = Vec::new();
    for page in 0..5 {
        let answer = errors::look(api.find(&format!(
            "/rest/organizationAcls?q=roleAssignee&start={}&count=100",
            page * 100
        )))?;
        if answer.status == 403 {
            return Ok(None);
        }
        let elements = publish::elements(&errors::judged(answer)?)?;
        for element in &elements {
            let page =
                text(element, "organization").or_else(|| text(element, "organizationTarget"));
            if let (Some(page), Some(role)) = (page, text(element, "role")) {
                roles.push(Role {
                    page: page.to_owned(),
                    role: role.to_owned(),
                    approved: text(element, "state") == Some("APPROVED"),
                });
            }
        }
        if elements.len() < 100 {
            break;
        }
    }
    Ok(Some(roles))
}

fn page(api: &Api, urn: &str) -> Result<Value> {
    let id = urn.rsplit(':').next().unwrap_or_default();
    errors::read(api.get(&format!("/rest/organizations/{}", encode(id))))?.json()
}

fn page_name(page: &Value, urn: &str) -> String {
    text(page, "localizedName").unwrap_or(urn).to_owned()
}

fn page_url(api: &Api, page: &Value) -> Option<String> {
    Some(format!(
        "{}/company/{}",
        api.settings.site,
        text(page, "vanityName")?
    ))
}

/// All that the token opens.
///
/// # Errors
/// By the table of errors; `Unsupported` where the app may ask for neither.
pub fn targets(account: &Account) -> Result<Vec<Target>> {
    let api = Api::of(account)?;
    let mut targets = Vec::new();
    let member = member(&api)?;
    if let Some((id, name)) = &member {
        let urn = format!("urn:li:person:{id}");
        targets.push(Target {
            name: name.clone(),
            kind: "member".into(),
            url: None,
            obstacle: None,
            settings: json!({ "author": urn }).to_string(),
            id: urn,
        });
    }
    let roles = roles(&api)?;
    if member.is_none() && roles.is_none() {
        return Err(Error::unsupported(
            "the app may ask neither who the member is (scopes openid and profile, or r_basicprofile) nor for the member's Pages (scope rw_organization_admin)",
        ));
    }
    let mut pages: Vec<Role> = Vec::new();
    for role in roles.unwrap_or_default() {
        // Of several roles the one that may post.
        match pages.iter_mut().find(|known| known.page == role.page) {
            Some(known) if obstacle(known).is_some() => *known = role,
            Some(_) => {}
            None => pages.push(role),
        }
    }
    for (number, role) in pages.into_iter().enumerate() {
        let known = match number {
            0..NAMED => page(&api, &role.page).unwrap_or_default(),
            _ => Value::Null,
        };
        targets.push(Target {
            name: page_name(&known, &role.page),
            kind: "Page".into(),
            url: page_url(&api, &known),
            obstacle: obstacle(&role),
            settings: json!({ "author": role.page }).to_string(),
            id: role.page,
        });
    }
    Ok(targets)
}

fn obstacle(role: &Role) -> Option<String> {
    if !role.approved {
        return Some(format!(
            "the member's role {} was not approved yet",
            role.role
        ));
    }
    (!POSTING.contains(&role.role.as_str()))
        .then(|| format!("the member's role {} may not post", role.role))
}

/// How the chosen author stands.
///
/// # Errors
/// By the table of errors.
pub fn check(account: &Account) -> Result<Standing> {
    let api = Api::of(account)?;
    let author = api.author()?.to_owned();
    let mut standing = Standing {
        name: author.clone(),
        url: None,
        scopes: Vec::new(),
        lacking: Vec::new(),
        expires: None,
        quotas: Vec::new(),
        problems: Vec::new(),
    };
    if api.is_page() {
        let known = page(&api, &author)?;
        standing.name = page_name(&known, &author);
        standing.url = page_url(&api, &known);
        match roles(&api)? {
            None => standing.lacking.push("rw_organization_admin".into()),
            Some(roles) => {
                let mine = roles.iter().filter(|role| role.page == author);
                let obstacles: Vec<Option<String>> = mine.map(obstacle).collect();
                if !obstacles.contains(&None) {
                    let first = obstacles.into_iter().flatten().next();
                    standing.problems.push(Problem::error(
                        "settings.author",
                        first.unwrap_or_else(|| "the member has no role on this Page".into()),
                    ));
                }
            }
        }
    } else {
        match member(&api)? {
            None => standing.lacking.push("openid".into()),
            Some((id, name)) => {
                if author != format!("urn:li:person:{id}") {
                    standing.problems.push(Problem::error(
                        "settings.author",
                        format!("the token is another member's: urn:li:person:{id}"),
                    ));
                }
                standing.name = name;
            }
        }
    }
    let answer = publish::list(&api, &author, 0, 1)?;
    if answer.status == 403 {
        let scope = if api.is_page() {
            "r_organization_social"
        } else {
            "r_member_social"
        };
        standing.lacking.push(scope.into());
        standing.problems.push(Problem::warning(
            "scopes",
            format!(
                "without {scope}, LinkedIn can't be asked whether a post whose answer was lost went out: a person decides then"
            ),
        ));
    } else {
        errors::judged(answer)?;
    }
    Ok(standing)
}
