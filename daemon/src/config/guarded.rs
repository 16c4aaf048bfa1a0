//! Printing and comparing what holds secrets. Settings may have been read from outside,
//! so that only their names are printed.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Account, AppKeys, Email, GeneratorConfig, Webhook};

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            name,
            plugin,
            brand,
            settings,
            secrets,
            app,
            slots,
            hold,
            crop,
            rails,
            quiet_after,
            numbers_after,
            plan,
            approval,
            measure,
            words,
        } = self;
        f.debug_struct("Account")
            .field("name", name)
            .field("plugin", plugin)
            .field("brand", brand)
            .field("settings", &settings.keys().collect::<Vec<_>>())
            .field("secrets", &secrets.keys())
            .field("app", app)
            .field("slots", slots)
            .field("hold", hold)
            .field("crop", crop)
            .field("rails", rails)
            .field("plan", plan)
            .field("approval", approval)
            .field("measure", measure)
            .field("words", words)
            .field("quiet_after", quiet_after)
            .field("numbers_after", numbers_after)
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
            && self.app == other.app
            && self.slots == other.slots
            && self.hold == other.hold
            && self.crop == other.crop
            && self.rails == other.rails
            && self.plan == other.plan
            && self.measure == other.measure
            && self.quiet_after == other.quiet_after
            && self.numbers_after == other.numbers_after
    }
}

impl fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKeys")
            .field("id", &self.id.is_some())
            .field("secret", &self.secret.is_some())
            .finish()
    }
}

impl PartialEq for AppKeys {
    fn eq(&self, other: &Self) -> bool {
        same_secret(self.id.as_ref(), other.id.as_ref())
            && same_secret(self.secret.as_ref(), other.secret.as_ref())
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
            approval,
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
            .field("approval", approval)
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
            && self.approval == other.approval
    }
}

impl PartialEq for Webhook {
    fn eq(&self, other: &Self) -> bool {
        same_secret(self.url.as_ref(), other.url.as_ref())
            && same_secrets(&self.headers, &other.headers)
            && self.plain_http == other.plain_http
            && self.private == other.private
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.to == other.to
            && self.from == other.from
            && self.host == other.host
            && self.port == other.port
            && self.security == other.security
            && self.user == other.user
            && same_secret(self.password.as_ref(), other.password.as_ref())
            && self.ca == other.ca
    }
}

fn same_secret(one: Option<&SecretString>, other: Option<&SecretString>) -> bool {
    one.map(SecretString::expose_secret) == other.map(SecretString::expose_secret)
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
