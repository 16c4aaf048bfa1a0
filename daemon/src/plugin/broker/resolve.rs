//! Names to addresses. Reqwest connects only to what this answers, so that the address
//! that was judged is the one that is connected to.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{self, Scope};

/// Looks a name up. Tests put their own in.
pub trait Resolver: Send + Sync {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Answers only with the addresses that its scope opens.
pub(super) struct Judged {
    pub resolver: Arc<dyn Resolver>,
    pub scope: Scope,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let looked_up = self.resolver.resolve(name.clone());
        let scope = self.scope;
        Box::pin(async move {
            let found = looked_up.await?;
            if found.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("`{name}` has no address"),
                )
                .into());
            }
            let (open, shut): (Vec<_>, Vec<_>) = found
                .into_iter()
                .map(|address| (address, address::closed(address, scope)))
                .partition(|(_, why)| why.is_none());
            if open.is_empty() {
                return Err(AddressDenied {
                    name,
                    addresses: shut
                        .into_iter()
                        .map(|(address, why)| (address, why.unwrap_or_default()))
                        .collect(),
                }
                .into());
            }
            let open = open.into_iter().map(|(ip, _)| SocketAddr::new(ip, 0));
            Ok(Box::new(open) as Addrs)
        })
    }
}

/// A name leads only to addresses that are closed.
#[derive(Clone, Debug)]
pub(super) struct AddressDenied {
    pub name: String,
    pub addresses: Vec<(IpAddr, &'static str)>,
}

impl fmt::Display for AddressDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` resolves to ", self.name)?;
        // A name may have hundreds of them.
        for (place, (address, why)) in self.addresses.iter().take(3).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{address} ({why})")?;
        }
        Ok(())
    }
}

impl std::error::Error for AddressDenied {}
