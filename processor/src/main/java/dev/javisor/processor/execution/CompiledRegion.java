package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import java.util.List;

/** Compiled code in the code cache, and the blocks it stands for. */
final class CompiledRegion {
    final Region code;
    private final Block[] blocks;
    /** Entered since eviction looked last. */
    boolean used;
    /** Its blocks know it. */
    private boolean installed;
    /** Were meant to be in it, but it was full. */
    private final List<Block> left;

    CompiledRegion(Region code, Block[] blocks, List<Block> left) {
        this.code = code;
        this.blocks = blocks;
        this.left = left;
    }

    /** Enters it at each of its blocks. */
    void install() {
        installed = true;
        used = true;
        for (int k = 0; k < blocks.length; k++) {
            blocks[k].region = this;
            blocks[k].entry = k;
        }
        left.forEach(CompiledRegion::release);
    }

    /** All of its blocks are still what the guest's memory says. */
    boolean isCurrent() {
        for (Block b : blocks) {
            if (b.page.blocks[b.offset] != b) {
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
        b.region = null;
        b.claimed = false;
        b.heat = 0;
    }
}
