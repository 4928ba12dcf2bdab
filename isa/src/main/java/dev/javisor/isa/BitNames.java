package dev.javisor.isa;

import dev.javisor.isa.VmxControl.Word;

/** Names of the bits of a register or a field, for people to read. Immutable. */
public final class BitNames {
    /** No bit has a name. */
    public static final BitNames NONE = of("");

    private final String[] names = new String[64];

    private BitNames() {}

    /** @param table positions and names in turn */
    static BitNames of(String table) {
        BitNames b = new BitNames();
        String[] words = table.isEmpty() ? new String[0] : table.split(" ");
        for (int i = 0; i < words.length; i += 2) {
            b.names[Integer.parseInt(words[i])] = words[i + 1];
        }
        return b;
    }

    /** The controls of a word, in quotation marks as the manual has them. */
    static BitNames of(Word word) {
        BitNames b = new BitNames();
        for (VmxControl c : VmxControl.values()) {
            if (c.word == word) {
                b.names[c.position] = '"' + c.text + '"';
            }
        }
        return b;
    }

    /** Name of a bit, or null. */
    public String name(int position) {
        return names[position];
    }

    /** The bits that are one, lowest first: the names of those that have one, then the positions of the others but for {@code silent}. */
    public String describe(long value, long silent) {
        StringBuilder t = new StringBuilder();
        long nameless = 0;
        for (int i = 0; i < 64; i++) {
            if ((value >>> i & 1) == 0) {
                continue;
            }
            if (names[i] == null) {
                nameless |= 1L << i;
            } else {
                t.append(t.isEmpty() ? "" : names[i].startsWith("\"") ? ", " : " ").append(names[i]);
            }
        }
        nameless &= ~silent;
        return nameless == 0 ? t.toString() : t + (t.isEmpty() ? "" : ", ") + NONE.list(nameless);
    }

    /** Bits by position, highest first, with their names: "bit 5 (NE)", "bits 63:48, 2". */
    public String list(long bits) {
        StringBuilder t = new StringBuilder();
        boolean several = Long.bitCount(bits) > 1;
        for (int high = 63; high >= 0; high--) {
            if ((bits >>> high & 1) == 0) {
                continue;
            }
            int low = high;
            while (low > 0 && (bits >>> low - 1 & 1) != 0 && names[high] == null && names[low - 1] == null) {
                low--;
            }
            t.append(t.isEmpty() ? "" : ", ").append(high).append(low < high ? ":" + low : "");
            if (names[high] != null) {
                t.append(" (").append(names[high]).append(')');
            }
            high = low;
        }
        return (several ? "bits " : "bit ") + t;
    }
}
