package dev.javisor.processor.compiler;

import dev.javisor.processor.core.Op;
import java.util.List;

/**
 * What a region is to consist of.
 *
 * @param parts disjoint pieces of straight-line code
 */
public record Plan(List<Part> parts) {
    /**
     * Straight-line code. Behind its last operation comes what follows in memory, unless that operation is a branch.
     *
     * @param offset of the first byte in the page
     * @param ops operations, placed relative to the start of the page; one that ends blocks (a branch, a repeated string instruction, a
     *     serializing instruction) is the last
     */
    public record Part(int offset, List<Op> ops) {
        /** Offset of the byte behind it in the page. */
        public int end() {
            return ops.getLast().end;
        }
    }

    public int instructions() {
        return parts.stream().mapToInt(p -> p.ops().size()).sum();
    }
}
