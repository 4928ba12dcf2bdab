package dev.javisor.processor.compiler;

import dev.javisor.processor.core.Cpu;
import jdk.test.whitebox.WhiteBox;

/** The Java machine's fast compiler, where it can be asked for: with the launcher's flags. */
public final class HotSpot {
    /** Compiled by the fast compiler, without counters for the optimizing one. */
    private static final int SIMPLE = 1;

    private static final boolean OPEN = isOpen();

    private HotSpot() {}

    private static boolean isOpen() {
        try {
            Class.forName(WhiteBox.class.getName(), true, HotSpot.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }

    /**
     * Compiles a region once and for all. Left to itself, the Java machine would do so twice: with counters when the region has been
     * called often, and when it finds that the optimizing compiler is to leave it alone, without.
     *
     * @return false when that is not possible here
     */
    public static boolean compileQuickly(Region region) {
        try {
            return OPEN && WhiteBox.compile(region.getClass().getDeclaredMethod("run", Cpu.class, int.class), SIMPLE);
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }
}
