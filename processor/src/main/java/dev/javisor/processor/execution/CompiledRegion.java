package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import java.util.List;

/** Compiled code in the code cache, and the blocks it stands for. */
final class CompiledRegion {
    final Region code;
    /** In order. */
    final Block[] blocks;
    /** Were meant to be in it, but it was full. */
    private final List<Block> left;
    /** The quick version of the same code, whose place it takes; or null. */
    private final CompiledRegion previous;
    /** Its blocks know it. */
    private boolean installed;

    CompiledRegion(Region code, Block[] blocks, List<Block> left) {
        this.code = code;
        this.blocks = blocks;
        this.left = left;
        previous = null;
    }

    /** Better code for the same blocks. */
    CompiledRegion(Region code, CompiledRegion previous) {
        this.code = code;
        this.blocks = previous.blocks;
        this.previous = previous;
        left = List.of();
    }

    /** Enters it at each of its blocks. @return false when the guest's memory no longer says what they say */
    boolean install() {
        if (previous != null) {
            if (!previous.installed) {
                return false;
            }
            previous.installed = false;
        } else if (!isCurrent()) {
            drop();
            left.forEach(CompiledRegion::release);
            return false;
        }
        installed = true;
        code.used = true;
        for (Block b : blocks) {
            b.region = this;
            b.code = code;
            b.page.setCode(b.offset, code);
        }
        left.forEach(CompiledRegion::release);
        return true;
    }

    private boolean isCurrent() {
        for (Block b : blocks) {
            if (b.page.at(b.offset) != b) {
                return false;
            }
        }
        return true;
    }

    boolean isInstalled() {
        return installed;
    }

    /** Its blocks are interpreted again. */
    void drop() {
        installed = false;
        for (Block b : blocks) {
            release(b);
        }
    }

    private static void release(Block b) {
        if (b.code != null) {
            b.page.dropCode(b.offset, b.code);
        }
        b.region = null;
        b.code = null;
        b.claimed = false;
        b.heat = 0;
    }
}
