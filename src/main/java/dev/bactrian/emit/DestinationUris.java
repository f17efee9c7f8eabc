package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

import dev.bactrian.generate.Headers;
import org.apache.camel.util.StringHelper;

/** The URIs of destinations, as they are configured and as Camel is to take them. */
final class DestinationUris {

    /** Components that name a file by an option of the URI, which wins over a header. */
    private static final Set<String> FILES = Set.of("file", "ftp", "ftps", "sftp", "scp", "smb");
    private static final String OWN_NAME = "${header." + Headers.CONTENT_NAME + "}";
    private static final Pattern OPTIONS = Pattern.compile("&(?=[A-Za-z.]+=)");
    private static final Pattern TEXT_OPTION = Pattern.compile("(?:charset|appendChars)=.*|fileExist=Append");

    private DestinationUris() {
    }

    /**
     * A file is written under a temporary name and renamed, so that no reader sees half of one. HTTP is a POST also where
     * the URI has a query, of which camel-http would make a GET without the body.
     */
    static String asMeant(String uri) {
        if (isHttp(uri) && !uri.contains("httpMethod=")) {
            return uri + (uri.contains("?") ? "&" : "?") + "httpMethod=POST";
        }
        if (!isFile(uri) || uri.contains("tempPrefix=") || uri.contains("tempFileName=") || uri.contains("fileExist=Append")) {
            return uri;
        }
        return uri + (uri.contains("?") ? "&" : "?") + "tempPrefix=.tmp-&eagerDeleteTargetFile=false";
    }

    /**
     * The URI for the files beside a document that goes to that URI: the same folder, and the name of each, where a file
     * component would give them the document's; without what is meant for text.
     */
    static String forFiles(String uri) {
        int query = uri.indexOf('?');
        if (!namesFiles(uri) || query >= 0 && uri.indexOf(OWN_NAME, query) >= 0) {
            return uri;
        }
        List<String> options = new ArrayList<>();
        String folder = "";
        for (String option : query < 0 ? new String[0] : OPTIONS.split(uri.substring(query + 1))) {
            if (option.startsWith("fileName=")) {
                folder = folder(option.substring("fileName=".length()));
            } else if (!TEXT_OPTION.matcher(option).matches()) {
                options.add(option);
            }
        }
        options.add(0, "fileName=" + folder + OWN_NAME);
        return asMeant((query < 0 ? uri : uri.substring(0, query)) + "?" + String.join("&", options));
    }

    /** Whether what goes to that URI is written into a file, here or on a server. */
    static boolean namesFiles(String uri) {
        return FILES.contains(StringHelper.before(uri, ":", uri));
    }

    static boolean isFile(String uri) {
        return uri.startsWith("file:");
    }

    static boolean isHttp(String uri) {
        return uri.startsWith("http:") || uri.startsWith("https:");
    }

    /** The folders in an expression for a file's name, with the last slash; not what is inside of {@code ${...}}. */
    private static String folder(String fileName) {
        int depth = 0;
        for (int i = fileName.length() - 1; i >= 0; i--) {
            char c = fileName.charAt(i);
            depth += c == '}' ? 1 : c == '{' ? -1 : 0;
            if (c == '/' && depth == 0) {
                return fileName.substring(0, i + 1);
            }
        }
        return "";
    }
}
