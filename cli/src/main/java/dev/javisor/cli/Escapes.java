package dev.javisor.cli;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Text with the escape sequences \n, \r, \t, \e, \0, \\ and \xHH. */
final class Escapes {
    private Escapes() {}

    /** @throws UserException for any other sequence */
    static byte[] decode(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            if (c != '\\') {
                out.writeBytes(Character.toString(c).getBytes(StandardCharsets.UTF_8));
                continue;
            }
            char kind = i < text.length() ? text.charAt(i++) : 0;
            switch (kind) {
                case 'n' -> out.write('\n');
                case 'r' -> out.write('\r');
                case 't' -> out.write('\t');
                case 'e' -> out.write(27);
                case '0' -> out.write(0);
                case '\\' -> out.write('\\');
                case 'x' -> {
                    out.write(hex(text, i));
                    i += 2;
                }
                default -> throw new UserException("'" + text
                        + "' has an unknown escape sequence; \\n, \\r, \\t, \\e, \\0, \\xHH and \\\\ are known");
            }
        }
        return out.toByteArray();
    }

    private static int hex(String text, int at) {
        int high = at + 1 < text.length() ? Character.digit(text.charAt(at), 16) : -1;
        int low = at + 1 < text.length() ? Character.digit(text.charAt(at + 1), 16) : -1;
        if (high < 0 || low < 0) {
            throw new UserException("'" + text + "': \\x is followed by two hexadecimal digits");
        }
        return high << 4 | low;
    }
}
