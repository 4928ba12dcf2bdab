package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import java.util.List;

/** Compiled code in the code cache, and the blocks it stands for. */
final class CompiledRegion {
    /** Instructions run for each entry, below which control leaves often. */
    private static final int OFTEN = 500;

    final Region code;
    /** In order. */
    final Block[] blocks;
    /** Were meant to be in it, but it was full. */
    private final List<Block> left;
    /** Regions that consisted of the same blocks, whose place it takes. */
    private final List<CompiledRegion> previous;
    /** Its blocks know it. */
    private boolean installed;
    /** It is being compiled again. */
    boolean improving;

    CompiledRegion(Region code, Block[] blocks, List<Block> left) {
        this.code = code;
        this.blocks = blocks;
        this.left = left;
        previous = List.of();
    }

    /** Better code for the blocks of other regions. */
    CompiledRegion(List<CompiledRegion> previous, Region code, Block[] blocks) {
        this.code = code;
        this.blocks = blocks;
        this.previous = previous;
        left = List.of();
    }

    /** Enters it at each of its blocks. @return false when the guest's memory no longer says what they say */
    boolean install() {
        if (!previous.isEmpty()) {
            previous.forEach(p -> p.improving = false);
            if (!previous.stream().allMatch(p -> p.installed)) {
                return false;
            }
            previous.forEach(p -> p.installed = false);
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

    /** Control leaves it often: a round of its loop goes through other regions. */
    boolean isLeftOften() {
        return code.retired < OFTEN * code.entries;
    }

    CodePage page() {
        return blocks[0].page;
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
