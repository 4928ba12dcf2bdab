package jdk.test.whitebox;

import java.lang.reflect.Executable;

/**
 * A door of HotSpot's: it gives the native methods of the class with this name their meaning, if the boot loader has loaded it and the
 * Java machine was started with {@code -XX:+WhiteBoxAPI}. Else the class cannot be initialized.
 */
public final class WhiteBox {
    private static final int FROM_THE_START = -1;
    private static final WhiteBox INSTANCE;

    static {
        registerNatives();
        INSTANCE = new WhiteBox();
    }

    private WhiteBox() {}

    private static native void registerNatives();

    private native boolean enqueueMethodForCompilation0(Executable method, int level, int index);

    /**
     * Has a method compiled at a level of HotSpot's tiered compilation; how long it has run does not matter.
     *
     * @return false when the Java machine would not compile it
     */
    public static boolean compile(Executable method, int level) {
        return INSTANCE.enqueueMethodForCompilation0(method, level, FROM_THE_START);
    }
}
