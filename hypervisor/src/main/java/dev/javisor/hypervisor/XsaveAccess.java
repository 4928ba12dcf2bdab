package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Xcrs;
import dev.javisor.hypervisor.abi.Xsave;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.isa.XsaveComponent;
import dev.javisor.isa.XsaveLayout;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.simd.Mxcsr;
import dev.javisor.processor.system.ExtendedControl;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Between a vcpu's extended state and the structures of the interface. */
final class XsaveAccess {
    private static final int FCW = 0, FSW = 2, FTW = 4, FOP = 6, FIP = 8, FDP = 16, MXCSR = 24, MXCSR_MASK = 28, ST = 32, XMM = 160;
    private static final int ENTRY = 16, REGISTERS = 8, VECTORS = 16, LANES = 8, TOP_SHIFT = 11, INITIAL_CONTROL = 0x37F;
    private static final int INITIAL_MXCSR = 0x1F80;
    private static final int XSTATE_BV = XsaveLayout.LEGACY_SIZE;

    private XsaveAccess() {}

    private static ByteBuffer buffer(Xsave x) {
        return ByteBuffer.wrap(x.region).order(ByteOrder.LITTLE_ENDIAN);
    }

    static Xsave get(GuestState state) {
        Cpu c = state.load(GuestState.FPU | GuestState.KEYS);
        Xsave x = new Xsave();
        ByteBuffer b = buffer(x);
        X87State f = c.x87;
        b.putShort(FCW, (short) f.control).putShort(FSW, (short) f.status).put(FTW, (byte) f.valid).putShort(FOP, (short) f.lastOpcode);
        b.putLong(FIP, f.lastInstruction).putLong(FDP, f.lastData).putInt(MXCSR, c.mxcsr).putInt(MXCSR_MASK, Mxcsr.mask(c.model));
        for (int i = 0; i < REGISTERS; i++) {
            int r = (f.status >>> TOP_SHIFT) + i & REGISTERS - 1;
            b.putLong(ST + ENTRY * i, f.significand[r]).putShort(ST + ENTRY * i + 8, (short) f.signExponent[r]);
        }
        for (int i = 0; i < VECTORS; i++) {
            vector(b, XMM + ENTRY * i, c, LANES * i);
        }
        long present = ExtendedControl.userState(c);
        if (has(present, XsaveComponent.AVX)) {
            for (int i = 0; i < VECTORS; i++) {
                vector(b, XsaveComponent.AVX.offset + ENTRY * i, c, LANES * i + 2);
            }
        }
        if (has(present, XsaveComponent.PKRU)) {
            b.putInt(XsaveComponent.PKRU.offset, c.pkru);
        }
        b.putLong(XSTATE_BV, present);
        return x;
    }

    private static void vector(ByteBuffer b, int at, Cpu c, int lane) {
        b.putLong(at, c.vector[lane]).putLong(at + 8, c.vector[lane + 1]);
    }

    private static boolean has(long mask, XsaveComponent x) {
        return (mask & x.bit()) != 0;
    }

    /** Components without a bit in XSTATE_BV get their initial configuration. */
    static void set(GuestState state, Xsave x) {
        ByteBuffer b = buffer(x);
        Cpu c = state.load(GuestState.FPU | GuestState.KEYS);
        long present = b.getLong(XSTATE_BV);
        if ((present & ~ExtendedControl.userState(c)) != 0) {
            throw KvmException.invalid("XSTATE_BV " + Long.toHexString(present) + " has components that the processor does not have");
        }
        for (int i = XSTATE_BV + 8; i < XsaveLayout.EXTENDED; i += 8) {
            if (b.getLong(i) != 0) {
                throw KvmException.invalid("the header of the extended state has reserved bits");
            }
        }
        boolean sse = has(present, XsaveComponent.SSE);
        boolean mxcsr = sse || has(present, XsaveComponent.AVX);
        if (mxcsr && (b.getInt(MXCSR) & ~Mxcsr.mask(c.model)) != 0) {
            throw KvmException.invalid("MXCSR " + Integer.toHexString(b.getInt(MXCSR)) + " has reserved bits");
        }
        state.change(GuestState.FPU | GuestState.KEYS);
        setX87(c.x87, b, has(present, XsaveComponent.X87));
        c.mxcsr = mxcsr ? b.getInt(MXCSR) : INITIAL_MXCSR;
        boolean avx = has(present, XsaveComponent.AVX);
        for (int i = 0; i < VECTORS; i++) {
            for (int lane = 0; lane < 2; lane++) {
                c.vector[LANES * i + lane] = sse ? b.getLong(XMM + ENTRY * i + 8 * lane) : 0;
                c.vector[LANES * i + 2 + lane] = avx ? b.getLong(XsaveComponent.AVX.offset + ENTRY * i + 8 * lane) : 0;
            }
        }
        c.setPkru(has(present, XsaveComponent.PKRU) ? b.getInt(XsaveComponent.PKRU.offset) : 0);
    }

    private static void setX87(X87State f, ByteBuffer b, boolean present) {
        f.control = present ? b.getShort(FCW) & 0xFFFF : INITIAL_CONTROL;
        f.status = present ? b.getShort(FSW) & 0xFFFF : 0;
        f.valid = present ? b.get(FTW) & 0xFF : 0;
        f.lastOpcode = present ? b.getShort(FOP) & 0x7FF : 0;
        f.lastInstruction = present ? b.getLong(FIP) : 0;
        f.lastData = present ? b.getLong(FDP) : 0;
        for (int i = 0; i < REGISTERS; i++) {
            int r = (f.status >>> TOP_SHIFT) + i & REGISTERS - 1;
            f.significand[r] = present ? b.getLong(ST + ENTRY * i) : 0;
            f.signExponent[r] = present ? b.getShort(ST + ENTRY * i + 8) & 0xFFFF : 0;
        }
    }

    // ---- extended control registers ----

    static Xcrs xcrs(GuestState state) {
        Xcrs x = new Xcrs();
        x.nrXcrs = 1;
        x.value[0] = state.load(GuestState.SYSTEM).xcr0;
        return x;
    }

    static void setXcrs(GuestState state, Xcrs x) {
        if (x.nrXcrs < 0 || x.nrXcrs > Xcrs.MOST || x.flags != 0) {
            throw KvmException.invalid("extended control registers with flags, or too many");
        }
        for (int i = 0; i < x.nrXcrs; i++) {
            if (x.xcr[i] == 0) {
                Cpu c = state.load(GuestState.SYSTEM);
                if (!ExtendedControl.isLegal(c, x.value[i])) {
                    throw KvmException.invalid("XCR0 " + Long.toHexString(x.value[i]) + " is not possible");
                }
                state.change(GuestState.SYSTEM).xcr0 = x.value[i];
                c.updateMode();
                return;
            }
        }
    }
}
