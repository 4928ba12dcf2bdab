package dev.javisor.processor.core;

/** Limit and type checks of legacy-mode memory accesses ("Limit Checking", "Type Checking"). */
public final class SegmentCheck {
    private SegmentCheck() {}

    /** @throws GuestFault #SS(0) for SS, else #GP(0) */
    public static void check(Cpu c, int segment, long offset, int size, boolean write) {
        int access = c.segAccess[segment];
        if (!allowed(access, c.segLimit[segment], offset, size, write)) {
            throw c.fault(segment == Cpu.SS ? Event.SS : Event.GP, 0);
        }
    }

    private static boolean allowed(int access, long limit, long offset, int size, boolean write) {
        if ((access & Cpu.UNUSABLE) != 0) {
            return false;
        }
        int type = access & 15;
        boolean code = (type & 8) != 0;
        if (write ? code && (access & Cpu.REAL_MODE) == 0 || (type & 2) == 0 : code && (type & 2) == 0) {
            return false;
        }
        long last = offset + size - 1;
        if (!code && (type & 4) != 0) {
            long top = (access & Cpu.DB) != 0 ? 0xFFFFFFFFL : 0xFFFFL;
            return offset > limit && last <= top;
        }
        return last <= limit;
    }
}
