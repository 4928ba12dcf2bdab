package dev.javisor.machine.console;

/** Finds a pattern in a stream of bytes (Knuth, Morris and Pratt). */
final class ByteMatcher {
    private byte[] pattern = new byte[0];
    /** Length of the longest proper prefix of the pattern that ends at each of its bytes. */
    private int[] border = new int[0];

    private int matched;

    void reset(byte[] wanted) {
        pattern = wanted;
        border = new int[wanted.length];
        matched = 0;
        for (int i = 1, k = 0; i < wanted.length; i++) {
            while (k > 0 && wanted[i] != wanted[k]) {
                k = border[k - 1];
            }
            border[i] = wanted[i] == wanted[k] ? ++k : k;
        }
    }

    /** True when the pattern is complete with this byte. */
    boolean next(int value) {
        while (matched > 0 && (byte) value != pattern[matched]) {
            matched = border[matched - 1];
        }
        if ((byte) value == pattern[matched]) {
            matched++;
        }
        if (matched == pattern.length) {
            matched = 0;
            return true;
        }
        return false;
    }
}
