package dev.javisor.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Host memory that a process keeps, as Linux tells. */
final class Residents {
    private Residents() {}

    /**
     * Bytes that a process keeps resident, without the mapping that holds the guest's RAM: the smallest one that can.
     *
     * @param ram bytes of the guest's RAM
     */
    static long beside(long ram, long process) throws IOException {
        long total = 0;
        long size = 0;
        long holder = Long.MAX_VALUE;
        long held = 0;
        for (String line : Files.readAllLines(Path.of("/proc/" + process + "/smaps"))) {
            if (line.startsWith("Size:")) {
                size = kibibytes(line);
            } else if (line.startsWith("Rss:")) {
                total += kibibytes(line);
                if (size >= ram && size < holder) {
                    holder = size;
                    held = kibibytes(line);
                }
            }
        }
        return total - held;
    }

    private static long kibibytes(String line) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
    }
}
