package dev.bactrian.generate;

/** The headers of a request (model and provider) and of every emitted message. */
public final class Headers {

    public static final String REQUEST_ID = "BactrianRequestId";
    public static final String PROVIDER = "BactrianProvider";
    public static final String MODEL = "BactrianModel";
    public static final String KIND = "BactrianKind";
    public static final String STATUS = "BactrianStatus";
    /** From 0, on chunks. */
    public static final String CHUNK_INDEX = "BactrianChunkIndex";

    private Headers() {
    }
}
