package dev.javisor.processor.apic;

import java.util.Arrays;

/** A 256-bit register of the local APIC: one bit for each vector (IRR, ISR, TMR). */
final class VectorSet {
    /** Four words, lowest vectors first. */
    final long[] words = new long[4];

    void set(int vector) {
        words[vector >> 6] |= 1L << vector;
    }

    void clear(int vector) {
        words[vector >> 6] &= ~(1L << vector);
    }

    void assign(int vector, boolean value) {
        if (value) {
            set(vector);
        } else {
            clear(vector);
        }
    }

    boolean has(int vector) {
        return (words[vector >> 6] >>> vector & 1) != 0;
    }

    /** Highest vector in the set, or -1. */
    int highest() {
        for (int i = 3; i >= 0; i--) {
            if (words[i] != 0) {
                return 64 * i + 63 - Long.numberOfLeadingZeros(words[i]);
            }
        }
        return -1;
    }

    /** The 32-bit register {@code i} of 8 through which software reads the set. */
    int register(int i) {
        return (int) (words[i >> 1] >>> 32 * (i & 1));
    }

    void setRegister(int i, int value) {
        int shift = 32 * (i & 1);
        words[i >> 1] = words[i >> 1] & ~(0xFFFFFFFFL << shift) | (value & 0xFFFFFFFFL) << shift;
    }

    void clear() {
        Arrays.fill(words, 0);
    }
}
