//! The patterns of paths in a manifest.

/// `*` at the end of a pattern matches any rest, and as a segment any one segment.
pub(super) fn path_matches(pattern: &str, path: &str) -> bool {
    let (start, any_rest) = match pattern.strip_suffix('*') {
        Some(start) => (start, true),
        None => (pattern, false),
    };
    let mut rest = path;
    let mut segments = start.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segments.peek().is_none() {
            return rest == segment || (any_rest && rest.starts_with(segment));
        }
        let Some((own, after)) = rest.split_once('/') else {
            return false;
        };
        if own != segment && (segment != "*" || own.is_empty()) {
            return false;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_by_their_patterns() {
        for (pattern, path, fits) in [
            ("/a", "/a", true),
            ("/a", "/a/b", false),
            ("/a*", "/a/b", true),
            ("/a*", "/ab", true),
            ("/a/*", "/a", false),
            ("/a/*", "/a/", true),
            ("/*", "/", true),
            ("/*", "/a/b/c", true),
            ("/*/b", "/a/b", true),
            ("/*/b", "//b", false),
            ("/*/b", "/a/c/b", false),
            ("/a/*/*/d*", "/a/b/c/d/e", true),
            ("/a/*/*/d*", "/a/b/d", false),
            ("/a/*/c", "/a/b/c/", false),
        ] {
            assert_eq!(path_matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
