package dev.javisor.isa;

/** The caches that CPUID describes. They hold nothing: memory is always coherent. */
public enum CpuCache {
    L1_DATA(1, Type.DATA, 32, 8, false),
    L1_INSTRUCTION(1, Type.INSTRUCTION, 32, 8, false),
    L2(2, Type.UNIFIED, 1024, 16, false),
    L3(3, Type.UNIFIED, 32 * 1024, 16, true);

    /** Line size in bytes, of every cache. */
    public static final int LINE = 64;

    /** Cache type as CPUID leaf 4 encodes it. */
    public enum Type {
        DATA(1),
        INSTRUCTION(2),
        UNIFIED(3);

        public final int code;

        Type(int code) {
            this.code = code;
        }
    }

    public final int level;
    public final Type type;
    /** Size in units of 1024 bytes. */
    public final int kilobytes;

    public final int ways;
    /** Shared by all processors of the package; else each has its own. */
    public final boolean shared;

    CpuCache(int level, Type type, int kilobytes, int ways, boolean shared) {
        this.level = level;
        this.type = type;
        this.kilobytes = kilobytes;
        this.ways = ways;
        this.shared = shared;
    }

    public int sets() {
        return kilobytes * 1024 / (ways * LINE);
    }
}
