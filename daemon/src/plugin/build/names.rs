//! Makes the names of functions short: mangled, they are a quarter of a plugin, and nobody
//! reads the types that are in them.

use std::borrow::Cow;

use wasm_encoder::{Module, NameMap, NameSection, RawSection};
use wasmparser::{BinaryReader, Name, NameSectionReader, Parser, Payload};

/// The section that holds the names.
const SECTION: &str = "name";

/// Longer ones are cut.
const LENGTH: usize = 160;

/// The module with its functions called as a backtrace shows them, and nothing else named.
pub(super) fn shorten(module: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut shortened = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(section) if section.name() == SECTION => {
                let names = BinaryReader::new(section.data(), section.data_offset());
                shortened.section(&functions(NameSectionReader::new(names))?);
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    shortened.section(&RawSection {
                        id,
                        data: &module[range],
                    });
                }
            }
        }
    }
    Ok(shortened.finish())
}

fn functions(names: NameSectionReader<'_>) -> wasmparser::Result<NameSection> {
    let mut section = NameSection::new();
    for part in names {
        if let Name::Function(functions) = part? {
            let mut map = NameMap::new();
            for function in functions {
                let function = function?;
                let demangled = format!("{:#}", rustc_demangle::demangle(function.name));
                map.append(function.index, &short(&demangled));
            }
            section.functions(&map);
        }
    }
    Ok(section)
}

/// A path without the types that its generic parameters stand for:
/// `<alloc::vec::Vec<u8> as core::fmt::Debug>::fmt::<()>` is
/// `<alloc::vec::Vec as core::fmt::Debug>::fmt`.
fn short(name: &str) -> Cow<'_, str> {
    let mut text = String::with_capacity(name.len());
    // How many angle brackets are open since those that are left out began.
    let mut left_out = 0_usize;
    let mut before = ' ';
    for character in name.chars() {
        match character {
            '<' if left_out > 0 => left_out += 1,
            // The arrow of a function's type closes nothing.
            '>' if left_out > 0 && before != '-' => left_out -= 1,
            // Behind a name they hold parameters, elsewhere the type that a trait is for.
            '<' if before == ':' || before == '_' || before.is_alphanumeric() => {
                if text.ends_with("::") {
                    text.truncate(text.len() - 2);
                }
                left_out = 1;
            }
            _ if left_out == 0 => text.push(character),
            _ => {}
        }
        before = character;
    }
    if let Some((end, _)) = text.char_indices().nth(LENGTH) {
        text.truncate(end);
        text.push('…');
    }
    match text == name {
        true => Cow::Borrowed(name),
        false => Cow::Owned(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_types_stand_for_is_left_out() {
        for (name, expected) in [
            ("memcmp", "memcmp"),
            (
                "serde_json::de::from_str::<notes::Note>",
                "serde_json::de::from_str",
            ),
            (
                "<alloc::vec::Vec<(u8, fn(&str) -> Option<u8>)> as core::fmt::Debug>::fmt::<()>",
                "<alloc::vec::Vec as core::fmt::Debug>::fmt",
            ),
            (
                "<serde_json::de::Deserializer<serde_json::read::SliceRead>>::parse_number",
                "<serde_json::de::Deserializer>::parse_number",
            ),
            (
                "<notes::Notes as jarchi_plugin_sdk::Publisher>::publish::{closure#0}",
                "<notes::Notes as jarchi_plugin_sdk::Publisher>::publish::{closure#0}",
            ),
            (
                "<&[Option<u8>] as notes::Like<u8>>::like",
                "<&[Option] as notes::Like>::like",
            ),
            (
                "<fn(u8) -> u8 as notes::Call>::call",
                "<fn(u8) -> u8 as notes::Call>::call",
            ),
        ] {
            assert_eq!(short(name), expected);
        }
        assert_eq!(short(&"ə".repeat(200)), format!("{}…", "ə".repeat(160)));
    }

    #[test]
    fn only_names_change() {
        let module = wat::parse_str(
            r#"(module
                (import "env" "outside" (func $_RNvNtCs1234_7mycrate3foo3bar))
                (memory $memory 1)
                (func $_ZN4core3fmt5Write9write_str17h0123456789abcdefE (param $text i32))
                (func (export "plain") (local $unused i64)))"#,
        )
        .unwrap();
        let shortened = shorten(&module).unwrap();
        let text = |module: &[u8]| {
            let names: Vec<String> = Parser::new(0)
                .parse_all(module)
                .filter_map(|payload| match payload.unwrap() {
                    Payload::CustomSection(section) if section.name() == SECTION => {
                        let names = BinaryReader::new(section.data(), section.data_offset());
                        Some(NameSectionReader::new(names))
                    }
                    _ => None,
                })
                .flatten()
                .flat_map(|part| match part.unwrap() {
                    Name::Function(names) => names
                        .into_iter()
                        .map(|name| name.unwrap())
                        .map(|name| format!("{} {}", name.index, name.name))
                        .collect(),
                    Name::Local(_) => vec!["locals".to_owned()],
                    _ => vec!["others".to_owned()],
                })
                .collect();
            names
        };
        assert_eq!(
            text(&shortened),
            ["0 mycrate::foo::bar", "1 core::fmt::Write::write_str"]
        );
        assert!(text(&module).contains(&"locals".to_owned()));
        let rest = |module: &[u8]| {
            Parser::new(0)
                .parse_all(module)
                .filter_map(|payload| payload.unwrap().as_section())
                .filter(|(id, _)| *id != 0)
                .map(|(id, range)| (id, module[range].to_vec()))
                .collect::<Vec<_>>()
        };
        assert_eq!(rest(&shortened), rest(&module));
    }
}
