use proptest::prelude::*;

use super::*;

/// What is said of each address; `-` where it is one of the Internet's.
fn said(addresses: &str) -> String {
    let said = addresses.split_whitespace().map(|text| match reachable(text.parse().unwrap(), &[]) {
        Ok(()) => format!("{text}: -"),
        Err(why) => format!("{text}: {why}"),
    });
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn blocks_of_ipv4_end_where_they_end() {
    let edges = "
        0.0.0.0 0.255.255.255 1.0.0.0
        9.255.255.255 10.0.0.0 10.255.255.255 11.0.0.0
        100.63.255.255 100.64.0.0 100.127.255.255 100.128.0.0
        126.255.255.255 127.0.0.0 127.255.255.255 128.0.0.0
        169.253.255.255 169.254.0.0 169.254.169.254 169.254.255.255 169.255.0.0
        172.15.255.255 172.16.0.0 172.31.255.255 172.32.0.0
        191.255.255.255 192.0.0.0 192.0.0.255 192.0.1.0 192.0.2.1 192.0.3.0
        192.88.98.255 192.88.99.1 192.88.100.0
        192.167.255.255 192.168.0.0 192.168.255.255 192.169.0.0
        198.17.255.255 198.18.0.0 198.19.255.255 198.20.0.0
        198.51.99.255 198.51.100.1 198.51.101.0
        203.0.112.255 203.0.113.1 203.0.114.0
        223.255.255.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255";
    insta::assert_snapshot!(said(edges), @"
    0.0.0.0: 0.0.0.0 is an address of this machine itself (RFC 791)
    0.255.255.255: 0.255.255.255 is an address of this machine itself (RFC 791)
    1.0.0.0: -
    9.255.255.255: -
    10.0.0.0: 10.0.0.0 is a private address (RFC 1918)
    10.255.255.255: 10.255.255.255 is a private address (RFC 1918)
    11.0.0.0: -
    100.63.255.255: -
    100.64.0.0: 100.64.0.0 is an address behind a carrier's NAT (RFC 6598)
    100.127.255.255: 100.127.255.255 is an address behind a carrier's NAT (RFC 6598)
    100.128.0.0: -
    126.255.255.255: -
    127.0.0.0: 127.0.0.0 is a loopback address (RFC 1122)
    127.255.255.255: 127.255.255.255 is a loopback address (RFC 1122)
    128.0.0.0: -
    169.253.255.255: -
    169.254.0.0: 169.254.0.0 is a link-local address (RFC 3927)
    169.254.169.254: 169.254.169.254 is a link-local address (RFC 3927)
    169.254.255.255: 169.254.255.255 is a link-local address (RFC 3927)
    169.255.0.0: -
    172.15.255.255: -
    172.16.0.0: 172.16.0.0 is a private address (RFC 1918)
    172.31.255.255: 172.31.255.255 is a private address (RFC 1918)
    172.32.0.0: -
    191.255.255.255: -
    192.0.0.0: 192.0.0.0 is an address for protocols (RFC 6890)
    192.0.0.255: 192.0.0.255 is an address for protocols (RFC 6890)
    192.0.1.0: -
    192.0.2.1: 192.0.2.1 is an address for documentation (RFC 5737)
    192.0.3.0: -
    192.88.98.255: -
    192.88.99.1: 192.88.99.1 is an address of 6to4 relays (RFC 7526)
    192.88.100.0: -
    192.167.255.255: -
    192.168.0.0: 192.168.0.0 is a private address (RFC 1918)
    192.168.255.255: 192.168.255.255 is a private address (RFC 1918)
    192.169.0.0: -
    198.17.255.255: -
    198.18.0.0: 198.18.0.0 is an address for benchmarks (RFC 2544)
    198.19.255.255: 198.19.255.255 is an address for benchmarks (RFC 2544)
    198.20.0.0: -
    198.51.99.255: -
    198.51.100.1: 198.51.100.1 is an address for documentation (RFC 5737)
    198.51.101.0: -
    203.0.112.255: -
    203.0.113.1: 203.0.113.1 is an address for documentation (RFC 5737)
    203.0.114.0: -
    223.255.255.255: -
    224.0.0.0: 224.0.0.0 is a multicast address (RFC 5771)
    239.255.255.255: 239.255.255.255 is a multicast address (RFC 5771)
    240.0.0.0: 240.0.0.0 is a reserved address (RFC 1112)
    255.255.255.254: 255.255.255.254 is a reserved address (RFC 1112)
    255.255.255.255: 255.255.255.255 is the broadcast address (RFC 919)
    ");
}

#[test]
fn blocks_of_ipv6_end_where_they_end() {
    let edges = "
        :: ::1 ::2 ::7f00:1 ::8.8.8.8 ::ffff:8.8.8.8 ::ffff:0a00:1 ::ffff:0:10.0.0.1
        64:ff9b::8.8.8.8 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:2::1
        100::1 1fff:ffff::1 2000::1
        2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:1ff::1 2001:200::1
        2001:db7::1 2001:db8::1 2001:db9::1
        2002:0808:0808::1 2002:7f00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1 2003::1
        2606:4700::1 2a00:1450:4001::200e 3ffe::1 3fff::1 3fff:fff::1 3fff:1000::1
        4000::1 5f00::1 8000::1 fbff::1 fc00::1 fd00:ec2::254 fdff::1 fe00::1
        fe80::1 febf::1 fec0::1 ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    insta::assert_snapshot!(said(edges), @"
    ::: :: is an address of this machine itself (RFC 4291)
    ::1: ::1 is a loopback address (RFC 4291)
    ::2: ::2 is another form of 0.0.0.2, an address of this machine itself (RFC 791)
    ::7f00:1: ::7f00:1 is another form of 127.0.0.1, a loopback address (RFC 1122)
    ::8.8.8.8: ::808:808 is a reserved address (RFC 4291)
    ::ffff:8.8.8.8: -
    ::ffff:0a00:1: 10.0.0.1 is a private address (RFC 1918)
    ::ffff:0:10.0.0.1: ::ffff:0:a00:1 is a reserved address (RFC 4291)
    64:ff9b::8.8.8.8: -
    64:ff9b::10.0.0.1: 64:ff9b::a00:1 is another form of 10.0.0.1, a private address (RFC 1918)
    64:ff9b::a9fe:a9fe: 64:ff9b::a9fe:a9fe is another form of 169.254.169.254, a link-local address (RFC 3927)
    64:ff9b:1::1: 64:ff9b:1::1 is an address of a NAT64 of this network (RFC 8215)
    64:ff9b:2::1: 64:ff9b:2::1 is a reserved address (RFC 4291)
    100::1: 100::1 is an address of what is discarded (RFC 6666)
    1fff:ffff::1: 1fff:ffff::1 is a reserved address (RFC 4291)
    2000::1: -
    2001::1: 2001::1 is an address of Teredo (RFC 4380)
    2001:0:4136:e378:8000:63bf:3fff:fdd2: 2001:0:4136:e378:8000:63bf:3fff:fdd2 is an address of Teredo (RFC 4380)
    2001:2::1: 2001:2::1 is an address for benchmarks (RFC 5180)
    2001:1ff::1: 2001:1ff::1 is an address for protocols (RFC 2928)
    2001:200::1: -
    2001:db7::1: -
    2001:db8::1: 2001:db8::1 is an address for documentation (RFC 3849)
    2001:db9::1: -
    2002:0808:0808::1: -
    2002:7f00:1::1: 2002:7f00:1::1 is another form of 127.0.0.1, a loopback address (RFC 1122)
    2002:a9fe:a9fe::1: 2002:a9fe:a9fe::1 is another form of 169.254.169.254, a link-local address (RFC 3927)
    2002:c0a8:101::1: 2002:c0a8:101::1 is another form of 192.168.1.1, a private address (RFC 1918)
    2003::1: -
    2606:4700::1: -
    2a00:1450:4001::200e: -
    3ffe::1: -
    3fff::1: 3fff::1 is an address for documentation (RFC 9637)
    3fff:fff::1: 3fff:fff::1 is an address for documentation (RFC 9637)
    3fff:1000::1: -
    4000::1: 4000::1 is a reserved address (RFC 4291)
    5f00::1: 5f00::1 is an address of segment routing (RFC 9602)
    8000::1: 8000::1 is a reserved address (RFC 4291)
    fbff::1: fbff::1 is a reserved address (RFC 4291)
    fc00::1: fc00::1 is a unique local address (RFC 4193)
    fd00:ec2::254: fd00:ec2::254 is a unique local address (RFC 4193)
    fdff::1: fdff::1 is a unique local address (RFC 4193)
    fe00::1: fe00::1 is a reserved address (RFC 4291)
    fe80::1: fe80::1 is a link-local address (RFC 4291)
    febf::1: febf::1 is a link-local address (RFC 4291)
    fec0::1: fec0::1 is a site-local address (RFC 3879)
    ff02::1: ff02::1 is a multicast address (RFC 4291)
    ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff is a multicast address (RFC 4291)
    ");
}

#[test]
fn what_is_no_block_is_told_how_to_be_one() {
    let wrong = ["localhost", "10.0.0.0/33", "10.1.2.3/24", "10.1.2", "::ffff:10.0.0.0/104", "", "fd00::1/8"];
    let told = wrong.map(|text| text.parse::<AddressBlock>().unwrap_err());
    insta::assert_snapshot!(told.join("\n"), @r#"
    "localhost" is not a block of addresses; write for example "10.1.2.0/24", or "127.0.0.1" for one
    "10.0.0.0/33" is not a block of addresses; write for example "10.1.2.0/24", or "127.0.0.1" for one
    "10.1.2.3/24" has more bits than its length says; write "10.1.2.0/24"
    "10.1.2" is not a block of addresses; write for example "10.1.2.0/24", or "127.0.0.1" for one
    "::ffff:10.0.0.0/104" is of IPv4 addresses in the form of IPv6; write them in their own, write for example "10.1.2.0/24", or "127.0.0.1" for one
    "" is not a block of addresses; write for example "10.1.2.0/24", or "127.0.0.1" for one
    "fd00::1/8" has more bits than its length says; write "fd00::/8"
    "#);
    for right in ["10.1.2.0/24", "127.0.0.1", "fd00::/8", "::1", "0.0.0.0/0"] {
        assert_eq!(right.parse::<AddressBlock>().unwrap().to_string(), right);
    }
    assert_eq!("::ffff:127.0.0.1".parse::<AddressBlock>().unwrap().to_string(), "127.0.0.1");
}

proptest! {
    /// An IPv6 address is never let through where it is another form of an IPv4 address that is not.
    #[test]
    fn no_form_of_an_address_goes_further_than_the_address(four: u32, low: u16) {
        let four = Ipv4Addr::from_bits(four);
        let [a, b] = [(four.to_bits() >> 16) as u16, four.to_bits() as u16];
        let forms = [
            four.to_ipv6_mapped(),
            four.to_ipv6_compatible(),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, a, b),
            Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, low),
            Ipv6Addr::new(0x2001, 0, a, b, 0, low, !a, !b),
            Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, low, !a, !b),
        ];
        if reachable(four.into(), &[]).is_err() {
            for form in forms {
                prop_assert!(reachable(form.into(), &[]).is_err(), "{form} for {four}");
            }
        } else {
            prop_assert!(reachable(forms[0].into(), &[]).is_ok());
        }
    }

    /// The line that an error proposes is the one that mends it, and allows nothing else.
    #[test]
    fn the_line_allows_what_it_is_for(bits: u128, other: u128, kind in 0..3) {
        let address: IpAddr = match kind {
            0 => Ipv4Addr::from_bits(bits as u32).into(),
            1 => Ipv4Addr::from_bits(bits as u32).to_ipv6_mapped().into(),
            _ => Ipv6Addr::from_bits(bits).into(),
        };
        if let Err(why) = reachable(address, &[]) {
            let line = Unreachable::line(&[why]);
            let block: AddressBlock = line.split('"').nth(1).unwrap().parse().unwrap();
            prop_assert!(reachable(address, &[block]).is_ok(), "{line}");
            prop_assert!(!block.contains(Ipv6Addr::from_bits(other).into()) || bits == other);
        }
    }
}
