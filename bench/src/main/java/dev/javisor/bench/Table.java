package dev.javisor.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** A table with rulers, its columns as wide as what stands in them. */
final class Table {
    private final List<String[]> rows = new ArrayList<>();

    void row(List<String> cells) {
        rows.add(cells.toArray(String[]::new));
    }

    /** The first row is the head; all columns but the first are aligned to the right. */
    void print(PrintStream out) {
        int[] widths = new int[rows.getFirst().length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            StringBuilder line = new StringBuilder("|");
            StringBuilder rule = new StringBuilder("|");
            for (int i = 0; i < widths.length; i++) {
                line.append((" %" + (i == 0 ? "-" : "") + widths[i] + "s |").formatted(rows.get(r)[i]));
                rule.append("-".repeat(widths[i] + 1)).append(i == 0 ? "-|" : ":|");
            }
            out.println(line);
            if (r == 0) {
                out.println(rule);
            }
        }
    }
}
