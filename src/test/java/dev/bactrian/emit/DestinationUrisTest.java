package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where the images of a document go: into its folder, under names of their own. */
class DestinationUrisTest {

    private static final String NAME = "${header.BactrianContentName}";
    private static final String WHOLE = "&tempPrefix=.tmp-&eagerDeleteTargetFile=false";

    @ParameterizedTest
    @CsvSource({
        "file:outbox, file:outbox?fileName=NAME WHOLE",
        "file:outbox?fileName=${header.BactrianRequestId}.json, file:outbox?fileName=NAME WHOLE",
        "file:out?fileName=${header.BactrianModel}/of/${header.x/y}.json&fileExist=Fail, "
            + "file:out?fileName=${header.BactrianModel}/of/NAME&fileExist=Fail WHOLE",
        "file:out?charset=UTF-8&fileName=all.json&fileExist=Append&appendChars=\\n, file:out?fileName=NAME WHOLE",
        "file:out?fileName=RAW(a&b)&tempPrefix=t, file:out?fileName=NAME&tempPrefix=t",
        "sftp://me@host/in?password=RAW(a&b)&fileName=x.json, sftp://me@host/in?fileName=NAME&password=RAW(a&b)",
        "file:out?fileName=${header.BactrianContentName}&charset=UTF-8, file:out?fileName=NAME&charset=UTF-8",
        "jms:queue:results, jms:queue:results",
        "http://host/hook?fileName=x, http://host/hook?fileName=x"})
    void theImagesOfADocument(String uri, String forFiles) {
        assertThat(DestinationUris.forFiles(uri)).isEqualTo(forFiles.replace("NAME", NAME).replace(" WHOLE", WHOLE));
    }
}
