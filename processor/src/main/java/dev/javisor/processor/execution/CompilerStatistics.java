package dev.javisor.processor.execution;

/** What has been compiled so far, for people. The compiling thread counts; figures that another one sees may be a little old. */
public final class CompilerStatistics {
    long regions, instructions, nanoseconds, tooLarge;
    long improved, installed, stale, evicted;

    /** Regions made. */
    public long regions() {
        return regions;
    }

    /** Guest instructions in them. */
    public long instructions() {
        return instructions;
    }

    /** Time spent on making them, without the Java machine's own compilers. */
    public double seconds() {
        return nanoseconds / 1e9;
    }

    /** Regions made again with full effort. */
    public long improved() {
        return improved;
    }

    /** Regions whose code had changed before they were ready. */
    public long stale() {
        return stale;
    }

    /** Regions that made room for others. */
    public long evicted() {
        return evicted;
    }
}
