package dev.javisor.cli;

/** Sizes with the suffixes K, M, G and T. */
final class Sizes {
    private Sizes() {}

    /**
     * @param defaultShift power of two that a number without suffix counts in
     * @throws UserException if it is no size
     */
    static long parse(String text, int defaultShift) {
        int end = text.length();
        int shift = defaultShift;
        if (end > 1 && (text.endsWith("B") || text.endsWith("b"))) {
            end--;
        }
        if (end > 1) {
            int i = "kmgt".indexOf(Character.toLowerCase(text.charAt(end - 1)));
            if (i >= 0) {
                shift = 10 * (i + 1);
                end--;
            }
        }
        try {
            long n = Long.parseLong(text.substring(0, end));
            if (n <= 0 || n > Long.MAX_VALUE >> shift) {
                throw new NumberFormatException();
            }
            return n << shift;
        } catch (NumberFormatException e) {
            throw new UserException("'" + text + "' is no size; 512M and 4G are");
        }
    }
}
