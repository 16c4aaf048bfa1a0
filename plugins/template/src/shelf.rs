//! All that the folder holds: templates, ready to be filled in, and the rows for them.

use std::collections::BTreeMap;

use crate::folder::Folder;
use crate::front::{self, FileName, Source, Template};
use crate::issue::Fault;
use crate::make::Wrong;
use crate::render::Library;
use crate::rows::{self, Row, Table};

pub(crate) struct Shelf {
    pub(crate) templates: Vec<Template>,
    /// By their paths.
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) library: Library,
    pub(crate) wrong: Vec<Wrong>,
}

impl Shelf {
    /// Reads the folder. What is wrong with one file stops no other.
    pub(crate) fn read(folder: &Folder) -> Self {
        let mut shelf = Shelf {
            templates: Vec::new(),
            tables: BTreeMap::new(),
            library: Library::new(),
            wrong: Vec::new(),
        };
        let mut additions: Vec<(FileName, String)> = Vec::new();
        for path in folder.paths() {
            let Some(name) = front::file_name(path) else {
                continue;
            };
            let is_partial = path
                .rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with('_'));
            if is_partial {
                shelf.partial(path, folder);
            } else if name.language.is_none() && name.target.is_none() {
                let read = folder
                    .text(path)
                    .and_then(|text| front::read(&name.base, path, &text, folder));
                match read {
                    Ok(template) => shelf.templates.push(template),
                    Err(fault) => shelf.wrong.push((path.to_owned(), fault)),
                }
            } else {
                additions.push((name, path.to_owned()));
            }
        }
        for (name, path) in additions {
            let added = shelf.add(&name, &path, folder);
            if let Err(fault) = added {
                shelf.wrong.push((path, fault));
            }
        }
        shelf.compile();
        shelf.read_tables(folder);
        if shelf.templates.is_empty() && shelf.wrong.is_empty() {
            shelf.wrong.push((
                String::from("."),
                Fault::new(
                    0,
                    "there is no template in the folder: write one, as `products.jinja`, with \
                     `data: products.csv` between two lines `---` at its top",
                ),
            ));
        }
        shelf
    }

    fn partial(&mut self, path: &str, folder: &Folder) {
        let added = folder.text(path).and_then(|text| {
            self.library.add_partial(&Source {
                path: path.to_owned(),
                line: 1,
                text,
            })
        });
        if let Err(fault) = added {
            self.wrong.push((path.to_owned(), fault));
        }
    }

    fn add(&mut self, name: &FileName, path: &str, folder: &Folder) -> Result<(), Fault> {
        let text = folder.text(path)?;
        let base = self
            .templates
            .iter_mut()
            .find(|template| template.name == name.base);
        match base {
            Some(template) => template.add_file(name, path, &text),
            // Where the template itself is broken, that is told.
            None if self.wrong.iter().any(|(path, _)| {
                front::file_name(path).is_some_and(|other| other.base == name.base)
            }) =>
            {
                Ok(())
            }
            None => Err(Fault::new(
                0,
                format!(
                    "there is no template `{}.jinja` that this is a variant of",
                    name.base
                ),
            )),
        }
    }

    /// Passes over the templates that are none, and those without words.
    fn compile(&mut self) {
        let library = &mut self.library;
        let wrong = &mut self.wrong;
        self.templates.retain(|template| {
            if template.sections.is_empty() && template.media.is_none() && template.poll.is_none() {
                let fault = Fault::new(0, "the template has no words");
                wrong.push((template.path.clone(), fault));
                return false;
            }
            let sources = template
                .sections
                .iter()
                .flat_map(|section| &section.parts)
                .chain(template.link.iter())
                .chain(template.first_comment.iter())
                .chain(template.content_warning.iter())
                .chain(template.media.iter().flatten())
                .chain(template.alt.iter().flatten())
                .chain(template.hashtags.iter().flatten())
                .chain(template.poll.iter().flat_map(|poll| &poll.options));
            let mut good = true;
            for source in sources {
                if let Err(fault) = library.add(source) {
                    wrong.push((source.path.clone(), fault));
                    good = false;
                }
            }
            good
        });
    }

    fn read_tables(&mut self, folder: &Folder) {
        for template in &self.templates {
            let path = &template.data;
            if self.tables.contains_key(path) {
                continue;
            }
            let table = match folder.text(path).and_then(|text| rows::read(path, &text)) {
                Ok(table) => table,
                Err(fault) => {
                    self.wrong.push((path.clone(), fault));
                    continue;
                }
            };
            let faults = table.faults.iter().cloned();
            self.wrong.extend(faults.map(|fault| (path.clone(), fault)));
            self.tables.insert(path.clone(), table);
        }
    }

    pub(crate) fn template(&self, name: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.name == name)
    }

    pub(crate) fn row(&self, data: &str, key: &str) -> Option<&Row> {
        self.tables
            .get(data)?
            .rows
            .iter()
            .find(|row| row.key == key)
    }
}
