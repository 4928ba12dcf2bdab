package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Fpu;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.X87State;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Between a vcpu's x87 and SSE state and the structure of the interface. */
final class FpuAccess {
    private static final int REGISTERS = 8, XMM = 16, LANES = 8, TOP_SHIFT = 11;
    /** Bits of MXCSR that no processor with VMX has. */
    private static final int MXCSR_RESERVED = 0xFFFF_0000;

    private FpuAccess() {}

    static Fpu get(GuestState state) {
        Cpu c = state.load(GuestState.FPU);
        X87State x = c.x87;
        Fpu f = new Fpu();
        for (int i = 0; i < REGISTERS; i++) {
            int r = physical(x.status, i);
            buffer(f.fpr[i]).putLong(x.significand[r]).putShort((short) x.signExponent[r]);
        }
        f.fcw = x.control;
        f.fsw = x.status;
        f.ftwx = x.valid;
        f.lastOpcode = x.lastOpcode;
        f.lastIp = x.lastInstruction;
        f.lastDp = x.lastData;
        f.mxcsr = c.mxcsr;
        for (int i = 0; i < XMM; i++) {
            buffer(f.xmm[i]).putLong(c.vector[LANES * i]).putLong(c.vector[LANES * i + 1]);
        }
        return f;
    }

    static void set(GuestState state, Fpu f) {
        if ((f.mxcsr & MXCSR_RESERVED) != 0) {
            throw KvmException.invalid("MXCSR " + Integer.toHexString(f.mxcsr) + " has reserved bits");
        }
        Cpu c = state.change(GuestState.FPU);
        X87State x = c.x87;
        x.control = f.fcw;
        x.status = f.fsw;
        x.valid = f.ftwx;
        x.lastOpcode = f.lastOpcode;
        x.lastInstruction = f.lastIp;
        x.lastData = f.lastDp;
        for (int i = 0; i < REGISTERS; i++) {
            int r = physical(f.fsw, i);
            ByteBuffer b = buffer(f.fpr[i]);
            x.significand[r] = b.getLong();
            x.signExponent[r] = b.getShort() & 0xFFFF;
        }
        c.mxcsr = f.mxcsr;
        for (int i = 0; i < XMM; i++) {
            ByteBuffer b = buffer(f.xmm[i]);
            c.vector[LANES * i] = b.getLong();
            c.vector[LANES * i + 1] = b.getLong();
        }
    }

    /** The physical register that ST(i) is. */
    private static int physical(int status, int i) {
        return (status >>> TOP_SHIFT) + i & REGISTERS - 1;
    }

    private static ByteBuffer buffer(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
