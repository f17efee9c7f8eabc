package dev.bactrian.emit;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Set;

import org.apache.hc.client5.http.DnsResolver;

/**
 * Resolves hosts for HttpClient to public addresses only. HttpClient connects to exactly the addresses returned here, so a name server
 * cannot return others later.
 */
final class PublicAddresses implements DnsResolver {

    private final DnsResolver names;
    private final Set<String> exceptions;

    /** Creates a resolver; {@code exceptions} are addresses, as written in a URL, that are allowed although they are not public. */
    PublicAddresses(DnsResolver names, Set<String> exceptions) {
        this.names = names;
        this.exceptions = exceptions;
    }

    @Override
    public InetAddress[] resolve(String host) throws UnknownHostException {
        InetAddress[] addresses = names.resolve(host);
        if (!exceptions.contains(host) && !Arrays.stream(addresses).allMatch(PublicAddresses::isPublic)) {
            throw new NotPublicException(host);
        }
        return addresses;
    }

    @Override
    public String resolveCanonicalHostname(String host) throws UnknownHostException {
        return names.resolveCanonicalHostname(host);
    }

    /** Whether an address is public, by IANA's registries of special-purpose addresses. */
    static boolean isPublic(InetAddress address) {
        byte[] a = address.getAddress();
        return a.length == 4 ? isPublic4(a, 0) : isPublic6(a);
    }

    private static boolean isPublic4(byte[] a, int at) {
        int first = a[at] & 0xFF;
        int second = a[at + 1] & 0xFF;
        int third = a[at + 2] & 0xFF;
        return switch (first) {
            case 0, 10, 127 -> false;
            case 100 -> second < 64 || second > 127;
            case 169 -> second != 254;
            case 172 -> second < 16 || second > 31;
            case 192 -> second != 168 && !(second == 0 && (third == 0 || third == 2)) && !(second == 88 && third == 99);
            case 198 -> second != 18 && second != 19 && !(second == 51 && third == 100);
            case 203 -> !(second == 0 && third == 113);
            default -> first < 224;
        };
    }

    /** Only global unicast (2000::/3) except for its special blocks. For an embedded IPv4 address, that address decides. */
    private static boolean isPublic6(byte[] a) {
        int first = (a[0] & 0xFF) << 8 | a[1] & 0xFF;
        int second = (a[2] & 0xFF) << 8 | a[3] & 0xFF;
        if (first == 0x64 && second == 0xFF9B && zero(a, 4, 12)) {
            return isPublic4(a, 12);
        } else if (first == 0x2002) {
            return isPublic4(a, 2);
        }
        boolean special = first == 0x2001 && (second < 0x200 || second == 0xDB8) || first == 0x3FFF && second < 0x1000;
        return (first & 0xE000) == 0x2000 && !special;
    }

    private static boolean zero(byte[] a, int from, int to) {
        for (int i = from; i < to; i++) {
            if (a[i] != 0) {
                return false;
            }
        }
        return true;
    }

    /** Reports a host name that resolves to an address that is not public. */
    static final class NotPublicException extends UnknownHostException {

        private static final long serialVersionUID = 1L;

        NotPublicException(String host) {
            super(host + " has an address that is not public");
        }
    }
}
