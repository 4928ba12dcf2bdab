package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;

/** Compiled code in the code cache, and the blocks it stands for. */
final class CompiledRegion {
    final Region code;
    private final Block[] blocks;

    CompiledRegion(Region code, Block[] blocks) {
        this.code = code;
        this.blocks = blocks;
    }

    /** Enters it at each of its blocks. */
    void install() {
        for (int k = 0; k < blocks.length; k++) {
            blocks[k].region = this;
            blocks[k].entry = k;
        }
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

    /** Its blocks are interpreted again. */
    void drop() {
        for (Block b : blocks) {
            if (b.region == this) {
                b.region = null;
                b.heat = 0;
            }
        }
    }
}
