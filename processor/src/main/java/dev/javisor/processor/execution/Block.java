package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import dev.javisor.processor.core.Op;

/** Operations that run one after the other: straight-line code within one page, or a single instruction that crosses into the next page. */
final class Block {
    final Op[] ops;
    /** Number of operations. */
    final int length;
    /** Offset of the first byte in its page, and bytes. */
    final int offset, bytes;
    /** Guest-physical page of the bytes behind the page end, for an instruction that crosses; else -1. */
    final long secondPage;

    Block(Op[] ops, int offset, long secondPage) {
        this.ops = ops;
        length = ops.length;
        this.offset = offset;
        this.bytes = ops[ops.length - 1].end;
        this.secondPage = secondPage;
    }

    /** Its page, once it is in the code cache. */
    CodePage page;
    /** Executions by the interpreter, as far as they matter. */
    int heat;
    /** It has been hot before, but was not compiled because the code around it changes often. */
    boolean waited;
    /** It is, or will be, part of a region: of one only, so that forgetting the block forgets all code that was made from it. */
    boolean claimed;
    /** Compiled code that has an entry point here, or null; and what is known about it. */
    Region code;

    CompiledRegion region;

    /** Its last operation needs an instruction boundary behind it, as a rule: it changes code, or is an access to a device. */
    boolean endsAtBoundary;
    /** Executions in which that was so. */
    int boundaries;
    /** The bytes that it stands for, once they have changed in memory. */
    byte[] former;

    /** Not in the code cache any more. */
    boolean forgotten;
    /** What ran behind this block lately, see {@link Fetcher#next}: without and with a jump, from which RIP and for which translations. */
    Block straight, jump;

    long straightRip, jumpRip;
    long straightKey = -1, jumpKey = -1;

    /** The operation that starts there, or null. */
    Op at(int start) {
        int low = 0;
        int high = length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Op o = ops[middle];
            if (o.start == start) {
                return o;
            }
            if (o.start < start) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return null;
    }

    /** Forgets what ran behind it. */
    void unlink() {
        straight = null;
        jump = null;
        straightKey = -1;
        jumpKey = -1;
    }

    boolean crosses() {
        return secondPage != -1;
    }
}
