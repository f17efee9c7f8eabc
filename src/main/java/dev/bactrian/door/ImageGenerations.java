package dev.bactrian.door;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.ImageContent;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Models;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.replicate.FileUploads;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.Fingerprint;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;

/**
 * Images of OpenAI's API: makes our request of one, and its answer of our result (OpenAI API reference, Images). How a model takes a size,
 * a number and a format is said by {@code inputs} in the catalogue.
 */
public final class ImageGenerations implements CamelContextAware {

    /**
     * A request whose image is uploaded first.
     *
     * @param body  distinguishes the call from others
     * @param asked the fields of the call
     * @param input the input of the request that takes the URL
     * @param image the fingerprint of the image
     */
    private record Upload(byte[] body, ObjectNode asked, ObjectNode request, String input, String image) {
    }

    private static final Pattern SIZE = Pattern.compile("([1-9]\\d{1,4})x([1-9]\\d{1,4})");
    private static final List<String> RATIOS = List.of("1:1", "16:9", "9:16", "21:9", "9:21", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5");
    private static final int MOST = 10;
    private static final List<String> FIELDS = List.of("id", "model", "provider", "prompt", "n", "size", "response_format", "output_format");
    private static final List<String> NUMBERS = List.of("n", "seed");
    private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");
    /** The exchange property with what is done after an upload. */
    private static final String UPLOAD = "bactrianUpload";
    private static final String BASE64 = ";base64,";

    private CamelContext camelContext;
    private Models models;
    private RequestReader reader;
    private AcceptedRequests accepted;

    /** Sets what knows the images that were uploaded for a request. */
    public void setAccepted(AcceptedRequests accepted) {
        this.accepted = accepted;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        models = Models.of(context);
        reader = new RequestReader(Settings.of(context).bytes(Property.MAX_REQUEST_BYTES), models.catalogue().providers());
        Steps.of(context, "bactrianImageGenerations", ImageGenerations.class).step("request", ImageGenerations::request)
                .step("edit", ImageGenerations::edit).test("isUploadDue", ImageGenerations::isUploadDue)
                .step("notUploaded", ImageGenerations::notUploaded).step("uploaded", ImageGenerations::uploaded)
                .step("answer", ImageGenerations::answer);
    }

    /**
     * Sets the body to our request.
     *
     * @throws GenerationFailure {@code invalid-request} or {@code unsupported-model}
     */
    public void request(Exchange exchange) {
        byte[] body = exchange.getMessage().getBody(byte[].class);
        ObjectNode asked = reader.object(body);
        ask(exchange, body, asked, request(asked, model(exchange, asked)));
    }

    /**
     * Sets the body to our request that the form with an image asks for, or to the upload of an image that is too large for it.
     *
     * @throws GenerationFailure {@code invalid-request} or {@code unsupported-model}
     * @throws Refusal           413 if the image is too large, and the service takes no uploads
     * @throws IOException       if the image cannot be read
     */
    public void edit(Exchange exchange) throws IOException {
        Form form = Form.of(exchange);
        ObjectNode asked = JsonNodeFactory.instance.objectNode();
        FIELDS.stream().filter(field -> form.field(field) != null).forEach(field -> asked.put(field, form.field(field)));
        NUMBERS.stream().filter(field -> form.field(field) != null && NUMBER.matcher(form.field(field)).matches())
                .forEach(field -> asked.put(field, Integer.parseInt(form.field(field))));
        ImageContent image = ImageContent.of(form.file("image")).orElseThrow(() -> Fields.invalid("image: not an image, as its first bytes show"));
        String fingerprint = Fingerprint.of(image.bytes());
        byte[] body = ProviderJson.bytes(asked.deepCopy().put("image", fingerprint));
        Model model = model(exchange, asked);
        ObjectNode request = request(asked, model);
        String input = required("image", model, models.catalogue().inputs(model).get("image")).get(0);
        if (image.bytes().length <= FileUploads.LARGEST_DATA_BYTES) {
            ask(exchange, body, asked, request.put(input, image.dataUrl()));
            return;
        }
        Optional<String> url = accepted.upload(Call.of(exchange), fingerprint);
        if (url.isPresent()) {
            ask(exchange, body, asked, request.put(input, url.get()));
            return;
        }
        reader.read(ProviderJson.bytes(request), Format.JSON);
        isBase64(asked);
        exchange.setProperty(UPLOAD, new Upload(body, asked, request, input, fingerprint));
        if (!FileUploads.request(exchange, image.bytes(), image.contentType())) {
            throw new Refusal(413, "invalid-request", "image: larger than 256 kB, and " + Property.REPLICATE_API_ENDPOINT.key() + " takes no uploads");
        }
    }

    /** Whether the image is to be uploaded. */
    public boolean isUploadDue(Exchange exchange) {
        return exchange.getProperty(UPLOAD) != null;
    }

    /** Fails the call, because the image could not be uploaded. */
    public void notUploaded(Exchange exchange) {
        throw FileUploads.failure(exchange);
    }

    /** Sets the body to our request with the URL of the uploaded image. */
    public void uploaded(Exchange exchange) {
        Upload upload = exchange.removeProperty(UPLOAD) instanceof Upload due ? due : null;
        String url = FileUploads.url(exchange);
        accepted.keepUpload(Call.of(exchange), upload.image(), url);
        ask(exchange, upload.body(), upload.asked(), upload.request().put(upload.input(), url));
    }

    private Model model(Exchange exchange, ObjectNode asked) {
        Call.of(exchange).name(asked.path("id").textValue());
        Model model = ModelList.resolve(models, exchange, Fields.text(asked, "model"), reader.provider(Fields.text(asked, "provider")), Kind.IMAGE);
        if (model.kind() == Kind.TEXT) {
            throw Fields.invalid("model: " + model.id() + " writes text, by /v1/chat/completions");
        }
        return model;
    }

    private ObjectNode request(ObjectNode asked, Model model) {
        ObjectNode request = JsonNodeFactory.instance.objectNode().put("model", model.id()).put("provider", model.provider().toString())
                .put("kind", "image").put("prompt", Fields.text(asked, "prompt"));
        Map<String, List<String>> inputs = models.catalogue().inputs(model);
        size(Fields.text(asked, "size"), model, inputs.get("size"), request);
        number(asked.path("n"), model, inputs.get("n"), request);
        format(Fields.text(asked, "output_format"), model, inputs.get("output_format"), request);
        if (asked.path("seed").isNumber()) {
            request.set("seed", asked.get("seed"));
        }
        List.of("id", "fallback", "fallback-after-paid").stream().filter(asked::has).forEach(field -> request.set(field, asked.get(field)));
        return request;
    }

    private static void ask(Exchange exchange, byte[] body, ObjectNode asked, ObjectNode request) {
        Call call = Call.of(exchange);
        exchange.getMessage().setBody(ProviderJson.bytes(request));
        exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, Answers.JSON);
        call.ask(exchange, "images", body, null, isBase64(asked) ? ImagesMode.INLINE : ImagesMode.URL);
    }

    private static boolean isBase64(ObjectNode asked) {
        String format = Fields.text(asked, "response_format");
        if (format == null || format.equals("url")) {
            return false;
        } else if (format.equals("b64_json")) {
            return true;
        }
        throw Fields.invalid("response_format: not url or b64_json");
    }

    private static void size(String asked, Model model, List<String> inputs, ObjectNode request) {
        if (asked == null || asked.equals("auto")) {
            return;
        }
        Matcher size = SIZE.matcher(asked);
        if (!size.matches()) {
            throw Fields.invalid("size: not auto, and not width x height such as 1024x1024");
        }
        int width = Integer.parseInt(size.group(1));
        int height = Integer.parseInt(size.group(2));
        List<String> names = required("size", model, inputs);
        if (names.size() == 2) {
            request.put(names.get(0), width).put(names.get(1), height);
        } else {
            request.put(names.get(0), ratio((double) width / height));
        }
    }

    /** Returns the usual aspect ratio that is nearest, as models take no others. */
    private static String ratio(double asked) {
        return RATIOS.stream().min((one, other) -> Double.compare(distance(one, asked), distance(other, asked))).orElseThrow();
    }

    private static double distance(String ratio, double asked) {
        String[] sides = ratio.split(":");
        return Math.abs(Math.log(Double.parseDouble(sides[0]) / Double.parseDouble(sides[1]) / asked));
    }

    private static void number(JsonNode asked, Model model, List<String> inputs, ObjectNode request) {
        if (asked.isMissingNode() || asked.isNull() || asked.isInt() && asked.intValue() == 1) {
            return;
        } else if (!asked.isInt() || asked.intValue() < 1 || asked.intValue() > MOST) {
            throw Fields.invalid("n: not 1 to " + MOST);
        }
        request.set(required("n", model, inputs).get(0), asked);
    }

    private static void format(String asked, Model model, List<String> inputs, ObjectNode request) {
        if (asked != null) {
            request.put(required("output_format", model, inputs).get(0), asked.equals("jpeg") ? "jpg" : asked);
        }
    }

    private static List<String> required(String field, Model model, List<String> inputs) {
        if (inputs == null) {
            throw Fields.invalid(field + ": the catalogue names no input of " + model.id() + " for it");
        }
        return inputs;
    }

    /** Answers with the outcome in the body: the images, or the error. */
    public void answer(Exchange exchange) {
        JsonNode document = ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow();
        Call call = Call.of(exchange);
        if (document.has("error")) {
            call.fail(exchange, document);
            return;
        }
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("created", System.currentTimeMillis() / 1000);
        ArrayNode data = body.putArray("data");
        document.path("images").forEach(image -> data.add(entry(image)));
        List.of("provider", "model", "cost", "attempts").stream().filter(document::has).forEach(field -> body.set(field, document.get(field)));
        call.answer(exchange, 200, Answers.JSON, Answers.bytes(body));
    }

    /** An image that could not be downloaded keeps its URL, and says why: it is paid for. */
    private static ObjectNode entry(JsonNode image) {
        String url = image.path("url").asText();
        ObjectNode entry = JsonNodeFactory.instance.objectNode();
        int data = url.startsWith("data:") ? url.indexOf(BASE64) : -1;
        if (data >= 0) {
            entry.put("b64_json", url.substring(data + BASE64.length()));
        } else {
            entry.put("url", url);
        }
        if (image.has("error")) {
            entry.set("error", image.get("error"));
        }
        return entry;
    }
}
