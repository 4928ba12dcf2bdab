package dev.javisor.hypervisor.memory;

/** Which pages of a memory slot were stored to since the log was last read. */
public final class DirtyLog {
    private long[] bits;

    DirtyLog(int pages) {
        bits = new long[pages + 63 >> 6];
    }

    public void mark(long page) {
        bits[(int) (page >> 6)] |= 1L << page;
    }

    /** The log, one bit for each page; it is empty afterwards. */
    public long[] take() {
        long[] taken = bits;
        bits = new long[taken.length];
        return taken;
    }
}
