package dev.javisor.conformance.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/event-tests.md}: whatever it says about events names the tests that show it, and they exist. */
class EventTestsDocumentTest {
    private static final Path PROJECT = project();
    private static final Pattern NAME = Pattern.compile("\"([^\"]+)\"|`(\\w+)\\.(\\w+)`");
    private static final int FEWEST_ROWS = 60;

    private static final Set<String> GUESTS =
            EventCases.all().stream().map(EventCase::name).collect(Collectors.toUnmodifiableSet());

    private static Path project() {
        Path p = Path.of("").toAbsolutePath();
        while (!Files.exists(p.resolve("docs"))) {
            p = p.getParent();
        }
        return p;
    }

    private static List<String[]> rows() throws IOException {
        return Files.readAllLines(PROJECT.resolve("docs/event-tests.md")).stream()
                .filter(l -> l.startsWith("|") && !l.startsWith("|--") && !l.endsWith("| shown by |"))
                .map(l -> l.split("\\|"))
                .toList();
    }

    /** Test classes, by their simple name. */
    private static Map<String, String> sources() throws IOException {
        try (Stream<Path> all = Files.walk(PROJECT)) {
            return all.filter(p -> p.toString().endsWith("Test.java") && p.toString().contains("src/test/java"))
                    .collect(Collectors.toMap(
                            p -> p.getFileName().toString().replace(".java", ""), EventTestsDocumentTest::read, String::concat));
        }
    }

    private static String read(Path p) {
        try {
            return Files.readString(p);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void eachRowNamesTestsThatExist() throws IOException {
        Map<String, String> sources = sources();
        Set<String> missing = new TreeSet<>();
        for (String[] row : rows()) {
            Matcher m = NAME.matcher(row[2]);
            int named = 0;
            while (m.find()) {
                named++;
                boolean exists = m.group(1) != null
                        ? GUESTS.contains(m.group(1))
                        : sources.getOrDefault(m.group(2), "").contains("void " + m.group(3) + "(");
                if (!exists) {
                    missing.add(m.group());
                }
            }
            if (named == 0) {
                missing.add("a test of:" + row[1]);
            }
        }
        assertThat(missing).isEmpty();
        assertThat(rows()).hasSizeGreaterThan(FEWEST_ROWS);
    }

    @Test
    void guestsHaveNamesOfTheirOwn() {
        assertThat(GUESTS).hasSameSizeAs(EventCases.all());
    }
}
