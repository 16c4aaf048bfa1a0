//! Lists, page by page. The address of the next page has the token in it, which a plugin
//! can't send; so only its cursor is taken over.

use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::read;
use crate::Result;
use crate::http::Request;

/// What may lead to the next page: cursors, times or an offset ("Graph API, Paginated
/// Results").
const LEADS: [&str; 5] = ["after", "until", "since", "__paging_token", "offset"];

/// A list as the API answers it; also as a field of something else.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// The things.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    #[serde(default)]
    paging: Paging,
    /// `{"total_count": …}`, where `summary(true)` was asked for.
    #[serde(default)]
    pub summary: Option<Summary>,
}

/// What is told of a whole list.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Summary {
    /// How many there are.
    #[serde(default)]
    pub total_count: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Paging {
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    cursors: Option<Cursors>,
}

#[derive(Clone, Debug, Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

impl<T> List<T> {
    /// The cursor `after` this page, where there is a page after it.
    pub fn after(&self) -> Option<&str> {
        self.paging.next.as_ref()?;
        self.paging.cursors.as_ref()?.after.as_deref()
    }

    /// The parameters that lead to the next page, encoded.
    fn lead(&self) -> Option<String> {
        let (_, query) = self.paging.next.as_deref()?.split_once('?')?;
        let pairs: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                LEADS.contains(&name)
            })
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }
}

/// The pages of a list, at most `bound` of them.
pub fn pages<T>(first: Request, bound: usize) -> Pages<T> {
    Pages {
        first,
        lead: None,
        left: bound,
        done: false,
        of: PhantomData,
    }
}

/// See [`pages`].
#[derive(Debug)]
pub struct Pages<T> {
    first: Request,
    lead: Option<String>,
    left: usize,
    done: bool,
    of: PhantomData<fn() -> T>,
}

impl<T> Pages<T> {
    /// There are pages that were not read: the bound was reached, or one failed.
    pub fn more(&self) -> bool {
        !self.done
    }

    fn request(&self) -> Request {
        let mut request = self.first.clone();
        if let Some(lead) = &self.lead {
            let url = request.url_mut();
            let mut kept = String::new();
            if let Some((path, query)) = url.split_once('?') {
                // A lead takes the place of what the first request had of that name.
                let stays = |pair: &&str| {
                    let name = pair.split('=').next().unwrap_or_default();
                    !lead
                        .split('&')
                        .any(|new| new.split('=').next() == Some(name))
                };
                let pairs: Vec<&str> = query.split('&').filter(stays).collect();
                kept = pairs.join("&");
                *url = path.to_owned();
            }
            url.push('?');
            if !kept.is_empty() {
                url.push_str(&kept);
                url.push('&');
            }
            url.push_str(lead);
        }
        request
    }
}

impl<T: DeserializeOwned> Iterator for Pages<T> {
    type Item = Result<Vec<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let list = read(self.request()).and_then(|answer| answer.json::<List<T>>());
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                self.left = 0;
                return Some(Err(error));
            }
        };
        let lead = list.lead();
        // A page that names itself would be read for ever.
        self.done = lead.is_none() || lead == self.lead;
        self.lead = lead;
        Some(Ok(list.data))
    }
}
