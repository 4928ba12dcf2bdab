package dev.javisor.processor.paging;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;

/** Linear-address masking (LAM): metadata in the upper bits of data pointers in 64-bit mode. */
final class LinearAddressMasking {
    private LinearAddressMasking() {}

    /** The pointer with copies of the highest address bit for metadata; bit 63 stays and decides between user and supervisor. */
    static long mask(Cpu c, long pointer) {
        int width = pointer < 0 ? supervisorWidth(c) : userWidth(c);
        if (width == 64) {
            return pointer;
        }
        int shift = 64 - width;
        return pointer & Long.MIN_VALUE | pointer << shift >> shift & Long.MAX_VALUE;
    }

    private static int userWidth(Cpu c) {
        return (c.cr3 & Cr.LAM_U57) != 0 ? 57 : (c.cr3 & Cr.LAM_U48) != 0 ? 48 : 64;
    }

    private static int supervisorWidth(Cpu c) {
        return (c.cr4 & Cr.LAM_SUP) == 0 ? 64 : c.linearBits();
    }
}
