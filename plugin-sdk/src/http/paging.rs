//! Walking over pages, never further than a bound.

use super::{Request, Response};
use crate::Result;

/// The pages of a list that names the next one in its `link` header (RFC 8288), at most
/// `bound` of them.
pub fn pages(first: Request, bound: usize) -> Pages {
    Pages {
        next: Some(first),
        left: bound,
    }
}

/// See [`pages`].
#[derive(Debug)]
pub struct Pages {
    next: Option<Request>,
    left: usize,
}

impl Pages {
    /// There are pages that were not read: the bound was reached.
    pub fn more(&self) -> bool {
        self.next.is_some()
    }
}

impl Iterator for Pages {
    type Item = Result<Response>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let request = self.next.take()?;
        let mut following = request.clone();
        let response = match request.read() {
            Ok(response) => response,
            Err(error) => return Some(Err(error)),
        };
        // A page that names itself would be read for ever.
        if let Some(url) = response.link("next")
            && url != response.url
        {
            *following.url_mut() = url;
            self.next = Some(following);
        }
        Some(Ok(response))
    }
}

/// The pages of a list that gives a cursor for the next one, at most `bound` of them.
/// `fetch` gets the cursor, and answers with the page and the cursor after it.
pub fn cursors<T, F>(bound: usize, fetch: F) -> Cursors<F>
where
    F: FnMut(Option<&str>) -> Result<(T, Option<String>)>,
{
    Cursors {
        fetch,
        cursor: None,
        left: bound,
        done: false,
    }
}

/// See [`cursors`].
#[derive(Debug)]
pub struct Cursors<F> {
    fetch: F,
    cursor: Option<String>,
    left: usize,
    done: bool,
}

impl<F> Cursors<F> {
    /// There are pages that were not read: the bound was reached.
    pub fn more(&self) -> bool {
        !self.done
    }
}

impl<T, F> Iterator for Cursors<F>
where
    F: FnMut(Option<&str>) -> Result<(T, Option<String>)>,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.left == 0 {
            return None;
        }
        self.left -= 1;
        match (self.fetch)(self.cursor.as_deref()) {
            Ok((page, cursor)) => {
                self.done = cursor.is_none() || cursor == self.cursor;
                self.cursor = cursor;
                Some(Ok(page))
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}

/// The target of a relation, made absolute against `base`.
pub(super) fn link<'a>(
    headers: impl Iterator<Item = &'a (String, String)>,
    relation: &str,
    base: &str,
) -> Option<String> {
    for (_, value) in headers.filter(|(name, _)| name.eq_ignore_ascii_case("link")) {
        let mut rest = value.as_str();
        while let Some(start) = rest.find('<') {
            let target_and_more = &rest[start + 1..];
            let end = target_and_more.find('>')?;
            let target = &target_and_more[..end];
            let after = &target_and_more[end + 1..];
            // The parameters reach to the next target.
            let parameters = &after[..after.find('<').unwrap_or(after.len())];
            let named = parameters.split([';', ',']).any(|parameter| {
                let Some((name, value)) = parameter.split_once('=') else {
                    return false;
                };
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|name| name.eq_ignore_ascii_case(relation))
            });
            if named {
                return Some(absolute(target, base));
            }
            rest = after;
        }
    }
    None
}

fn absolute(target: &str, base: &str) -> String {
    if target.contains("://") {
        return target.to_owned();
    }
    let origin_end = base
        .find("://")
        .and_then(|at| base[at + 3..].find(['/', '?', '#']).map(|end| at + 3 + end))
        .unwrap_or(base.len());
    if let Some(host) = target.strip_prefix("//") {
        let scheme = base.split("://").next().unwrap_or("https");
        return format!("{scheme}://{host}");
    }
    if target.starts_with('/') {
        return format!("{}{target}", &base[..origin_end]);
    }
    let path_end = base.find(['?', '#']).unwrap_or(base.len());
    if target.starts_with('?') {
        return format!("{}{target}", &base[..path_end]);
    }
    match base[origin_end.min(path_end)..path_end].rfind('/') {
        Some(slash) => format!("{}{target}", &base[..origin_end + slash + 1]),
        None => format!("{}/{target}", &base[..origin_end]),
    }
}
