//! How accounts are connected, by their names. Their secrets are in the vault.

use crate::model::Connection;

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::Table;

pub(super) const CONNECTIONS: Table<Connection> = Table::new(Tree::Accounts);

impl View<'_> {
    pub fn connection(&self, account: &str) -> Result<Option<Connection>, StoreError> {
        CONNECTIONS.get(self, account.as_bytes())
    }

    /// Of every account that was connected, by name.
    pub fn connections(&self) -> Result<Vec<(String, Connection)>, StoreError> {
        self.prefix(Tree::Accounts, &[], usize::MAX)?
            .iter()
            .map(|(key, bytes)| {
                let name = String::from_utf8_lossy(key).into_owned();
                Ok((name, CONNECTIONS.decode(key, bytes)?))
            })
            .collect()
    }
}

impl Tx<'_> {
    pub fn connection(&self, account: &str) -> Result<Option<Connection>, StoreError> {
        CONNECTIONS.get(self, account.as_bytes())
    }

    /// `None` removes it.
    pub fn set_connection(
        &mut self,
        account: &str,
        connection: Option<&Connection>,
    ) -> Result<(), StoreError> {
        match connection {
            Some(connection) => CONNECTIONS.put(self, account.as_bytes(), connection),
            None => {
                self.remove(Tree::Accounts, account.as_bytes());
                Ok(())
            }
        }
    }
}
