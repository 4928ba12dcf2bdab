package dev.javisor.processor.vmx;

/** Bits of the guest interruptibility state ("Format of Interruptibility State"). */
final class Interruptibility {
    static final long STI = 1, MOV_SS = 2, SMI = 4, NMI = 8, ENCLAVE = 16, RESERVED = ~31L;

    private Interruptibility() {}
}
