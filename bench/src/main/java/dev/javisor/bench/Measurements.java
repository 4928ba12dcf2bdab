package dev.javisor.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** All that was measured, kept in a file if asked for: each line tells what was run, in what, which quantity, and its value. */
final class Measurements {
    private record Key(String workload, String emulator, String quantity) {}

    private final Map<Key, Sample> samples = new LinkedHashMap<>();
    private final Path file;

    /** @param file null: they are kept for this run only. Else what it holds counts, and what is measured is added. */
    Measurements(Path file) throws IOException {
        this.file = file;
        if (file != null && Files.exists(file)) {
            for (String line : Files.readAllLines(file)) {
                String[] fields = line.split("\t");
                sample(new Key(fields[0], fields[1], fields[2])).add(Double.parseDouble(fields[3]));
            }
        }
    }

    void add(String workload, String emulator, String quantity, double value) throws IOException {
        sample(new Key(workload, emulator, quantity)).add(value);
        if (file != null) {
            String line = String.join("\t", workload, emulator, quantity, Double.toString(value)) + "\n";
            Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    /** Empty when nothing of the kind was measured. */
    Sample get(String workload, String emulator, String quantity) {
        return samples.getOrDefault(new Key(workload, emulator, quantity), new Sample());
    }

    private Sample sample(Key key) {
        return samples.computeIfAbsent(key, k -> new Sample());
    }
}
