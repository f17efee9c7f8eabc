package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;

import org.apache.hc.client5.http.DnsResolver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An image is fetched from a public address or not at all. */
class PublicAddressesTest {

    @ParameterizedTest
    @ValueSource(strings = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "100::1", "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "3fff::1", "4000::1"})
    void isNotPublic(String address) throws UnknownHostException {
        assertThat(PublicAddresses.isPublic(InetAddress.getByName(address))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1", "128.0.0.1", "169.253.0.1",
        "172.15.255.255", "172.32.0.1", "191.255.0.1", "192.1.0.1", "192.167.0.1", "192.169.0.1", "198.17.0.1", "198.20.0.1", "203.0.112.1",
        "223.255.255.255", "2606:4700::1", "2001:4860:4860::8888", "2a00:1450::1", "64:ff9b::8.8.8.8", "2002:808:808::1"})
    void isPublic(String address) throws UnknownHostException {
        assertThat(PublicAddresses.isPublic(InetAddress.getByName(address))).isTrue();
    }

    @Test
    void anIpv4AddressInIpv6ClothesIsNotPublic() throws UnknownHostException {
        byte[] mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) 0xFF, (byte) 0xFF, 8, 8, 8, 8};

        assertThat(PublicAddresses.isPublic(Inet6Address.getByAddress(null, mapped, 0))).isFalse();
    }

    /** A name server that says something else each time. */
    private static DnsResolver saying(String... answers) {
        Deque<String> left = new ArrayDeque<>(List.of(answers));
        return new DnsResolver() {
            @Override
            public InetAddress[] resolve(String host) throws UnknownHostException {
                String[] addresses = left.removeFirst().split(" ");
                InetAddress[] resolved = new InetAddress[addresses.length];
                for (int i = 0; i < addresses.length; i++) {
                    resolved[i] = InetAddress.getByName(addresses[i]);
                }
                return resolved;
            }

            @Override
            public String resolveCanonicalHostname(String host) {
                return host;
            }
        };
    }

    @Test
    void connectsOnlyToTheAddressThatWasChecked() throws UnknownHostException {
        PublicAddresses addresses = new PublicAddresses(saying("8.8.8.8", "127.0.0.1"), Set.of("127.0.0.1"));

        assertThat(addresses.resolve("replicate.delivery", 443)).extracting(address -> address.getAddress().getHostAddress())
                .containsExactly("8.8.8.8");
        assertThatThrownBy(() -> addresses.resolve("replicate.delivery", 443)).isInstanceOf(UnknownHostException.class)
                .hasMessage("replicate.delivery has an address that is not public");
    }

    @Test
    void onePrivateAddressAmongPublicOnesIsEnoughToRefuse() {
        assertThatThrownBy(() -> new PublicAddresses(saying("8.8.8.8 10.0.0.1"), Set.of()).resolve("replicate.delivery"))
                .isInstanceOf(UnknownHostException.class);
    }

    @Test
    void theSimulatorsAddressIsAllowedWhereItIsWrittenSo() throws UnknownHostException {
        assertThat(new PublicAddresses(saying("127.0.0.1"), Set.of("127.0.0.1")).resolve("127.0.0.1")).hasSize(1);
        assertThatThrownBy(() -> new PublicAddresses(saying("127.0.0.1"), Set.of()).resolve("127.0.0.1"))
                .isInstanceOf(UnknownHostException.class);
    }
}
