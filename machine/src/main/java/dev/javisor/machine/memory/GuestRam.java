package dev.javisor.machine.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Host memory that is zero and that the host backs with pages only when they are touched. Freed with the arena. */
@SuppressWarnings("restricted")
public final class GuestRam {
    /** So that the host can use large pages. */
    private static final long ALIGNMENT = 2 << 20;

    private GuestRam() {}

    /**
     * Allocates zeroed memory.
     *
     * @throws OutOfMemoryError if the host has no room for it
     */
    public static MemorySegment allocate(long bytes, Arena arena) {
        Linker linker = Linker.nativeLinker();
        MethodHandle calloc = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("calloc"),
                FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        MethodHandle free = linker.downcallHandle(linker.defaultLookup().findOrThrow("free"),
                FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
        MemorySegment block;
        try {
            block = (MemorySegment) calloc.invokeExact(1L, bytes + ALIGNMENT);
        } catch (Throwable t) {
            throw new AssertionError("calloc does not throw", t);
        }
        if (block.address() == 0) {
            throw new OutOfMemoryError("the host has no room for " + (bytes >> 20) + " MiB of guest memory");
        }
        long padding = -block.address() & ALIGNMENT - 1;
        return block.reinterpret(bytes + ALIGNMENT, arena, b -> release(free, b)).asSlice(padding, bytes);
    }

    private static void release(MethodHandle free, MemorySegment block) {
        try {
            free.invokeExact(block);
        } catch (Throwable t) {
            throw new AssertionError("free does not throw", t);
        }
    }
}
