package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import java.util.List;

/** Saves what userspace is, or will be, told. */
final class ExitState {
    private enum Kind {
        NONE,
        IO,
        MMIO,
        HLT,
        SHUTDOWN,
        INTR,
        IRQ_WINDOW_OPEN,
        SET_TPR,
        IOAPIC_EOI,
        DEBUG,
        FAIL_ENTRY,
        UNKNOWN,
        INTERNAL_ERROR,
        RDMSR,
        WRMSR,
        HYPERCALL,
        SYSTEM_EVENT,
        BUS_LOCK,
        NOTIFY,
        DIRTY_RING_FULL
    }

    private static final byte[] NO_BYTES = {};

    private ExitState() {}

    /** @param x may be null */
    static void save(StateOutput out, VcpuExit x) {
        switch (x) {
            case null -> put(out, Kind.NONE, NO_BYTES);
            case VcpuExit.Io io -> put(out, Kind.IO, io.data(), io.direction(), io.size(), io.port(), io.count());
            case VcpuExit.Mmio m -> put(out, Kind.MMIO, m.data(), m.physicalAddress(), m.length(), m.isWrite() ? 1 : 0);
            case VcpuExit.Hlt h -> put(out, Kind.HLT, NO_BYTES);
            case VcpuExit.Shutdown s -> put(out, Kind.SHUTDOWN, NO_BYTES);
            case VcpuExit.Intr i -> put(out, Kind.INTR, NO_BYTES);
            case VcpuExit.IrqWindowOpen w -> put(out, Kind.IRQ_WINDOW_OPEN, NO_BYTES);
            case VcpuExit.SetTpr t -> put(out, Kind.SET_TPR, NO_BYTES);
            case VcpuExit.IoApicEoi e -> put(out, Kind.IOAPIC_EOI, NO_BYTES, e.vector());
            case VcpuExit.Debug d -> put(out, Kind.DEBUG, NO_BYTES, d.exception(), d.pc(), d.dr6(), d.dr7());
            case VcpuExit.FailEntry f -> {
                put(out, Kind.FAIL_ENTRY, NO_BYTES, f.hardwareEntryFailureReason());
                out.putString("explanation", f.explanation());
            }
            case VcpuExit.Unknown u -> put(out, Kind.UNKNOWN, NO_BYTES, u.hardwareExitReason());
            case VcpuExit.InternalError e -> {
                long[] all = new long[1 + e.data().size()];
                all[0] = e.suberror();
                for (int i = 0; i < e.data().size(); i++) {
                    all[1 + i] = e.data().get(i);
                }
                put(out, Kind.INTERNAL_ERROR, NO_BYTES, all);
            }
            case VcpuExit.Rdmsr r -> put(out, Kind.RDMSR, NO_BYTES, r.index, r.reason, r.data, r.error ? 1 : 0);
            case VcpuExit.Wrmsr w -> put(out, Kind.WRMSR, NO_BYTES, w.index, w.reason, w.data, w.error ? 1 : 0);
            case VcpuExit.Hypercall h -> {
                long[] all = new long[3 + h.args.size()];
                all[0] = h.number;
                all[1] = h.longMode ? 1 : 0;
                all[2] = h.result;
                for (int i = 0; i < h.args.size(); i++) {
                    all[3 + i] = h.args.get(i);
                }
                put(out, Kind.HYPERCALL, NO_BYTES, all);
            }
            case VcpuExit.BusLock b -> put(out, Kind.BUS_LOCK, NO_BYTES);
            case VcpuExit.Notify n -> put(out, Kind.NOTIFY, NO_BYTES, n.flags());
            case VcpuExit.DirtyRingFull d -> put(out, Kind.DIRTY_RING_FULL, NO_BYTES);
            case VcpuExit.SystemEvent e -> put(out, Kind.SYSTEM_EVENT, NO_BYTES, e.type(), e.flags());
        }
    }

    private static void put(StateOutput out, Kind kind, byte[] bytes, long... values) {
        out.putString("exit", kind.name());
        out.putBytes("data", bytes);
        out.putInt("values", values.length);
        out.putLongs("value", values);
    }

    /** What {@link #save} has saved; may be null. */
    static VcpuExit load(StateInput in) {
        Kind kind = Kind.valueOf(in.getString("exit"));
        byte[] b = in.getBytes("data");
        long[] v = new long[in.getInt("values")];
        in.getLongs("value", v);
        return switch (kind) {
            case NONE -> null;
            case IO -> new VcpuExit.Io((int) v[0], (int) v[1], (int) v[2], (int) v[3], b);
            case MMIO -> new VcpuExit.Mmio(v[0], b, (int) v[1], v[2] != 0);
            case HLT -> new VcpuExit.Hlt();
            case SHUTDOWN -> new VcpuExit.Shutdown();
            case INTR -> new VcpuExit.Intr();
            case IRQ_WINDOW_OPEN -> new VcpuExit.IrqWindowOpen();
            case SET_TPR -> new VcpuExit.SetTpr();
            case IOAPIC_EOI -> new VcpuExit.IoApicEoi((int) v[0]);
            case DEBUG -> new VcpuExit.Debug((int) v[0], v[1], v[2], v[3]);
            case FAIL_ENTRY -> new VcpuExit.FailEntry(v[0], in.getString("explanation"));
            case UNKNOWN -> new VcpuExit.Unknown(v[0]);
            case INTERNAL_ERROR -> new VcpuExit.InternalError((int) v[0], list(v, 1));
            case RDMSR -> {
                VcpuExit.Rdmsr r = new VcpuExit.Rdmsr((int) v[0], (int) v[1]);
                r.data = v[2];
                r.error = v[3] != 0;
                yield r;
            }
            case WRMSR -> {
                VcpuExit.Wrmsr w = new VcpuExit.Wrmsr((int) v[0], (int) v[1], v[2]);
                w.error = v[3] != 0;
                yield w;
            }
            case HYPERCALL -> {
                VcpuExit.Hypercall h = new VcpuExit.Hypercall(v[0], list(v, 3), v[1] != 0);
                h.result = v[2];
                yield h;
            }
            case BUS_LOCK -> new VcpuExit.BusLock();
            case NOTIFY -> new VcpuExit.Notify((int) v[0]);
            case DIRTY_RING_FULL -> new VcpuExit.DirtyRingFull();
            case SYSTEM_EVENT -> new VcpuExit.SystemEvent((int) v[0], v[1]);
        };
    }

    private static List<Long> list(long[] values, int first) {
        return Arrays.stream(values, first, values.length).boxed().toList();
    }
}
