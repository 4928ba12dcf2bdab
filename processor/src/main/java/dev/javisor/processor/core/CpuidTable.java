package dev.javisor.processor.core;

/** Answers of CPUID that somebody else has chosen than the processor's model. */
@FunctionalInterface
public interface CpuidTable {
    /** EAX, EBX, ECX, EDX; null for zeros. Bits that follow the state of the processor are replaced. */
    int[] find(int leaf, int subleaf);
}
