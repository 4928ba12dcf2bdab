package dev.javisor.conformance.vmx;

import dev.javisor.conformance.vmx.VmxHost.Outcome;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.vmx.VmEntryFailure;
import dev.javisor.processor.vmx.VmcsExplanation;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * One random case: a valid VMCS with random controls, damaged in some fields; random bitmaps, extended page tables, MSR lists and guest
 * code. It is entered, and goes on after each exit as long as that works. The same seed makes the same case.
 */
final class VmxCase {
    private static final long ENTRY_FAILURE = 0x8000_0000L;
    private static final int ROUNDS = 24, TICKS = 400;
    private static final int EPT_TABLE4K = 0x24000, CODE_BYTES = 256, MOST_MSRS = 6;

    /** Controls that follow from host and guest. */
    private static final Set<VmxControl> SHAPE =
            Set.of(VmxControl.HOST_ADDRESS_SPACE_SIZE, VmxControl.IA32E_MODE_GUEST, VmxControl.UNRESTRICTED_GUEST);

    private static final VmcsField[] FIELDS = VmcsField.values();
    private static final VmxControl[] CONTROLS = VmxControl.values();

    /** MSRs that lists name. */
    private static final long[] MSRS = {
        0x10, 0x1B, 0x3A, 0x3B, 0x79, 0x8B, 0x9B, 0x9E, 0x174, 0x175, 0x176, 0x1A0, 0x1D9, 0x200, 0x277, 0x2FF, 0x480, 0x48B, 0x6E0, 0x808,
        0x80B, 0x830, 0xDA0, 0xC000_0080L, 0xC000_0081L, 0xC000_0082L, 0xC000_0100L, 0xC000_0101L, 0xC000_0102L, 0xC000_0103L
    };

    /** Instructions that exit, or touch what VMX virtualizes (the last ones the APIC); the bytes between some of them are random. */
    private static final String[] INSTRUCTIONS = {
        "0fa2", "0f32", "0f30", "0f31", "0f01f9", "0f33", "e420", "e642", "ec", "ee", "6c", "6e", "f36f", "f4", "f390", "0f08", "0f09",
        "0f0138", "0f20c0", "0f22c0", "0f20d8", "0f22d8", "0f20e0", "0f22e0", "0f2100", "0f2300", "0f06", "0f01f0", "0f01c1", "0f01c2",
        "0f01c3", "0f01c4", "0f01d4", "0fc73424", "660fc73424", "f30fc73424", "0fc73c24", "0f78c1", "0f79c8", "660f38800424",
        "660f38810424", "660f38820424", "0f0100", "0f0108", "0f0110", "0f0118", "0f00c0", "0f00c8", "0f00d0", "0f00d8", "0f01d0",
        "0f01d1", "0fc7f0", "0fc7f8", "0f01c8", "0f01c9", "660faef0", "f30faef0", "0fc72c24", "0fc71c24", "cd20", "cc", "f1", "ce", "cf",
        "48cf", "fa", "fb", "9c", "9d", "8ed0", "17", "0f05", "0f34", "ea0000080000", "0f0b", "f3a4", "f3aa", "50", "58", "ff30", "8f00",
        "a1", "8900", "8b00", "87", "440f20c0", "440f22c0", "0faa", "0fae00", "ebfe", "ebf0", "8b042580200100", "c704258020010020000000",
        "c70425b020010000000000", "c7042500230100f0000400", "8b0580200100", "c7058020010040000000", "c705b020010000000000",
        "c7050023010051000400", "b9080800000f30", "b90b08000031c031d20f30", "b93f0800000f30", "b9080800000f32", "fbf4"
    };

    final VmxHost host;
    private final Random random;
    private final boolean wide;
    private final GuestKind kind;
    private final List<String> changes = new ArrayList<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private int entries;
    /** The first rule that an entry violated. */
    private String rule;

    private final List<ExitReason> exits = new ArrayList<>();

    VmxCase(CpuModel model, Engine engine, MemorySegment ram, long seed) {
        random = new Random(seed);
        GuestKind[] kinds = GuestKind.values();
        kind = kinds[random.nextInt(kinds.length)];
        wide = kind == GuestKind.LONG || random.nextInt(4) > 0;
        host = new VmxHost(model, engine, ram, wide, kind);
        choose();
        fill();
        damage();
    }

    // ---- making it ----

    private boolean sometimes(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private void choose() {
        int density = random.nextInt(3) == 0 ? 3 : 12;
        for (VmxControl c : CONTROLS) {
            if (host.isFree(c) && !SHAPE.contains(c) && sometimes(density)) {
                host.on(c);
                changes.add(c.name());
            }
        }
        if (sometimes(2)) {
            host.on(VmxControl.ENABLE_EPT);
        }
        // What others need, mostly.
        if (!sometimes(8)) {
            host.on(
                    VmxControl.USE_TPR_SHADOW, VmxControl.EXTERNAL_INTERRUPT_EXITING, VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT,
                    VmxControl.ENABLE_EPT, VmxControl.NMI_EXITING, VmxControl.VIRTUAL_NMIS, VmxControl.ACTIVATE_PREEMPTION_TIMER);
            host.off(sometimes(2) ? VmxControl.VIRTUALIZE_X2APIC_MODE : VmxControl.VIRTUALIZE_APIC_ACCESSES);
            if ((host.get(VmcsField.PIN_CONTROLS) & VmxControl.PROCESS_POSTED_INTERRUPTS.bit) != 0) {
                host.on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY);
            }
        }
    }

    private void bytes(long address, int count, int density) {
        byte[] b = new byte[count];
        random.nextBytes(b);
        for (int i = 0; i < count; i++) {
            b[i] = density == 0 || random.nextInt(density) == 0 ? b[i] : 0;
        }
        host.memory.write(address, b, 0, count);
    }

    private void fill() {
        for (long page : new long[] {
            VmxHost.IO_BITMAP_A, VmxHost.IO_BITMAP_B, VmxHost.MSR_BITMAPS, VmxHost.VMREAD_BITMAP, VmxHost.VMWRITE_BITMAP,
            VmxHost.VIRTUAL_APIC, VmxHost.POSTED_INTERRUPTS
        }) {
            if (sometimes(2)) {
                bytes(page, 4096, 1 << random.nextInt(8));
            }
        }
        code();
        gates();
        list(VmxHost.ENTRY_MSRS, VmcsField.ENTRY_MSR_LOAD_COUNT);
        list(VmxHost.STORED_MSRS, VmcsField.EXIT_MSR_STORE_COUNT);
        list(VmxHost.EXIT_MSRS, VmcsField.EXIT_MSR_LOAD_COUNT);
        if (sometimes(2)) {
            extendedPageTables();
        }
        if (sometimes(3)) {
            host.set(VmcsField.VMCS_LINK_POINTER, VmxHost.SHADOW_VMCS);
            host.on(VmxControl.VMCS_SHADOWING);
        }
        if (sometimes(4)) {
            inject();
        }
        if (sometimes(2)) {
            host.set(VmcsField.PML_INDEX, random.nextInt(4));
        }
        if (sometimes(4)) {
            host.set(VmcsField.GUEST_RFLAGS, host.get(VmcsField.GUEST_RFLAGS) | Flags.IF);
        }
        for (VmcsField f : new VmcsField[] {
            VmcsField.EXCEPTION_BITMAP, VmcsField.CR0_MASK, VmcsField.CR4_MASK, VmcsField.CR0_READ_SHADOW, VmcsField.CR4_READ_SHADOW,
            VmcsField.TSC_OFFSET, VmcsField.EOI_EXIT_BITMAP_0, VmcsField.GUEST_INTERRUPT_STATUS
        }) {
            if (sometimes(5)) {
                host.set(f, random.nextLong());
            }
        }
        for (int r = 0; r < 16; r++) {
            host.cpu.gpr[r] = sometimes(2) ? random.nextInt(VmxHost.RAM) : value(0);
        }
    }

    private void code() {
        byte[] b = new byte[CODE_BYTES];
        random.nextBytes(b);
        int at = 0;
        while (at < CODE_BYTES - 16) {
            byte[] i = HexFormat.of().parseHex(INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)]);
            System.arraycopy(i, 0, b, at, i.length);
            at += i.length + (sometimes(4) ? random.nextInt(4) : 0);
        }
        host.memory.write(VmxHost.GUEST_CODE, b, 0, b.length);
    }

    /** Most events have a handler, somewhere in the guest's code. */
    private void gates() {
        for (int v = 0; v < 256; v++) {
            if (sometimes(16)) {
                continue;
            }
            int offset = random.nextInt(CODE_BYTES);
            long handler = VmxHost.GUEST_CODE + offset;
            long gate = handler | 8 << 16 | (sometimes(2) ? 0x8E00L : 0xEE00L) << 32;
            switch (kind) {
                case LONG -> host.memory.write(VmxHost.IDT + 16L * v, 8, gate);
                case REAL -> host.memory.write(VmxHost.IDT + 4L * v, 4, VmxHost.GUEST_CODE >> 4 << 16 | offset);
                default -> host.memory.write(VmxHost.IDT + 8L * v, 8, gate);
            }
        }
        host.memory.write(VmxHost.TSS + 4, 8, kind == GuestKind.LONG ? VmxHost.GUEST_STACK : 0x10L << 32 | VmxHost.GUEST_STACK);
    }

    private void list(long list, VmcsField count) {
        if (!sometimes(3)) {
            return;
        }
        int n = random.nextInt(MOST_MSRS);
        for (int i = 1; i <= n; i++) {
            host.msr(list, i, MSRS[random.nextInt(MSRS.length)] | (sometimes(16) ? 1L << 32 : 0), sometimes(2) ? 0 : value(0));
        }
        host.set(count, sometimes(40) ? random.nextInt() : n);
    }

    /** The 2 MiB as pages of 4 KiB, some of which lack something; now and then a broken table. */
    private void extendedPageTables() {
        for (int i = 0; i < 512; i++) {
            long e = (long) i << 12 | 0x437;
            host.memory.write(EPT_TABLE4K + 8L * i, 8, sometimes(40) ? e ^ 1L << random.nextInt(sometimes(4) ? 64 : 12) : e);
        }
        host.memory.write(VmxHost.EPT_DIRECTORY, 8, EPT_TABLE4K | 0x407);
        long[] tables = {VmxHost.EPT_TOP, VmxHost.EPT_PDPT, VmxHost.EPT_DIRECTORY};
        if (sometimes(4)) {
            long at = tables[random.nextInt(tables.length)];
            host.memory.write(at, 8, host.memory.read(at, 8) ^ 1L << random.nextInt(64));
        }
    }

    private void inject() {
        int type = random.nextInt(8);
        long vector = type == 2 ? 2 : type == 7 ? 0 : random.nextInt(32);
        long code = type == 3 && sometimes(2) ? 1 << 11 : 0;
        host.set(VmcsField.ENTRY_INTERRUPTION_INFO, 1L << 31 | code | (long) type << 8 | vector);
        host.set(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, random.nextInt(0x10000));
        host.set(VmcsField.ENTRY_INSTRUCTION_LENGTH, random.nextInt(17));
        if (type == 0) {
            host.set(VmcsField.GUEST_RFLAGS, host.get(VmcsField.GUEST_RFLAGS) | Flags.IF);
        }
    }

    /** A value that is likely to lie at some border. */
    private long value(long old) {
        return switch (random.nextInt(10)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> -1L << random.nextInt(64);
            case 4 -> old + random.nextInt(-3, 4);
            case 5 -> random.nextInt(VmxHost.RAM) & ~0xFFF;
            case 6 -> random.nextInt(256);
            case 7 -> random.nextInt() & 0xFFFF_FFFFL;
            case 8 -> random.nextLong();
            default -> old ^ 1L << random.nextInt(64);
        };
    }

    private void damage() {
        int n = sometimes(3) ? 0 : random.nextInt(1, sometimes(8) ? 40 : 4);
        for (int i = 0; i < n; i++) {
            VmcsField f = FIELDS[random.nextInt(FIELDS.length)];
            long old = host.get(f);
            host.set(f, sometimes(2) ? old ^ 1L << random.nextInt(Long.bitCount(f.mask())) : value(old));
            changes.add("%s=%x".formatted(f, host.get(f)));
        }
        if (sometimes(50)) {
            bytes(VmxHost.VMCS + 16, 2048, random.nextInt(64));
            changes.add("random region");
        }
    }

    // ---- running it ----

    /**
     * Enters and goes on.
     *
     * @throws IllegalStateException when an entry fails without reason, or has one and does not fail
     */
    void run() {
        new VmcsExplanation(host.model(), host.memory, VmxHost.VMCS).text();
        boolean launch = !sometimes(20);
        for (int i = 0; i < ROUNDS; i++) {
            host.failures.clear();
            Outcome outcome = host.enter(launch, TICKS);
            entries++;
            outcomes.add(outcome);
            check(outcome);
            if (outcome == Outcome.FAILED || !host.failures.isEmpty()) {
                rule = host.failures.getFirst().violations().isEmpty()
                        ? host.failures.getFirst().reason()
                        : host.failures.getFirst().violations().getFirst().rule().id();
                break;
            }
            if (outcome == Outcome.IN_GUEST) {
                host.run(TICKS);
                // an exit may have ended in a VMX abort
                if (host.cpu.guest != null || host.cpu.activity == Cpu.SHUTDOWN) {
                    break;
                }
            }
            if (outcome == Outcome.SHUTDOWN || outcome == Outcome.LOST || host.currentVmcs() != VmxHost.VMCS) {
                break;
            }
            launch = false;
            exits.add(host.exitReason());
            if (!next(host.exitReason())) {
                break;
            }
        }
    }

    private void check(Outcome outcome) {
        boolean failure = outcome == Outcome.FAILED || outcome == Outcome.EXITED && (host.get(VmcsField.EXIT_REASON) & ENTRY_FAILURE) != 0;
        if (failure && host.failures.isEmpty()) {
            throw new IllegalStateException("an entry failed without a reason");
        }
        if (outcome == Outcome.IN_GUEST && !host.failures.isEmpty()) {
            throw new IllegalStateException("an entry succeeded that had a reason to fail: " + host.failures);
        }
        for (VmEntryFailure f : host.failures) {
            if (f.text().isBlank() || f.violations().isEmpty() == f.reason().isEmpty()) {
                throw new IllegalStateException("no reason: " + f);
            }
        }
    }

    /**
     * What a hypervisor does between an exit and the next entry: mostly steps over the instruction.
     *
     * @return false when it would come to the same exit again
     */
    private boolean next(ExitReason reason) {
        switch (reason) {
            case null -> {
                return true;
            }
            case NMI_WINDOW -> host.off(VmxControl.NMI_WINDOW_EXITING);
            case INTERRUPT_WINDOW -> host.off(VmxControl.INTERRUPT_WINDOW_EXITING);
            case MONITOR_TRAP_FLAG -> {
                if (sometimes(4)) {
                    host.off(VmxControl.MONITOR_TRAP_FLAG);
                }
                return true;
            }
            case EPT_MISCONFIGURATION, TRIPLE_FAULT -> {
                if (sometimes(2)) {
                    return false;
                }
            }
            default -> {
                // an instruction, or what can go on
            }
        }
        if (sometimes(3)) {
            host.set(VmcsField.GUEST_RIP, host.get(VmcsField.GUEST_RIP) + random.nextInt(16));
        } else {
            host.set(VmcsField.GUEST_RIP, host.get(VmcsField.GUEST_RIP) + host.get(VmcsField.EXIT_INSTRUCTION_LENGTH) % 16);
        }
        if (sometimes(6)) {
            inject();
        }
        if (sometimes(12)) {
            damage();
        }
        return true;
    }

    int entries() {
        return entries;
    }

    /** Why the last entry failed, or null. */
    String rule() {
        return rule;
    }

    /** Why the guest left, as often as it did. */
    List<ExitReason> exits() {
        return exits;
    }

    /** What can be seen at the end, to compare engines by. */
    List<String> state() {
        List<String> s = new ArrayList<>();
        outcomes.forEach(o -> s.add("outcome " + o));
        host.failures.forEach(f -> s.add(f.text()));
        s.add("guest " + (host.cpu.guest != null));
        s.add("rip %x".formatted(host.cpu.rip));
        s.add("flags %x".formatted(Flags.rflags(host.cpu)));
        s.add("cr2 %x".formatted(host.cpu.cr2));
        s.add("retired " + host.cpu.retired);
        for (int r = 0; r < 16; r++) {
            s.add("gpr %d %x".formatted(r, host.cpu.gpr[r]));
        }
        host.fields().forEach((f, v) -> s.add("%s %x".formatted(f, v)));
        byte[] code = new byte[CODE_BYTES];
        host.memory.read(VmxHost.GUEST_CODE, code, 0, code.length);
        s.add("code " + HexFormat.of().formatHex(code));
        return s;
    }

    @Override
    public String toString() {
        return "%s on a %d-bit host, %s".formatted(kind, wide ? 64 : 32, changes);
    }
}
