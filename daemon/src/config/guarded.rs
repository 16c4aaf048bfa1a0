//! Printing and comparing what holds secrets. Settings may have been read from outside,
//! so that only their names are printed.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Account, GeneratorConfig};

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            name,
            plugin,
            brand,
            settings,
            secrets,
            slots,
            hold,
            rails,
        } = self;
        f.debug_struct("Account")
            .field("name", name)
            .field("plugin", plugin)
            .field("brand", brand)
            .field("settings", &settings.keys().collect::<Vec<_>>())
            .field("secrets", &secrets.keys())
            .field("slots", slots)
            .field("hold", hold)
            .field("rails", rails)
            .finish()
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.plugin == other.plugin
            && self.brand == other.brand
            && self.settings == other.settings
            && same_secrets(&self.secrets, &other.secrets)
            && self.slots == other.slots
            && self.hold == other.hold
            && self.rails == other.rails
    }
}

impl fmt::Debug for GeneratorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GeneratorConfig {
            name,
            plugin,
            brand,
            accounts,
            pillar,
            folders,
            settings,
            secrets,
            watch,
        } = self;
        f.debug_struct("GeneratorConfig")
            .field("name", name)
            .field("plugin", plugin)
            .field("brand", brand)
            .field("accounts", accounts)
            .field("pillar", pillar)
            .field("folders", folders)
            .field("settings", &settings.keys().collect::<Vec<_>>())
            .field("secrets", &secrets.keys())
            .field("watch", watch)
            .finish()
    }
}

impl PartialEq for GeneratorConfig {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.plugin == other.plugin
            && self.brand == other.brand
            && self.accounts == other.accounts
            && self.pillar == other.pillar
            && self.folders == other.folders
            && self.settings == other.settings
            && same_secrets(&self.secrets, &other.secrets)
            && self.watch == other.watch
    }
}

fn same_secrets(
    some: &BTreeMap<String, SecretString>,
    others: &BTreeMap<String, SecretString>,
) -> bool {
    some.len() == others.len()
        && some
            .iter()
            .zip(others)
            .all(|((name, one), (other_name, other))| {
                name == other_name && one.expose_secret() == other.expose_secret()
            })
}
