package dev.javisor.cli.experiment;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Msr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One run of one guest, with what makes exits likely, under one policy. */
final class Trial {
    private static final int ARM = 0x10, EVENT = 0x11, SECOND = 0x12, DONE = 0x13;
    /** Guest time after which a guest will not come to its end any more. */
    private static final long PATIENCE = 20_000;
    /** Most pages that the page-modification log takes. */
    private static final int LOG_ENTRIES = 512;
    /** More pages than the guest stores to besides. */
    private static final int OTHERS = 16;
    /** IA32_APIC_BASE: enabled, x2APIC mode, bootstrap processor. */
    private static final long X2APIC = 0xFEE0_0D00L;
    /** What userspace puts into CR2 with a #PF, and what its #DB says. */
    private static final long TOKEN = 0xDEAD_0000L, SINGLE_STEP_DR6 = 0xFFFF4FF0L;

    /**
     * What a handler has seen; the last one stands for the end of the guest, without a vector.
     *
     * @param vector of the event, or {@link #END}
     */
    record Seen(int vector, long errorCode, long rip, long cr2, long dr6) {
        static final int END = 0xFF;

        /** It is the same event: of an instruction, or one that may come before any. */
        boolean matches(Seen other) {
            boolean anywhere = vector == Event.NMI_VECTOR || vector == EventCase.VECTOR;
            return vector == other.vector && errorCode == other.errorCode && (anywhere || rip == other.rip);
        }
    }

    /**
     * What has happened.
     *
     * @param end how the guest ended: {@code null} as it should, else in words
     * @param seen by the guest
     * @param interrupting exits while an event was being delivered
     * @param cost what it took
     */
    record Result(String end, List<Seen> seen, long interrupting, Cost cost) {}

    /**
     * What a run took from the first exit on that interrupted a delivery.
     *
     * @param exits of the guest
     * @param decisions of the hypervisor that there shall be an exception
     * @param injections that it made
     * @param nested exceptions while an event was being delivered
     * @param instructions retired
     */
    record Cost(long exits, long decisions, long injections, long nested, long instructions) {
        static final Cost NONE = new Cost(0, 0, 0, 0, 0);

        Cost plus(Cost c) {
            return new Cost(
                    exits + c.exits, decisions + c.decisions, injections + c.injections, nested + c.nested, instructions + c.instructions);
        }
    }

    private final EventCase event;
    private final Provocation provocation;
    private final TraceSink trace;
    private final Kvm kvm;
    private final Vm vm;
    private final Vcpu vcpu;
    private final MemorySegment memory;
    private final MemorySegment spare;
    /** Instructions retired when a delivery was interrupted for the first time. */
    private long start;

    private long exits;
    private long interrupting;
    private long logFull;
    private long decisions;
    private long injections;
    private long nested;
    private boolean armed;

    private Trial(Setting setting, GuestImage image, int filled, RequeuePolicy policy, TraceSink trace, Kvm kvm, Arena arena) {
        this.event = setting.event;
        this.provocation = setting.provocation;
        this.trace = trace;
        this.kvm = kvm;
        vm = kvm.createVm();
        vm.setRequeuePolicy(policy);
        vm.createLocalApics(() -> 0);
        memory = arena.allocate(GuestImage.SIZE, GuestImage.PAGE);
        spare = arena.allocate(GuestImage.PAGE, GuestImage.PAGE);
        image.write(memory, filled);
        int flags = provocation.logs() ? MemorySlots.LOG_DIRTY_PAGES : 0;
        vm.setPageModificationLogging(provocation == Provocation.PML_FULL);
        vm.setUserMemoryRegion(0, flags, 0, memory);
        vm.setUserMemoryRegion(1, flags, GuestImage.FILLER, arena.allocate(GuestImage.FILLER_SIZE, GuestImage.PAGE));
        vcpu = vm.createVcpu(0);
        start();
        vcpu.trace(this::count);
    }

    /** A guest, and what interrupts the delivery of its event. */
    static final class Setting {
        private final EventCase event;
        private final Provocation provocation;
        private final GuestImage image;
        private final int filled;

        Setting(EventCase event, Provocation provocation) {
            this.event = event;
            this.provocation = provocation;
            image = new GuestImage(event, provocation);
            filled = provocation == Provocation.PML_FULL ? filled() : 0;
        }

        EventCase event() {
            return event;
        }

        Provocation provocation() {
            return provocation;
        }

        /** How many pages the guest must store to, so that the log is full when the event comes; 0 when no number makes it so. */
        private int filled() {
            for (int pages = LOG_ENTRIES; pages > LOG_ENTRIES - OTHERS; pages--) {
                if (run(pages, RequeuePolicy.ALWAYS, null).logFull > 0) {
                    return pages;
                }
            }
            return 0;
        }

        /**
         * Runs the guest.
         *
         * @param trace is told what happens; null for nobody
         */
        Result run(RequeuePolicy policy, TraceSink trace) {
            return run(filled, policy, trace).result;
        }

        private Outcome run(int pages, RequeuePolicy policy, TraceSink trace) {
            try (Arena arena = Arena.ofConfined();
                    Kvm kvm = Kvm.open(CpuModels.parse(CpuModels.DEFAULT), new Timeline(), Engine.INTERPRETER)) {
                Trial t = new Trial(this, image, pages, policy, trace, kvm, arena);
                String end = t.run();
                return new Outcome(new Result(end, t.seen(), t.interrupting, t.cost()), t.logFull);
            }
        }
    }

    /** @param logFull exits during a delivery because the page-modification log was full */
    private record Outcome(Result result, long logFull) {}

    // ---- the guest's state ----

    private void start() {
        Sregs s = vcpu.getSregs();
        s.cr0 = 0x8001_0033L;
        s.cr3 = GuestImage.PML4;
        // PAE, MCE
        s.cr4 = 0x60;
        s.efer = 0x500;
        s.gdt.base = GuestImage.GDT;
        s.gdt.limit = 0x2F;
        s.idt.base = GuestImage.IDT;
        s.idt.limit = 0xFFF;
        segment(s.cs, GuestImage.CODE_SELECTOR, 11);
        s.cs.l = 1;
        s.cs.db = 0;
        for (Segment x : new Segment[] {s.ds, s.es, s.fs, s.gs, s.ss}) {
            segment(x, GuestImage.DATA_SELECTOR, 3);
        }
        segment(s.tr, GuestImage.TSS_SELECTOR, 11);
        s.tr.base = GuestImage.TSS;
        s.tr.limit = 0x67;
        s.tr.s = 0;
        s.tr.g = 0;
        s.tr.db = 0;
        vcpu.setSregs(s);
        vcpu.setMsr(Msr.APIC_BASE.index, X2APIC);
        Regs r = vcpu.getRegs();
        r.rip = GuestImage.CODE;
        r.rsp = GuestImage.MAIN_STACK;
        r.rflags = 2;
        vcpu.setRegs(r);
    }

    private static void segment(Segment s, int selector, int type) {
        s.base = 0;
        s.limit = -1;
        s.selector = selector;
        s.type = type;
        s.present = 1;
        s.dpl = 0;
        s.s = 1;
        s.g = 1;
        s.db = 1;
        s.unusable = 0;
    }

    // ---- running ----

    private String run() {
        while (kvm.timeline().now() < PATIENCE) {
            VcpuExit x = vcpu.run(PATIENCE);
            switch (x) {
                case VcpuExit.Io io when io.port() == DONE -> {
                    return null;
                }
                case VcpuExit.Io io -> answer(io.port());
                case VcpuExit.Intr i -> {
                    // its time was up
                }
                case VcpuExit.Shutdown s -> {
                    return "shutdown";
                }
                default -> {
                    return x.toString();
                }
            }
        }
        return "no end";
    }

    private void answer(int port) {
        if (port == ARM) {
            arm();
        } else if (port == EVENT || port == SECOND) {
            raise();
        }
    }

    /** From here on, pages are missing. */
    private void arm() {
        armed = true;
        if (provocation.logs()) {
            vm.getDirtyLog(0);
            vm.getDirtyLog(1);
        } else {
            // A slot that comes takes all mappings with it.
            vm.setUserMemoryRegion(2, 0, 1L << 30, spare);
        }
    }

    private void raise() {
        switch (event.origin()) {
            case NMI -> vcpu.nmi();
            case PAGE_FAULT -> exception(Event.PF, true, true, TOKEN);
            case GENERAL_PROTECTION -> exception(Event.GP, true, true, 0);
            case MACHINE_CHECK -> exception(Event.MC, false, true, 0);
            case MIGRATED_DEBUG -> {
                DebugRegs d = vcpu.getDebugRegs();
                d.dr6 = SINGLE_STEP_DR6;
                vcpu.setDebugRegs(d);
                exception(Event.DB, false, false, 0);
            }
            default -> throw new IllegalStateException(event.id() + " asks for no event");
        }
    }

    private void exception(int vector, boolean coded, boolean pending, long payload) {
        VcpuEvents v = vcpu.getVcpuEvents();
        v.exceptionNr = vector;
        v.exceptionHasErrorCode = coded;
        v.exceptionPending = pending;
        v.exceptionInjected = !pending;
        v.exceptionHasPayload = payload != 0;
        v.exceptionPayload = payload;
        vcpu.setVcpuEvents(v);
    }

    /** What another processor does at that moment. */
    private void repair() {
        long e = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, GuestImage.ABSENT_ENTRY);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, GuestImage.ABSENT_ENTRY, e | 1);
    }

    // ---- what happens ----

    private void count(TraceEntry e) {
        if (e.what() instanceof Occurrence.Exit x && x.during() != null) {
            start = interrupting == 0 ? e.instructions() : start;
            interrupting++;
            logFull += x.reason() == ExitReason.PAGE_MODIFICATION_LOG_FULL ? 1 : 0;
            if (event.origin() == EventCase.Origin.REPAIRED) {
                repair();
            }
        }
        if (interrupting > 0) {
            switch (e.what()) {
                case Occurrence.Exit x -> exits++;
                case Occurrence.Queued q -> decisions++;
                case Occurrence.Injected i -> injections++;
                case Occurrence.Combined c -> nested++;
                default -> {
                    // is only shown
                }
            }
        }
        if (trace != null && armed) {
            trace.accept(e);
        }
    }

    private Cost cost() {
        return new Cost(exits, decisions, injections, nested, interrupting == 0 ? 0 : vcpu.retired() - start);
    }

    private List<Seen> seen() {
        List<Seen> all = new ArrayList<>();
        for (long at = GuestImage.LOG; at + GuestImage.RECORD <= GuestImage.LOG_END; at += GuestImage.RECORD) {
            long[] w = new long[GuestImage.WORDS];
            for (int i = 0; i < w.length; i++) {
                w[i] = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 8 * i);
            }
            if (Arrays.stream(w).allMatch(v -> v == 0)) {
                break;
            }
            all.add(new Seen((int) w[0], w[1], w[2], w[3], w[4]));
        }
        return all;
    }
}
