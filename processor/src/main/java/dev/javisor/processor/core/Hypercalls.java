package dev.javisor.processor.core;

/**
 * Answers the hypercall instruction of a guest that runs on the metal: what stands in for a paravirtualizing hypervisor when a board offers
 * one. A processor without it raises #UD, as silicon does.
 */
public interface Hypercalls {
    /** Carries out the call in the general registers of {@code c} and leaves its result in RAX. */
    void call(Cpu c);
}
