package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_regs}: the general registers. */
public final class Regs extends Struct {
    private static final int REGISTERS = 18;

    public long rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;

    @Override
    public int size() {
        return 8 * REGISTERS;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(rax).putLong(rbx).putLong(rcx).putLong(rdx).putLong(rsi).putLong(rdi).putLong(rsp).putLong(rbp);
        b.putLong(r8).putLong(r9).putLong(r10).putLong(r11).putLong(r12).putLong(r13).putLong(r14).putLong(r15);
        b.putLong(rip).putLong(rflags);
    }

    @Override
    protected void read(ByteBuffer b) {
        rax = b.getLong();
        rbx = b.getLong();
        rcx = b.getLong();
        rdx = b.getLong();
        rsi = b.getLong();
        rdi = b.getLong();
        rsp = b.getLong();
        rbp = b.getLong();
        r8 = b.getLong();
        r9 = b.getLong();
        r10 = b.getLong();
        r11 = b.getLong();
        r12 = b.getLong();
        r13 = b.getLong();
        r14 = b.getLong();
        r15 = b.getLong();
        rip = b.getLong();
        rflags = b.getLong();
    }
}
