package dev.javisor.hypervisor.abi;

import java.util.List;

/** Why {@code Vcpu.run} came back: KVM's exit reasons, with what {@code struct kvm_run} says about each. */
public sealed interface VcpuExit {
    /** Direction of {@link Io}. */
    int IO_IN = 0, IO_OUT = 1;

    /**
     * KVM_EXIT_IO: an access to I/O ports. For {@link #IO_IN} the caller fills {@code data} before the next run, which completes the
     * instruction.
     *
     * @param direction {@link #IO_IN} or {@link #IO_OUT}
     * @param size bytes of one access: 1, 2 or 4
     * @param count accesses, one after the other, to the same port
     * @param data {@code size * count} bytes, little-endian
     */
    record Io(int direction, int size, int port, int count, byte[] data) implements VcpuExit {
        /** The value of the only access, zero-extended. */
        public int value() {
            int v = 0;
            for (int i = size - 1; i >= 0; i--) {
                v = v << 8 | data[i] & 0xFF;
            }
            return v;
        }

        /** Answers the only access. */
        public void setValue(int value) {
            for (int i = 0; i < size; i++) {
                data[i] = (byte) (value >>> 8 * i);
            }
        }
    }

    /**
     * KVM_EXIT_MMIO: an access to guest-physical addresses that no memory slot holds, or a store to a read-only one. For a load the caller
     * fills {@code data} before the next run, which completes the instruction.
     *
     * @param data eight bytes, of which {@code length} count, little-endian
     * @param length 1 to 8
     */
    record Mmio(long physicalAddress, byte[] data, int length, boolean isWrite) implements VcpuExit {
        /** The value, zero-extended. */
        public long value() {
            long v = 0;
            for (int i = length - 1; i >= 0; i--) {
                v = v << 8 | data[i] & 0xFF;
            }
            return v;
        }

        /** Answers a load. */
        public void setValue(long value) {
            for (int i = 0; i < length; i++) {
                data[i] = (byte) (value >>> 8 * i);
            }
        }
    }

    /** KVM_EXIT_HLT: HLT, when the local APIC is not in the kernel. */
    record Hlt() implements VcpuExit {}

    /** KVM_EXIT_SHUTDOWN: a triple fault. */
    record Shutdown() implements VcpuExit {}

    /** KVM_EXIT_INTR: the time limit was reached, the guest gave way, or it waits for an event. */
    record Intr() implements VcpuExit {}

    /** KVM_EXIT_IRQ_WINDOW_OPEN: an interrupt can be injected, as was requested. */
    record IrqWindowOpen() implements VcpuExit {}

    /** KVM_EXIT_SET_TPR: the guest lowered CR8, and the local APIC is the caller's. */
    record SetTpr() implements VcpuExit {}

    /** KVM_EXIT_IOAPIC_EOI: the guest ended a level-triggered interrupt of the caller's I/O APIC. */
    record IoApicEoi(int vector) implements VcpuExit {}

    /**
     * KVM_EXIT_DEBUG: a debug event that belongs to whoever debugs the guest.
     *
     * @param exception vector, 1 or 3
     * @param pc linear address
     */
    record Debug(int exception, long pc, long dr6, long dr7) implements VcpuExit {}

    /** KVM_EXIT_FAIL_ENTRY: the processor refused to enter the guest: its state is impossible. */
    record FailEntry(long hardwareEntryFailureReason, String explanation) implements VcpuExit {}

    /** KVM_EXIT_UNKNOWN: the processor exited for a reason that the hypervisor did not ask for. */
    record Unknown(long hardwareExitReason) implements VcpuExit {}

    /** KVM_EXIT_INTERNAL_ERROR. @param data as KVM documents it for the suberror */
    record InternalError(int suberror, List<Long> data) implements VcpuExit {
        /** Emulation of an instruction failed. */
        public static final int EMULATION = 1;
        /** An exception exits while another event is being delivered. */
        public static final int SIMUL_EX = 2;
        /** An exit that cannot be resumed came during the delivery of an event. */
        public static final int DELIVERY_EV = 3;

        public InternalError {
            data = List.copyOf(data);
        }
    }

    /** KVM_EXIT_X86_RDMSR: a filtered or unknown register is read. The caller sets {@link Rdmsr#data} or {@link Rdmsr#error}. */
    final class Rdmsr implements VcpuExit {
        public final int index;
        public final int reason;
        public long data;
        /** True: the instruction raises #GP(0). */
        public boolean error;

        public Rdmsr(int index, int reason) {
            this.index = index;
            this.reason = reason;
        }
    }

    /** KVM_EXIT_X86_WRMSR: a filtered or unknown register is written. The caller may set {@link Wrmsr#error}. */
    final class Wrmsr implements VcpuExit {
        public final int index;
        public final int reason;
        public final long data;
        /** True: the instruction raises #GP(0). */
        public boolean error;

        public Wrmsr(int index, int reason, long data) {
            this.index = index;
            this.reason = reason;
            this.data = data;
        }
    }

    /**
     * KVM_EXIT_HYPERCALL: a hypercall that is the caller's to answer, who sets {@link Hypercall#result}.
     */
    final class Hypercall implements VcpuExit {
        /** KVM_HC_MAP_GPA_RANGE: address, pages, attributes. */
        public static final int MAP_GPA_RANGE = 12;

        public final long number;
        /** Six. */
        public final List<Long> args;
        /** The guest is in 64-bit mode. */
        public final boolean longMode;
        /** What the guest finds in RAX; 0 means that it was done. */
        public long result;

        public Hypercall(long number, List<Long> args, boolean longMode) {
            this.number = number;
            this.args = List.copyOf(args);
            this.longMode = longMode;
        }
    }

    /** KVM_EXIT_X86_BUS_LOCK: the guest has locked the bus, with the instruction before RIP. */
    record BusLock() implements VcpuExit {}

    /**
     * KVM_EXIT_NOTIFY: the guest has gone without a boundary between instructions for longer than it may.
     *
     * @param flags {@link #CONTEXT_INVALID}
     */
    record Notify(int flags) implements VcpuExit {
        /** The guest cannot go on. */
        public static final int CONTEXT_INVALID = 1;
    }

    /** KVM_EXIT_DIRTY_RING_FULL: there is hardly any room for pages that are stored to. */
    record DirtyRingFull() implements VcpuExit {}

    /** KVM_EXIT_SYSTEM_EVENT: the guest asks for something that concerns all of it. */
    record SystemEvent(int type, long flags) implements VcpuExit {}
}
