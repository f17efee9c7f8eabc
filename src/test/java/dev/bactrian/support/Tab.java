package dev.bactrian.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.databind.JsonNode;

import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/** A tab of {@link Chromium}: what a person does in it, and what the browser has to say about the page. */
public final class Tab implements AutoCloseable {

    private static final Duration SOON = Duration.ofSeconds(30);
    /** The codes of the keys that are not characters. */
    private static final Map<String, Integer> KEYS = Map.of("Tab", 9, "Enter", 13, "Escape", 27, " ", 32, "PageUp", 33, "PageDown", 34,
            "End", 35, "Home", 36, "ArrowUp", 38, "ArrowDown", 40);
    private static final int SHIFT = 8;
    private static final List<String> CONTROLS = List.of("button", "link", "textbox", "searchbox", "combobox", "image", "table", "navigation", "region");

    private final Chromium browser;
    private final String context;
    private final String session;
    private final List<String> messages = new CopyOnWriteArrayList<>();

    Tab(Chromium browser, String context, String session) {
        this.browser = browser;
        this.context = context;
        this.session = session;
        browser.listen(session, this::event);
        call("Page.enable", Map.of());
        call("Runtime.enable", Map.of());
        call("Log.enable", Map.of());
        size(1280, 900);
        media("light");
    }

    private void event(String method, JsonNode event) {
        switch (method) {
            case "Runtime.consoleAPICalled" -> messages.add(event.path("type").asText() + ": "
                    + StreamSupport.stream(event.path("args").spliterator(), false)
                            .map(value -> value.path("value").asText(value.path("description").asText())).collect(Collectors.joining(" ")));
            case "Runtime.exceptionThrown" -> messages.add("exception: " + event.path("exceptionDetails").path("exception").path("description").asText());
            case "Log.entryAdded" -> messages.add(event.path("entry").path("source").asText() + ": " + event.path("entry").path("text").asText()
                    + " " + event.path("entry").path("url").asText());
            default -> {
            }
        }
    }

    private JsonNode call(String method, Map<String, ?> parameters) {
        return browser.call(session, method, parameters);
    }

    /** Whatever stands in the browser's console: messages, exceptions, failed loads, violations of the content security policy. */
    public List<String> messages() {
        return List.copyOf(messages);
    }

    /** Leaves out of {@link #messages} what has been said so far. */
    public void forgetMessages() {
        messages.clear();
    }

    /** The width and height of the page, in CSS pixels. */
    public Tab size(int width, int height) {
        call("Emulation.setDeviceMetricsOverride", Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
        return this;
    }

    /** The colours that the person prefers: {@code light} or {@code dark}. */
    public Tab media(String colours) {
        call("Emulation.setEmulatedMedia", Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", colours),
                Map.of("name", "prefers-reduced-motion", "value", "reduce"))));
        return this;
    }

    /** Runs a script in each page that is loaded from now on, before those of the page. */
    public void before(String script) {
        call("Page.addScriptToEvaluateOnNewDocument", Map.of("source", script));
    }

    public Tab go(String url) {
        assertThat(call("Page.navigate", Map.of("url", url)).path("errorText").asText()).as("loading %s", url).isEmpty();
        return until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /** The value of an expression; a promise is awaited. */
    public JsonNode eval(String expression) {
        JsonNode result = call("Runtime.evaluate", Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
        if (result.has("exceptionDetails")) {
            throw new AssertionError(expression + ": " + result.path("exceptionDetails"));
        }
        return result.path("result").path("value");
    }

    /** Waits until an expression is true. */
    public Tab until(String condition) {
        await(condition).atMost(SOON).pollInterval(Duration.ofMillis(20)).until(() -> eval("!!(" + condition + ")").asBoolean());
        return this;
    }

    /** The text of the first element that matches a CSS selector, as a person sees it; empty if there is none. */
    public String text(String selector) {
        return eval("(document.querySelector(" + quoted(selector) + ")?.innerText ?? '')").asText();
    }

    /** Waits until a text is to be seen in an element. */
    public Tab see(String selector, String text) {
        await(selector + " shows " + text).atMost(SOON).pollInterval(Duration.ofMillis(20)).until(() -> text(selector).contains(text));
        return this;
    }

    public Tab click(String selector) {
        until("document.querySelector(" + quoted(selector) + ")?.checkVisibility()");
        JsonNode at = eval("(() => { const e = document.querySelector(" + quoted(selector) + "); e.scrollIntoView({block: 'nearest'});"
                + " const r = e.getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()");
        for (String type : List.of("mousePressed", "mouseReleased")) {
            call("Input.dispatchMouseEvent", Map.of("type", type, "x", at.path("x").asDouble(), "y", at.path("y").asDouble(),
                    "button", "left", "clickCount", 1));
        }
        return this;
    }

    /** Presses keys: names such as {@code Tab} or {@code Shift+Tab}, or characters. */
    public Tab press(String... keys) {
        for (String name : keys) {
            String key = name.replace("Shift+", "");
            Map<String, Object> event = new LinkedHashMap<>(Map.of("key", key, "code", key.equals(" ") ? "Space" : key,
                    "windowsVirtualKeyCode", KEYS.getOrDefault(key, (int) Character.toUpperCase(key.charAt(0))),
                    "modifiers", name.startsWith("Shift+") ? SHIFT : 0));
            if (key.equals("Enter") || key.length() == 1) {
                event.put("text", key.equals("Enter") ? "\r" : key);
            }
            event.put("type", event.containsKey("text") ? "keyDown" : "rawKeyDown");
            call("Input.dispatchKeyEvent", event);
            event.remove("text");
            event.put("type", "keyUp");
            call("Input.dispatchKeyEvent", event);
        }
        return this;
    }

    /** Puts text in at the focus, as typing does. */
    public Tab type(String text) {
        call("Input.insertText", Map.of("text", text));
        return this;
    }

    /** Writes what is seen to a PNG file, with the mouse out of the way. */
    public void screenshot(Path file) {
        call("Input.dispatchMouseEvent", Map.of("type", "mouseMoved", "x", 0, "y", 0));
        byte[] png = Base64.getDecoder().decode(call("Page.captureScreenshot", Map.of("format", "png")).path("data").asText());
        try (ByteArrayInputStream in = new ByteArrayInputStream(png)) {
            Files.createDirectories(file.toAbsolutePath().getParent());
            // Again: the browser does not take the time to write it small.
            ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
            ImageWriteParam small = writer.getDefaultWriteParam();
            small.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            small.setCompressionQuality(0);
            Files.deleteIfExists(file);
            try (ImageOutputStream out = ImageIO.createImageOutputStream(file.toFile())) {
                writer.setOutput(out);
                writer.write(null, new IIOImage(ImageIO.read(in), null, null), small);
            } finally {
                writer.dispose();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The controls for which a screen reader has no name. */
    public List<String> unnamed() {
        return StreamSupport.stream(call("Accessibility.getFullAXTree", Map.of()).path("nodes").spliterator(), false)
                .filter(node -> !node.path("ignored").asBoolean() && CONTROLS.contains(node.path("role").path("value").asText())
                        && node.path("name").path("value").asText().isBlank()).map(JsonNode::toString).toList();
    }

    private static String quoted(String text) {
        return Chromium.JSON.valueToTree(text).toString();
    }

    @Override
    public void close() {
        browser.forget(session);
        browser.call(null, "Target.disposeBrowserContext", Map.of("browserContextId", context));
    }
}
