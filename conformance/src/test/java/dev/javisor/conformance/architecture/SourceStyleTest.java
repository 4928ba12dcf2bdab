package dev.javisor.conformance.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The format of Java sources, as far as it is a rule. */
class SourceStyleTest {
    private static final int COLUMNS = 140;
    /** Of a class: one that has more has more than one subject. */
    private static final int LINES = 800;
    private static final List<String> MODULES = List.of("isa", "processor", "hypervisor", "machine", "cli", "conformance", "bench");
    private static final Pattern IMPORT = Pattern.compile("import (static )?([\\w.]+)\\.(\\w+|\\*);");

    @Test
    void sourcesKeepTheFormat() throws IOException {
        List<String> violations = new ArrayList<>();
        List<Path> sources = sources();
        assertThat(sources).hasSizeGreaterThan(50);
        for (Path p : sources) {
            check(p, violations);
        }
        assertThat(violations).isEmpty();
    }

    /** The project's root is where the build runs, or above. */
    private static List<Path> sources() throws IOException {
        Path root = Path.of("").toAbsolutePath();
        while (!Files.exists(root.resolve("javisor")) && root.getParent() != null) {
            root = root.getParent();
        }
        List<Path> result = new ArrayList<>();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(root.resolve(module))) {
                files.filter(f -> f.toString().endsWith(".java") && f.toString().contains("/src/")).forEach(result::add);
            }
        }
        return result;
    }

    private static void check(Path file, List<String> violations) {
        String text;
        try {
            text = Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<String> lines = text.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            String where = file.getFileName() + ":" + (i + 1) + ": ";
            if (line.length() > COLUMNS) {
                violations.add(where + "has " + line.length() + " columns");
            }
            if (line.contains("\t") || line.endsWith(" ")) {
                violations.add(where + "tab, or blank at the end");
            }
        }
        if (lines.size() > LINES) {
            violations.add(file.getFileName() + ": has " + lines.size() + " lines");
        }
        if (!text.endsWith("\n") || text.contains("\r")) {
            violations.add(file.getFileName() + ": does not end with a line feed, or has carriage returns");
        }
        checkImports(file, lines, violations);
    }

    private static void checkImports(Path file, List<String> lines, List<String> violations) {
        String body = String.join("\n", lines.stream().filter(l -> !l.startsWith("import ")).toList());
        for (String line : lines) {
            Matcher m = IMPORT.matcher(line);
            if (m.matches()) {
                String name = m.group(3);
                boolean constants = m.group(1) != null;
                if (name.equals("*") ? !constants : !Pattern.compile("\\b" + name + "\\b").matcher(body).find()) {
                    violations.add(file.getFileName() + ": " + line);
                }
            }
        }
    }
}
