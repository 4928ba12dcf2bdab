package dev.javisor.processor.trace;

import dev.javisor.processor.core.Occurrence;

/**
 * One thing that happened.
 *
 * @param time machine time, in ticks
 * @param instructions that the processor had retired
 * @param processor its number in the machine
 * @param level 0 for the hypervisor, and for what runs on the metal; 1 for a guest on it, and so on
 * @param rip of the instruction that comes next
 */
public record TraceEntry(long time, long instructions, int processor, int level, long rip, Occurrence what) {
    /** In one line. Numbers of instructions come first, so that the lines of one processor can be sorted. */
    public String line() {
        return String.format(
                "%,15d  cpu%d L%d  %-9s  %-70s  rip %x", instructions, processor, level, TraceText.verb(what), TraceText.of(what), rip);
    }
}
