package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

import dev.bactrian.generate.Headers;
import org.apache.camel.util.StringHelper;

/** Adds the options that Bactrian needs to the URIs of destinations. */
final class DestinationUris {

    /** Components whose URI option for the file name takes precedence over the header. */
    private static final Set<String> FILES = Set.of("file", "ftp", "ftps", "sftp", "scp", "smb");
    private static final String OWN_NAME = "${header." + Headers.CONTENT_NAME + "}";
    private static final Pattern OPTIONS = Pattern.compile("&(?=[A-Za-z.]+=)");
    private static final Pattern TEXT_OPTION = Pattern.compile("(?:charset|appendChars)=.*|fileExist=Append");

    private DestinationUris() {
    }

    /**
     * Adds options: a file is written under a temporary name and renamed, so that no reader sees a partial file; HTTP is always a POST,
     * because camel-http sends a GET without the body if the URI has a query.
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
     * Returns the URI for the images beside a document: the same folder, but the name of each image instead of the document's, and
     * without options that only apply to text.
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

    /** Whether messages to that URI are written to a file, locally or on a server. */
    static boolean namesFiles(String uri) {
        return FILES.contains(StringHelper.before(uri, ":", uri));
    }

    static boolean isFile(String uri) {
        return uri.startsWith("file:");
    }

    static boolean isHttp(String uri) {
        return uri.startsWith("http:") || uri.startsWith("https:");
    }

    /** Returns the folder of a file name expression, including the last slash. Ignores slashes inside of {@code ${...}}. */
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
