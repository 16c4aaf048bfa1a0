//! Which addresses a request may go to. Judged after names are resolved, so that no name
//! leads to the machine itself, to its neighbours, or to a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// Open to a grant with `private = true`.
    Private(&'static str),
    /// Gives out a machine's credentials: open only to a grant that names the address.
    Metadata,
    /// No server is there, or not one server.
    Never(&'static str),
}

/// The metadata services of the large clouds, so far as their addresses are fixed.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// By the registries of special-purpose addresses (RFC 6890 and its successors).
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Metadata;
    }
    match address.octets() {
        // Linux connects 0.0.0.0 to itself.
        [0, ..] => Reach::Never("unspecified"),
        [127, ..] => Reach::Private("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("private"),
        [169, 254, ..] => Reach::Private("link-local"),
        [100, 64..=127, ..] => Reach::Private("carrier-grade NAT"),
        [198, 18..=19, ..] => Reach::Private("benchmarking"),
        [192, 0, 0, _] => Reach::Never("protocol assignment"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Never("documentation"),
        [192, 88, 99, _] => Reach::Never("6to4 relay"),
        [224..=239, ..] => Reach::Never("multicast"),
        [255, 255, 255, 255] => Reach::Never("broadcast"),
        [240..=255, ..] => Reach::Never("reserved"),
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Metadata;
    }
    let low = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private("loopback"),
        // IPv4-mapped, and RFC 6052's well-known NAT64 prefix.
        [0, 0, 0, 0, 0, 0xffff, high, last] | [0x64, 0xff9b, 0, 0, 0, 0, high, last] => {
            low(high, last)
        }
        // IPv4-compatible, and IPv4-translated (RFC 2765): out of use, so that what is not
        // worse is still nothing.
        [0, 0, 0, 0, 0, 0, high, last] | [0, 0, 0, 0, 0xffff, 0, high, last] => {
            match low(high, last) {
                Reach::Public => Reach::Never("IPv4-compatible"),
                worse => worse,
            }
        }
        [0x64, 0xff9b, 1, ..] => Reach::Private("local NAT64"),
        [0x2002, high, last, ..] => low(high, last),
        // ISATAP carries an IPv4 address in its interface identifier.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, last] if low(high, last) != Reach::Public => {
            low(high, last)
        }
        [0xfe80..=0xfebf, ..] => Reach::Private("link-local"),
        [0xfec0..=0xfeff, ..] => Reach::Private("site-local"),
        [0xfc00..=0xfdff, ..] => Reach::Private("unique local"),
        [0xff00..=0xffff, ..] => Reach::Never("multicast"),
        [0x2001, 0, ..] => Reach::Never("Teredo"),
        [0x2001, 2, 0, ..] => Reach::Private("benchmarking"),
        [0x2001, 0x10..=0x2f, ..] => Reach::Never("ORCHID"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never("documentation"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never("reserved"),
    }
}

/// Which addresses a grant opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub private: bool,
    /// The address itself is the host of the grant: a metadata service may be meant.
    pub named: bool,
}

/// Why an address is closed, in words for an error; none where it is open.
pub fn closed(address: IpAddr, scope: Scope) -> Option<&'static str> {
    match reach(address) {
        Reach::Public => None,
        Reach::Private(_) if scope.private => None,
        Reach::Private(kind) => Some(kind),
        Reach::Metadata if scope.private && scope.named => None,
        Reach::Metadata => Some("cloud metadata"),
        Reach::Never(kind) => Some(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_what_stands_behind_them() {
        use Reach::{Metadata, Never, Private, Public};
        for (text, expected) in [
            ("93.184.216.34", Public),
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("0.0.0.0", Never("unspecified")),
            ("0.1.2.3", Never("unspecified")),
            ("127.0.0.1", Private("loopback")),
            ("127.255.255.254", Private("loopback")),
            ("10.0.0.1", Private("private")),
            ("172.16.0.1", Private("private")),
            ("172.31.255.255", Private("private")),
            ("192.168.1.1", Private("private")),
            ("169.254.1.1", Private("link-local")),
            ("169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("168.63.129.16", Metadata),
            ("100.100.100.200", Metadata),
            ("100.64.0.1", Private("carrier-grade NAT")),
            ("198.18.0.1", Private("benchmarking")),
            ("192.0.0.8", Never("protocol assignment")),
            ("192.0.2.1", Never("documentation")),
            ("198.51.100.1", Never("documentation")),
            ("203.0.113.9", Never("documentation")),
            ("192.88.99.1", Never("6to4 relay")),
            ("224.0.0.1", Never("multicast")),
            ("255.255.255.255", Never("broadcast")),
            ("240.0.0.1", Never("reserved")),
            ("2606:4700:4700::1111", Public),
            ("2a00:1450:4001:800::200e", Public),
            ("::", Never("unspecified")),
            ("::1", Private("loopback")),
            ("::ffff:127.0.0.1", Private("loopback")),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:93.184.216.34", Public),
            ("::127.0.0.1", Private("loopback")),
            ("::10.0.0.1", Private("private")),
            ("::93.184.216.34", Never("IPv4-compatible")),
            ("::ffff:0:10.0.0.1", Private("private")),
            ("64:ff9b::10.0.0.1", Private("private")),
            ("64:ff9b::169.254.169.254", Metadata),
            ("64:ff9b::93.184.216.34", Public),
            ("64:ff9b:1::1", Private("local NAT64")),
            ("2002:7f00:1::", Private("loopback")),
            ("2002:a9fe:a9fe::1", Metadata),
            ("2002:5db8:d822::1", Public),
            ("2001:0:53aa:64c::1", Never("Teredo")),
            ("2a00::5efe:192.168.0.1", Private("private")),
            ("fe80::1", Private("link-local")),
            ("fec0::1", Private("site-local")),
            ("fc00::1", Private("unique local")),
            ("fd12:3456::1", Private("unique local")),
            ("fd00:ec2::254", Metadata),
            ("fd20:ce::254", Metadata),
            ("ff02::1", Never("multicast")),
            ("2001:db8::1", Never("documentation")),
            ("3fff::1", Never("documentation")),
            ("100::1", Never("reserved")),
            ("5f00::1", Never("reserved")),
            ("4000::1", Never("reserved")),
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(reach(address), expected, "{text}");
        }
    }

    #[test]
    fn what_a_grant_opens() {
        let shut = Scope::default();
        let private = Scope {
            private: true,
            named: false,
        };
        let named = Scope {
            private: true,
            named: true,
        };
        for (text, scope, open) in [
            ("1.1.1.1", shut, true),
            ("127.0.0.1", shut, false),
            ("127.0.0.1", private, true),
            ("::ffff:10.0.0.1", private, true),
            ("169.254.169.254", private, false),
            ("169.254.169.254", named, true),
            ("0.0.0.0", named, false),
            ("224.0.0.1", named, false),
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(closed(address, scope).is_none(), open, "{text} {scope:?}");
        }
    }
}
