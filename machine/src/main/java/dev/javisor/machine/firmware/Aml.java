package dev.javisor.machine.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** ACPI machine language terms as bytes ("ACPI Machine Language (AML) Specification" of the ACPI specification). */
final class Aml {
    static final byte[] ARG_0 = {0x68};
    static final byte[] ARG_3 = {0x6B};

    private static final int ZERO = 0x00;
    private static final int ONE = 0x01;
    private static final int NAME = 0x08;
    private static final int BYTE = 0x0A;
    private static final int WORD = 0x0B;
    private static final int DWORD = 0x0C;
    private static final int STRING = 0x0D;
    private static final int QWORD = 0x0E;
    private static final int SCOPE = 0x10;
    private static final int BUFFER = 0x11;
    private static final int PACKAGE = 0x12;
    private static final int METHOD = 0x14;
    private static final int DUAL_NAME = 0x2E;
    private static final int MULTI_NAME = 0x2F;
    private static final int EXTENDED = 0x5B;
    private static final int STORE = 0x70;
    private static final int OR = 0x7D;
    private static final int EXTENDED_DEVICE = 0x82;
    private static final int CREATE_DWORD_FIELD = 0x8A;
    private static final int EQUAL = 0x93;
    private static final int IF = 0xA0;
    private static final int ELSE = 0xA1;
    private static final int RETURN = 0xA4;

    private Aml() {}

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] p : parts) {
            out.writeBytes(p);
        }
        return out.toByteArray();
    }

    private static byte[] op(int... bytes) {
        byte[] b = new byte[bytes.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) bytes[i];
        }
        return b;
    }

    /** A name path such as {@code \_SB.PCI0}; segments are padded to four characters. */
    static byte[] path(String path) {
        boolean root = path.startsWith("\\");
        String rest = root ? path.substring(1) : path;
        String[] segments = rest.isEmpty() ? new String[0] : rest.split("\\.");
        byte[] prefix =
                switch (segments.length) {
                    case 0 -> op(ZERO);
                    case 1 -> op();
                    case 2 -> op(DUAL_NAME);
                    default -> op(MULTI_NAME, segments.length);
                };
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (root) {
            out.write('\\');
        }
        out.writeBytes(prefix);
        for (String s : segments) {
            out.writeBytes((s + "____").substring(0, 4).getBytes(StandardCharsets.US_ASCII));
        }
        return out.toByteArray();
    }

    static byte[] integer(long v) {
        TableBuffer b = new TableBuffer();
        if (v == 0 || v == 1) {
            b.u8(v == 0 ? ZERO : ONE);
        } else if (v >>> 8 == 0) {
            b.u8(BYTE).u8((int) v);
        } else if (v >>> 16 == 0) {
            b.u8(WORD).u16((int) v);
        } else if (v >>> 32 == 0) {
            b.u8(DWORD).u32(v);
        } else {
            b.u8(QWORD).u64(v);
        }
        return b.toByteArray();
    }

    static byte[] string(String s) {
        return join(op(STRING), s.getBytes(StandardCharsets.US_ASCII), op(0));
    }

    /** A compressed EISA identifier such as PNP0A03. */
    static byte[] eisaId(String id) {
        int letters = (id.charAt(0) - 0x40) << 10 | (id.charAt(1) - 0x40) << 5 | id.charAt(2) - 0x40;
        int value = letters << 16 | Integer.parseInt(id.substring(3), 16);
        return integer(Integer.reverseBytes(value) & 0xFFFFFFFFL);
    }

    /** The package length counts its own bytes too. */
    private static byte[] sized(byte[] content) {
        int n = content.length;
        byte[] length;
        if (n + 1 < 1 << 6) {
            length = op(n + 1);
        } else {
            int more = n + 2 < 1 << 12 ? 1 : n + 3 < 1 << 20 ? 2 : 3;
            int total = n + 1 + more;
            length = new byte[1 + more];
            length[0] = (byte) (more << 6 | total & 15);
            for (int i = 1; i <= more; i++) {
                length[i] = (byte) (total >>> 8 * i - 4);
            }
        }
        return join(length, content);
    }

    static byte[] name(String path, byte[] value) {
        return join(op(NAME), path(path), value);
    }

    static byte[] scope(String path, byte[]... terms) {
        return join(op(SCOPE), sized(join(path(path), join(terms))));
    }

    static byte[] device(String path, byte[]... terms) {
        return join(op(EXTENDED, EXTENDED_DEVICE), sized(join(path(path), join(terms))));
    }

    /** A method that runs serialized. */
    static byte[] method(String path, int arguments, byte[]... terms) {
        return join(op(METHOD), sized(join(path(path), op(arguments | 8), join(terms))));
    }

    static byte[] packageOf(byte[]... elements) {
        return join(op(PACKAGE), sized(join(op(elements.length), join(elements))));
    }

    static byte[] buffer(byte... content) {
        return join(op(BUFFER), sized(join(integer(content.length), content)));
    }

    /** A buffer of resource descriptors, with the end tag. */
    static byte[] resources(byte[]... descriptors) {
        return buffer(join(join(descriptors), op(0x79, 0)));
    }

    static byte[] store(byte[] value, byte[] target) {
        return join(op(STORE), value, target);
    }

    static byte[] or(byte[] a, byte[] b, byte[] target) {
        return join(op(OR), a, b, target);
    }

    static byte[] equal(byte[] a, byte[] b) {
        return join(op(EQUAL), a, b);
    }

    static byte[] ifTrue(byte[] predicate, byte[]... terms) {
        return join(op(IF), sized(join(predicate, join(terms))));
    }

    static byte[] otherwise(byte[]... terms) {
        return join(op(ELSE), sized(join(terms)));
    }

    static byte[] returns(byte[] value) {
        return join(op(RETURN), value);
    }

    static byte[] createDwordField(byte[] buffer, int index, String field) {
        return join(op(CREATE_DWORD_FIELD), buffer, integer(index), path(field));
    }

    // ---- resource descriptors ----

    /** I/O ports, decoded with 16 bits. */
    static byte[] ports(int first, int count) {
        return new TableBuffer().u8(0x47).u8(1).u16(first).u16(first).u8(1).u8(count).toByteArray();
    }

    /** An edge-triggered, active-high ISA interrupt request. */
    static byte[] irq(int number) {
        return new TableBuffer().u8(0x22).u16(1 << number).toByteArray();
    }

    /** Memory at a fixed address below 4 GiB, read and write. */
    static byte[] memory(long base, long size) {
        return new TableBuffer().u8(0x86).u16(9).u8(1).u32(base).u32(size).toByteArray();
    }

    private static final int FIXED_RANGE = 0x0C;

    static byte[] busNumbers(int first, int last) {
        return word(2, 0, first, last);
    }

    /** I/O ports that a bridge forwards. */
    static byte[] portWindow(int first, int last) {
        return word(1, 3, first, last);
    }

    private static byte[] word(int type, int typeFlags, int first, int last) {
        TableBuffer b = new TableBuffer().u8(0x88).u16(13).u8(type).u8(FIXED_RANGE).u8(typeFlags);
        return b.u16(0).u16(first).u16(last).u16(0).u16(last - first + 1).toByteArray();
    }

    /** Memory below 4 GiB that a bridge forwards. */
    static byte[] memoryWindow(long first, long last, boolean cacheable) {
        TableBuffer b = new TableBuffer().u8(0x87).u16(23).u8(0).u8(FIXED_RANGE).u8(cacheable ? 3 : 1);
        return b.u32(0).u32(first).u32(last).u32(0).u32(last - first + 1).toByteArray();
    }

    static byte[] highMemoryWindow(long first, long last) {
        TableBuffer b = new TableBuffer().u8(0x8A).u16(43).u8(0).u8(FIXED_RANGE).u8(3);
        return b.u64(0).u64(first).u64(last).u64(0).u64(last - first + 1).toByteArray();
    }
}
